import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readManifests } from "./manifests.ts";

const service = (uri: string): string => `apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: iris
spec:
  predictor:
    model:
      modelFormat:
        name: onnx
      storageUri: ${uri}
`;

it("takes the first of two resources with the same name, and says where the other one is", async () => {
  const directory = await mkdtemp(join(tmpdir(), "manifests-"));
  try {
    const file = join(directory, "iris.yaml");
    await writeFile(file, `${service("./one")}---\n${service("./two")}`);
    const { manifests, problems } = await readManifests([file], file);
    expect(manifests.map(({ line }) => line)).toEqual([1]);
    expect(problems).toEqual([{ place: `${file}:12`, message: expect.stringContaining(`is in ${file}:1 already`) }]);
  } finally {
    await rm(directory, { recursive: true });
  }
});
