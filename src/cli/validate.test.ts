import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fakeTerminal } from "../../test/fake-terminal.ts";
import { validateCommand } from "./validate.ts";

const SERVICE = `apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: iris
spec:
  predictor:
    model:
      modelFormat:
        name: sklearn
      storageUri: models/iris
`;
const CHAIN = `apiVersion: serving.kserve.io/v1alpha1
kind: ClusterServingRuntime
metadata:
  name: mine
spec:
  supportedModelFormats:
    - name: my-format
      autoSelect: true
  protocolVersions: [v1]
  containers:
    - name: kserve-container
      image: mine:1
---
${SERVICE.replace("name: sklearn", "name: my-format")}`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nitrous-validate-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function validate(text: string, output?: string) {
  const path = join(folder, "model.yaml");
  writeFileSync(path, text);
  const terminal = fakeTerminal();
  const exitCode = await validateCommand([path], output === undefined ? {} : { output }, terminal);
  return { exitCode, out: terminal.out().replaceAll(folder, "."), err: terminal.err().replaceAll(folder, ".") };
}

describe("validate", () => {
  it("says which of the built-in runtimes a model would get", async () => {
    const { exitCode, out, err } = await validate(SERVICE);
    expect([exitCode, err]).toEqual([0, ""]);
    expect(out).toMatch(
      /^\.\/model\.yaml:1: ✓ InferenceService 'iris' in namespace 'default' is valid\n {4}runtime: kserve-sklearnserver, which is /,
    );
  });

  it("knows the runtimes in the files", async () => {
    const { out } = await validate(CHAIN);
    expect(out).toContain("./model.yaml:1: ✓ ClusterServingRuntime 'mine' is valid\n");
    expect(out).toContain("runtime: mine, which is the only one that fits\n");
  });

  it("warns when no runtime that it knows fits, which another server may have", async () => {
    const { exitCode, out } = await validate(SERVICE.replace("name: sklearn", "name: sklaern"));
    expect(exitCode).toBe(0);
    expect(out).toContain("no runtime of those known here: No runtime found to support specified framework/version: sklaern");
  });

  it("names fields that change nothing, with their lines", async () => {
    const { out } = await validate(SERVICE.replace("  predictor:\n", "  predictor:\n    priorityClassName: high\n"));
    expect(out).toContain("! spec.predictor.priorityClassName changes nothing in this version (line 7)");
  });

  it("lists everything that is wrong", async () => {
    const { exitCode, out, err } = await validate(
      `${SERVICE.replace("storageUri", "storageURI")}---\n${SERVICE.replace("iris\n", "Iris!\n")}`,
    );
    expect(exitCode).toBe(1);
    expect(out).toBe("");
    expect(err).toMatch(/^\.\/model\.yaml:10: spec\.predictor\.model\.storageURI: /);
    expect(err).toMatch(/\n\.\/model\.yaml:15: metadata\.name: /);
    expect(err).toMatch(/nitrous: \d problems\n$/);
  });

  it("tells machines the same", async () => {
    const good = JSON.parse((await validate(SERVICE, "json")).out);
    expect(good).toMatchObject({
      valid: true,
      problems: [],
      resources: [
        { kind: "InferenceService", namespace: "default", name: "iris", line: 1, runtime: "kserve-sklearnserver", protocolVersion: "v1" },
      ],
    });
    const bad = JSON.parse((await validate(SERVICE.replace("storageUri", "storageURI"), "json")).out);
    expect(bad).toMatchObject({ valid: false, problems: [{ line: 10, path: "spec.predictor.model.storageURI" }], resources: [] });
  });
});
