import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { FakeControlApi } from "../../test/fake-control-api.ts";
import { fakeTerminal } from "../../test/fake-terminal.ts";
import { clusterRuntime, FAILED, namespaceRuntime, service, trainedModel } from "../../test/kserve-objects.ts";
import { createClient } from "./client.ts";
import { type GetOptions, getCommand } from "./get.ts";
import type { RuntimeMachine } from "./runtime-machine.ts";
import { placeOf } from "./runtime-rows.ts";
import { runtimesCommand } from "./runtimes.ts";

let api: FakeControlApi;
beforeEach(async () => {
  api = await FakeControlApi.start();
});
afterEach(() => api.close());

async function get(words: string[], options: Partial<GetOptions> = {}, terminal = fakeTerminal(), signal = new AbortController().signal) {
  await getCommand(words, { namespace: "default", ...options }, createClient(api.url), terminal, signal);
  return terminal.out();
}

/** Without what the tables leave to their readers: the ends of lines. */
function table(text: string): string {
  return `${text
    .trim()
    .split("\n")
    .map((line) => line.trim())
    .join("\n")}\n`;
}

describe("get", () => {
  it("lists InferenceServices of the namespace", async () => {
    api.put(service("iris", { status: { nitrous: { versions: [{ version: "1", replicas: { ready: 1, wanted: 2, auto: true } }] } } }));
    api.put(service("wine", { status: FAILED, metadata: { creationTimestamp: "2025-12-30T00:00:00Z" } }));
    api.put(service("other", { metadata: { namespace: "team" } }));
    expect(await get([])).toBe(
      table(`
        NAME   URL                                          READY   STATE          REPLICAS   RUNTIME                AGE
        iris   http://127.0.0.1:8080/serving/default/iris   True    Loaded         1/2        kserve-sklearnserver   5m
        wine   http://127.0.0.1:8080/serving/default/wine   False   FailedToLoad   -          kserve-sklearnserver   2d
      `),
    );
  });

  it("tells more with wide, and the namespace with all namespaces", async () => {
    api.put(service("iris", { metadata: { generation: 3 }, status: { observedGeneration: 2 } }));
    api.put(service("wine", { status: FAILED, metadata: { namespace: "team" } }));
    const lines = (await get(["isvc"], { allNamespaces: true, output: "wide" })).split("\n");
    expect(lines[0]).toMatch(/^NAMESPACE {3}NAME .* AGE {3}FORMAT {6}GENERATION {3}REASON$/);
    expect(lines[1]).toMatch(/^default {5}iris .* Loaded\/Pending .* sklearn:1 {3}2\/3 {10}-$/);
    expect(lines[2]).toMatch(/^team {8}wine .* 1 {12}ModelLoadFailed: the pickle was made with scikit-learn 2.0 …$/);
  });

  it("lists runtimes of either scope, and all kinds one after another", async () => {
    api.put(clusterRuntime("kserve-sklearnserver"));
    api.put(namespaceRuntime("mine"));
    const runtimes = table(`
      NAME   SCOPE       FORMATS                 PROTOCOLS   WHERE       DISABLED   AGE
      mine   namespace   sklearn:1,xgboost:1|2   any         container   true       5m
    `);
    expect(await get(["sr"])).toBe(runtimes);
    api.put(service("iris"));
    const all = await get(["all"]);
    expect(all.split("\n\n").map((text) => text.slice(0, 4))).toEqual(["NAME", "NAME", "NAME"]);
    expect(all).toContain("kserve-sklearnserver   cluster   sklearn:1,xgboost:1|2   v1,v2       python   false      -\n");
  });

  it("lists TrainedModels with their InferenceService", async () => {
    api.put(trainedModel("m1"));
    api.put(trainedModel("m2", { status: "False", reason: "MemoryResourceNotAvailable", message: "it needs more" }));
    const url = (name: string): string => `http://127.0.0.1:8080/serving/default/${name}/v1/models/${name}:predict`;
    expect(await get(["tm"], { output: "wide" })).toBe(
      table(`
        NAME   URL                                                             READY   STATE          INFERENCESERVICE   FRAMEWORK   MEMORY   AGE   REASON
        m1     ${url("m1")}   True    Loaded         holder             sklearn     256Mi    5m    -
        m2     ${url("m2")}   False   FailedToLoad   holder             sklearn     256Mi    5m    MemoryResourceNotAvailable: it needs more
      `),
    );
  });

  it("gives the server's own JSON and YAML, one resource or a list", async () => {
    const stored = api.put(service("iris"));
    expect(JSON.parse(await get(["iris"], { output: "json" }))).toEqual(stored);
    expect(parse(await get(["isvc"], { output: "yaml" }))).toEqual({ apiVersion: "v1", kind: "List", metadata: {}, items: [stored] });
    expect(await get(["iris"], { output: "yaml" })).toContain('creationTimestamp: "2026-01-01T00:00:00Z"');
    expect(await get(["isvc/iris"], { output: "name" })).toBe("inferenceservice.serving.kserve.io/iris\n");
    await expect(get([], { output: "xml" })).rejects.toThrow("--output xml: expected json, yaml, wide, name");
  });

  it("asks for labels", async () => {
    api.put(service("iris", { metadata: { labels: { team: "a" } } }));
    api.put(service("wine"));
    expect(await get([], { selector: "team=a", output: "name" })).toBe("inferenceservice.serving.kserve.io/iris\n");
  });

  it("says that there is nothing where there is nothing", async () => {
    const terminal = fakeTerminal();
    expect(await get([], {}, terminal)).toBe("");
    expect(terminal.err()).toBe("there are no inferenceservices in namespace default; apply one with 'nitrous apply -f FILE'\n");
  });

  it("suggests what was perhaps meant", async () => {
    api.put(service("iris"));
    api.put(service("wine", { metadata: { namespace: "team" } }));
    await expect(get(["irsi"])).rejects.toThrow("there is no InferenceService 'irsi' in namespace 'default'; did you mean iris?");
    await expect(get(["wine"])).rejects.toThrow("in namespace 'default'; there is one in namespace team (-n team)");
    await expect(get(["ivsc"])).rejects.toThrow("did you mean the kind isvc?");
  });

  it("tells whoever has no server how to start one", async () => {
    const client = createClient("http://127.0.0.1:1");
    const started = getCommand([], { namespace: "default" }, client, fakeTerminal(), new AbortController().signal);
    await expect(started).rejects.toThrow("no server answers at http://127.0.0.1:1; start one with 'nitrous serve'");
  });
});

describe("get --watch", () => {
  it("shows what there is and each change in one table, until the signal", async () => {
    api.put(
      service("iris", {
        status: { modelStatus: { transitionStatus: "InProgress", states: { activeModelState: "", targetModelState: "Loading" } } },
      }),
    );
    api.onWatch = () => {
      api.put(service("iris"));
      api.put(service("ignored", { metadata: { namespace: "team" } }));
      api.delete(service("iris"));
    };
    const controller = new AbortController();
    const terminal = fakeTerminal({ onText: (text) => text.includes("deleted") && controller.abort() });
    const lines = (await get(["iris"], { watch: true }, terminal, controller.signal)).trim().split("\n");
    expect(lines.map((line) => line.split(/ +/)[3])).toEqual(["STATE", "Loading", "Loaded", "deleted"]);
  });

  it("lists again when the server has forgotten where it was, and does not repeat itself", async () => {
    api.put(service("iris"));
    api.oldest = 1000;
    const controller = new AbortController();
    let lists = 0;
    api.refuse = (_, path) => {
      if (++lists === 4) {
        api.oldest = 0;
        api.put(service("wine"));
      }
      return path === "" ? { code: 500, message: "" } : undefined;
    };
    const terminal = fakeTerminal({ onText: (text) => text.includes("wine") && controller.abort() });
    const text = await get([], { watch: true, output: "name" }, terminal, controller.signal);
    expect(text).toBe("inferenceservice.serving.kserve.io/iris\ninferenceservice.serving.kserve.io/wine\n");
  });

  it("fails when the server ends the watch, and for several kinds", async () => {
    api.onWatch = () => api.endWatches();
    await expect(get(["isvc"], { watch: true })).rejects.toThrow("has ended the watch");
    await expect(get(["all"], { watch: true })).rejects.toThrow("only one kind can be watched at a time");
  });
});

/** Says of every runtime that it is there, and has one configuration. */
const machine: RuntimeMachine = {
  place: (object) => Promise.resolve(placeOf(object)),
  installed: ({ metadata }) => Promise.resolve({ ready: true, text: `${metadata.name} 1.0` }),
  configurations: () =>
    Promise.resolve([
      { name: "cpu", chosen: true, usable: true, devices: "none", runAs: "auto", engine: "auto", here: "runs on the processor" },
    ]),
};

describe("runtimes", () => {
  it("lists the namespace's own before the cluster's", async () => {
    api.put(clusterRuntime("a"));
    api.put(namespaceRuntime("z"));
    api.put(namespaceRuntime("elsewhere", "team"));
    const terminal = fakeTerminal();
    await runtimesCommand({ namespace: "default", output: "wide" }, createClient(api.url), machine, terminal);
    const [table = "", configurations = ""] = terminal.out().split("\n\n");
    const rows = table.trim().split("\n");
    expect(rows.map((row) => row.split(/ {3,}/)[0])).toEqual(["NAME", "z", "a"]);
    expect(rows[2]).toMatch(/ nitrous +a 1.0$/);
    expect(configurations).toMatch(/^CONFIGURATION .*\ncpu \* +none +auto +auto +runs on the processor\n$/);
  });

  it("tells machines the same, and brings its own without a server", async () => {
    const terminal = fakeTerminal();
    await runtimesCommand({ namespace: "default", output: "json" }, createClient("http://127.0.0.1:9"), machine, terminal);
    expect(terminal.err()).toContain("no server answers");
    const { items, configurations } = JSON.parse(terminal.out()) as {
      items: { metadata: { name: string }; status: unknown }[];
      configurations: unknown;
    };
    const byName = new Map(items.map(({ metadata, status }) => [metadata.name, status]));
    expect(byName.get("vllm")).toEqual({ protocols: ["openai"], where: "process", ready: true, installed: "vllm 1.0" });
    expect(byName.get("triton")).toMatchObject({ protocols: ["v2", "grpc-v2"], where: "process" });
    expect(byName.get("kserve-sklearnserver")).toMatchObject({ protocols: ["v1", "v2"], where: "python" });
    expect(configurations).toMatchObject([{ name: "cpu", chosen: true }]);
  });

  it("tells which one a model would get and why", async () => {
    api.put(clusterRuntime("a"));
    api.put(clusterRuntime("b", { disabled: true }));
    const terminal = fakeTerminal();
    const client = createClient(api.url);
    await runtimesCommand({ namespace: "default", for: "sklearn:1", protocol: "v2" }, client, machine, terminal);
    expect(terminal.out()).toMatch(/^ {2}✓ a \(cluster\): is the only one that fits\n {2}✗ b \(cluster\): .*disabled/);
    await runtimesCommand({ namespace: "default", for: "onnx" }, client, machine, terminal);
    expect(terminal.out()).toContain("No runtime found to support specified framework/version: onnx over v1 (the default).");
    await expect(runtimesCommand({ namespace: "default", for: "x", protocol: "v3" }, client, machine, terminal)).rejects.toThrow(
      "expected v1, v2",
    );
  });
});
