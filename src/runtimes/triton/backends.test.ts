import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BackendPlace } from "../../core/backend-servers.ts";
import { createTritonBackends, type TritonServerRule } from "./backends.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "triton-backends-"));
});
afterEach(() => rm(root, { recursive: true }));

/** A tritonserver on the PATH with these backends. */
async function installServer(...backends: readonly string[]): Promise<void> {
  await mkdir(join(root, "bin"));
  await writeFile(join(root, "bin/tritonserver"), "");
  await chmod(join(root, "bin/tritonserver"), 0o755);
  for (const backend of backends) await mkdir(join(root, "backends", backend), { recursive: true });
}

async function placeOf(
  backend: string,
  { rule = "auto", isOwn = false, file = "1/unknown" } = {} as Partial<Asked>,
): Promise<BackendPlace> {
  const folder = join(root, "models/net");
  await mkdir(join(folder, file, ".."), { recursive: true });
  await writeFile(join(folder, file), "");
  const backends = createTritonBackends({ cacheDirectory: root, rule, path: join(root, "bin"), ask: () => Promise.resolve("") });
  return await backends.placeOf({ backend, modelName: "net", folder, isOwn });
}

interface Asked {
  readonly rule: TritonServerRule;
  readonly isOwn: boolean;
  readonly file: string;
}

async function reasonFor(backend: string, asked: Partial<Asked> = {}): Promise<string> {
  const place = await placeOf(backend, asked);
  return place.kind === "nowhere" ? place.reason : place.kind;
}

describe("createTritonBackends", () => {
  it("leaves what this server has a backend for to it, unless the setting says otherwise", async () => {
    await installServer("python");
    expect(await placeOf("python", { isOwn: true })).toEqual({ kind: "own" });
    expect(await placeOf("python", { isOwn: true, rule: { alwaysFor: ["onnxruntime"] } })).toEqual({ kind: "own" });
    for (const alwaysFor of [["python"], ["all"]])
      expect(await placeOf("python", { isOwn: true, rule: { alwaysFor } })).toMatchObject({ kind: "server" });
  });

  it("gives what it lacks to the tritonserver that has it, where all such models share one", async () => {
    await installServer("python", "tensorrt");
    const place = await placeOf("tensorrt");
    expect(place).toMatchObject({
      kind: "server",
      upstream: { modelName: "net", shared: true, place: { kind: "container", container: { program: "triton", image: undefined } } },
    });
  });

  it("says what is missing where there is no such server, and what serves the file here", async () => {
    expect(await reasonFor("tensorrt", { file: "1/model.plan" })).toBe(
      "nitrous has no backend 'tensorrt' of its own, which model 'net' needs, and there is no tritonserver on the PATH, and none was installed; put one that has it, with its folder of backends, on the PATH (the one that 'nitrous runtimes install triton' brings has the backend python only); the ONNX file that 1/model.plan was made of is served by nitrous itself (backend: \"onnxruntime\")",
    );
    expect(await reasonFor("pytorch", { file: "2/model.pt" })).toMatch(/nitrous serves 2\/model\.pt itself: .*modelFormat: pytorch$/);
    expect(await reasonFor("tensorflow", { file: "3/model.savedmodel" })).toMatch(/nitrous serves 3\/model\.savedmodel itself/);
    expect(await reasonFor("python", { isOwn: true, rule: { alwaysFor: ["python"] } })).toMatch(
      /^--triton-server wants .*install one with: nitrous runtimes install triton$/,
    );
  });

  it("says which backends the server has that lacks one, and that the setting keeps it from being started", async () => {
    await installServer("identity", "python");
    expect(await reasonFor("dali")).toContain(
      `and the tritonserver on the PATH has it not either (in ${join(root, "backends")}: identity, python)`,
    );
    expect(await reasonFor("python", { rule: "off" })).toContain("and --triton-server off keeps");
  });
});
