import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../test/fake-clock.ts";
import { FakeControlApi } from "../../test/fake-control-api.ts";
import { fakeTerminal } from "../../test/fake-terminal.ts";
import { FAILED, service } from "../../test/kserve-objects.ts";
import { startKubeApi } from "../../test/kube-api-server.ts";
import { type ApplyOptions, applyCommand } from "./apply.ts";
import { createClient } from "./client.ts";
import { deleteCommand } from "./delete.ts";

const IRIS = `apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: iris
spec:
  predictor:
    model:
      modelFormat:
        name: sklearn
      storageUri: ./models/iris
`;
const RUNTIME = `apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata:
  name: mine
spec:
  supportedModelFormats:
    - name: sklearn
  containers:
    - name: kserve-container
      image: mine:1
`;

let api: FakeControlApi;
let folder: string;
beforeEach(async () => {
  api = await FakeControlApi.start();
  folder = mkdtempSync(join(tmpdir(), "nitrous-apply-"));
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await api.close();
});

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function apply(file: string | string[], options: Partial<ApplyOptions> = {}, input = "") {
  const terminal = fakeTerminal({ input });
  const all = { file: Array.isArray(file) ? file : [file], ...options };
  const exitCode = await applyCommand(all, createClient(api.url), terminal, new AbortController().signal);
  return { exitCode, out: terminal.out(), err: terminal.err() };
}

function annotations(name = "iris", namespace = "default"): unknown {
  return api.find("InferenceService", name, namespace)?.metadata.annotations;
}

describe("apply", () => {
  it("makes it with others who make it at the same time", async () => {
    const file = write("iris.yaml", IRIS);
    const { url, server } = await startKubeApi(new FakeClock());
    const outcomes = Array.from({ length: 4 }, async () => {
      const terminal = fakeTerminal();
      const exitCode = await applyCommand({ file: [file] }, createClient(url), terminal, new AbortController().signal);
      return { exitCode, out: terminal.out(), err: terminal.err() };
    });
    const all = await Promise.all(outcomes);
    server.destroy();
    expect(all.map(({ exitCode, err }) => [exitCode, err])).toEqual(all.map(() => [0, ""]));
    expect(all.filter(({ out }) => out.endsWith("created\n"))).toHaveLength(1);
  });

  it("creates, leaves alone and changes, runtimes first", async () => {
    const path = write("all.yaml", `${IRIS}---\n${RUNTIME}`);
    expect(await apply(path)).toEqual({
      exitCode: 0,
      out: "servingruntime.serving.kserve.io/mine created\ninferenceservice.serving.kserve.io/iris created\n",
      err: "",
    });
    // What the server says of it in between is no change of it.
    api.put({ ...service("iris"), ...api.find("InferenceService", "iris", "default"), status: { observedGeneration: 1 } });
    expect((await apply(path)).out).toBe(
      "servingruntime.serving.kserve.io/mine unchanged\ninferenceservice.serving.kserve.io/iris unchanged\n",
    );
    write("all.yaml", IRIS.replace("sklearn", "xgboost"));
    expect((await apply(path)).out).toBe("inferenceservice.serving.kserve.io/iris configured\n");
    expect(api.find("InferenceService", "iris", "default")?.metadata.generation).toBe(2);
  });

  it("tells the server where relative paths start and what it was applied from, unless the file says so", async () => {
    const path = write("iris.yaml", IRIS);
    await apply(folder);
    expect(annotations()).toEqual({ "nitrous/applied-from": folder, "nitrous/base-directory": folder });
    write("iris.yaml", IRIS.replace("./models/iris", "file:///models/iris"));
    await apply(path);
    expect(annotations()).toEqual({ "nitrous/applied-from": path });
    const own = IRIS.replace("  name: iris", "  name: iris\n  annotations:\n    nitrous/base-directory: /elsewhere");
    await apply("-", {}, own);
    expect(annotations()).toEqual({ "nitrous/base-directory": "/elsewhere" });
    await apply("-", {}, IRIS);
    expect(annotations()).toEqual({ "nitrous/base-directory": process.cwd() });
  });

  it("applies nothing when anything is wrong, and says what with its line", async () => {
    write("a.yaml", RUNTIME);
    write("b.yaml", IRIS.replace("storageUri", "storageURI"));
    write("c.yaml", "kind: [");
    const { exitCode, out, err } = await apply(folder);
    expect([exitCode, out]).toEqual([1, ""]);
    const lines = err.trim().split("\n");
    expect(lines.find((line) => line.startsWith(join(folder, "b.yaml")))).toMatch(/b\.yaml:10: spec\.predictor\.model\.storageURI: /);
    expect(lines.find((line) => line.startsWith(join(folder, "c.yaml")))).toMatch(/c\.yaml:\d+: no valid YAML/);
    expect(lines.at(-1)).toBe("nitrous: nothing was applied");
    expect(api.requests).toEqual([]);
  });

  it("finds the same resource in two places", async () => {
    write("a.yaml", IRIS);
    write("b.json", JSON.stringify({ apiVersion: "v1", kind: "List", items: [] }));
    write("c.yaml", IRIS);
    expect((await apply(folder)).err).toContain(
      `c.yaml:4: metadata.name: InferenceService 'iris' in namespace 'default' is already in ${join(folder, "a.yaml")}:1; keep one of them`,
    );
    // One file that two arguments mean is one file.
    rmSync(join(folder, "c.yaml"));
    expect((await apply([folder, join(folder, "a.yaml")])).exitCode).toBe(0);
  });

  it("looks into folders of folders only when asked", async () => {
    mkdirSync(join(folder, "deep"));
    write("deep/iris.yml", IRIS);
    await expect(apply(folder)).rejects.toThrow("--recursive looks into its folders too");
    expect((await apply(folder, { recursive: true })).out).toContain("iris created");
  });

  it("says what cannot be read", async () => {
    await expect(apply(join(folder, "missing.yaml"))).rejects.toThrow("missing.yaml: there is no such file or folder");
    await expect(apply("https://models.example/iris.yaml")).rejects.toThrow("download it first");
    await expect(apply("-", {}, "# nothing\n")).rejects.toThrow("there is no resource in -");
  });

  it("puts resources without a namespace into the one that was named", async () => {
    await apply(write("iris.yaml", IRIS), { namespace: "team" });
    expect(annotations("iris", "team")).toBeDefined();
    const other = write("other.yaml", IRIS.replace("  name: iris", "  name: iris\n  namespace: prod"));
    expect((await apply(other, { namespace: "team" })).err).toContain(
      `${other}:5: metadata.namespace: is prod, and --namespace says team; leave one of them out\n`,
    );
    expect((await apply(other)).exitCode).toBe(0);
  });

  it("changes nothing in a dry run", async () => {
    expect((await apply(write("iris.yaml", IRIS), { dryRun: true, wait: 1 })).out).toBe(
      "inferenceservice.serving.kserve.io/iris created (server dry run)\n",
    );
    expect(annotations()).toBeUndefined();
  });

  it("shows what the server refuses where it stands in the file, and goes on", async () => {
    const causes = [{ field: "spec.predictor.model.storageUri", message: "is not allowed here" }];
    api.refuse = (method, path) =>
      method === "POST" && path.endsWith("inferenceservices") ? { code: 422, message: "invalid", causes } : undefined;
    const path = write("all.yaml", `${IRIS}---\n${RUNTIME}`);
    expect(await apply(path, { prune: true })).toEqual({
      exitCode: 1,
      out: "servingruntime.serving.kserve.io/mine created\n",
      err: `${path}:10: spec.predictor.model.storageUri: is not allowed here\nnitrous: nothing was pruned, because not everything could be applied\n`,
    });
  });

  it("prunes what was applied from there and is there no more", async () => {
    write("iris.yaml", IRIS);
    write("wine.yaml", IRIS.replace("name: iris", "name: wine"));
    write("mine.yaml", RUNTIME);
    await apply(folder);
    api.put(service("other"));
    rmSync(join(folder, "wine.yaml"));
    rmSync(join(folder, "mine.yaml"));
    expect((await apply(folder, { prune: true, dryRun: true })).out).toContain("wine pruned (server dry run)");
    expect((await apply(folder, { prune: true })).out).toBe(
      "inferenceservice.serving.kserve.io/iris unchanged\ninferenceservice.serving.kserve.io/wine pruned\nservingruntime.serving.kserve.io/mine pruned\n",
    );
    expect(api.find("InferenceService", "other", "default")).toBeDefined();
    await expect(apply("-", { prune: true }, IRIS)).rejects.toThrow("--prune needs files or folders");
  });

  it("waits for the models and fails with the one that fails", async () => {
    const path = write("iris.yaml", IRIS);
    api.onWatch = () =>
      api.put({ ...service("iris"), metadata: api.find("InferenceService", "iris", "default")?.metadata ?? { name: "iris" } });
    expect((await apply(path, { wait: 30 })).out).toContain("iris is ready at http://");
    write("iris.yaml", IRIS.replace("sklearn", "xgboost"));
    api.onWatch = () => {
      const { metadata = { name: "iris" } } = api.find("InferenceService", "iris", "default") ?? {};
      api.put({ ...service("iris", { status: { observedGeneration: 2, ...FAILED } }), metadata });
    };
    const { exitCode, err } = await apply(path, { wait: 30 });
    expect(exitCode).toBe(1);
    expect(err).toContain("nitrous: iris: ModelLoadFailed: the pickle was made with scikit-learn 2.0");
  });

  it("deletes what files hold, the last first, however wrong the rest of them is", async () => {
    const path = write("all.yaml", `${RUNTIME}---\n${IRIS.replace("storageUri", "storageURI")}`);
    api.put(service("iris"));
    const terminal = fakeTerminal();
    const options = { namespace: "default", file: [path], ignoreNotFound: true };
    expect(await deleteCommand([], options, createClient(api.url), terminal)).toBe(0);
    expect(terminal.out()).toBe("inferenceservice.serving.kserve.io/iris deleted\n");
    expect(api.requests.map((request) => request.split("/").at(-1))).toEqual(["iris", "mine"]);
    const broken = deleteCommand(
      [],
      { ...options, file: [write("x.yaml", "kind: Pod\nmetadata: {name: x}\n")] },
      createClient(api.url),
      terminal,
    );
    await expect(broken).rejects.toThrow(/x\.yaml:1: kind: expected a kind of KServe, found "Pod"/);
  });
});
