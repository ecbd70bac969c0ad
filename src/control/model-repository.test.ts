import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeClock, settle } from "../../test/fake-clock.ts";
import { FakeHosts, modelSpec } from "../../test/fake-hosts.ts";
import { configurationOf } from "../../test/model-configuration.ts";
import { onnxGraph } from "../../test/onnx-graph.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import type { Target } from "../core/inference.ts";
import type { DynamicBatching } from "../core/model-configuration.ts";
import type { ModelOverride } from "../core/repository.ts";
import type { VersionPolicy } from "../core/version-policy.ts";
import { type ModelVersion, Registry } from "../models/index.ts";
import { asGiven, GivenFiles } from "./given-files.ts";
import { type ModelFiles, RequestedLoads } from "./model-repository.ts";

const TARGET: Target = { namespace: "default", name: "m" };
const ALONE = { dependents: false };
const DYNAMIC: DynamicBatching = {
  preferredBatchSizes: [],
  maxQueueDelayMs: 0,
  preserveOrdering: false,
  priorityLevels: 0,
  defaultPriorityLevel: 0,
  defaultQueuePolicy: { timeoutAction: "REJECT", defaultTimeoutMs: 0, allowTimeoutOverride: false, maxQueueSize: 0 },
  priorityQueuePolicy: {},
};
/** These models are of services. */
const files: ModelFiles = { holds: async () => false, read: async () => undefined, begin: async () => undefined };

let folder: string;
let clock: FakeClock;
let hosts: FakeHosts;
let registry: Registry;
let loads: RequestedLoads;
let own: ModelVersion[];

const context = (): RequestContext => new RequestContext({ deadline: 60_000, record: createRecord("", "m", 0) });
const override = (others: Partial<ModelOverride> = {}): ModelOverride => ({
  configuration: configurationOf({ backend: "" }),
  files: new Map(),
  ...others,
});
const batches = (maxBatchSize: number, versionPolicy?: VersionPolicy): ModelOverride =>
  override({ configuration: configurationOf({ maxBatchSize, versionPolicy, dynamicBatching: DYNAMIC }) });
const served = (): string[] =>
  registry.versions(TARGET).map(({ spec, state }) => `${spec.version} ${state} ${spec.scheduling?.maxBatchRows ?? ""}`);

/** Files are looked at in threads, and drains end in later turns. */
async function done<Result>(work: Promise<Result>): Promise<Result> {
  let settled = false;
  const ended = work.finally(() => {
    settled = true;
  });
  ended.catch(() => undefined);
  while (!settled) {
    await clock.turn();
    await settle();
    await turn();
  }
  return await ended;
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "nitrous-loads-"));
  clock = new FakeClock();
  hosts = new FakeHosts(clock);
  registry = new Registry();
  loads = new RequestedLoads({
    registry,
    manager: hosts.manager,
    events: hosts.events,
    createModel: hosts.createModel,
    files,
    given: new GivenFiles(join(folder, "given")),
    refuses: false,
  });
  own = ["1", "2"].map((version) => {
    writeFileSync(join(folder, version), version);
    return hosts.createModel(modelSpec("m", join(folder, version), version));
  });
  registry.set(TARGET, own);
  await done(Promise.all(own.map((model) => hosts.manager.start(model))));
});

afterEach(async () => {
  await done(loads.close());
  rmSync(folder, { recursive: true });
});

describe("requested loads", () => {
  it("unload all versions or one, and load them again", async () => {
    await done(loads.unload({ ...TARGET, version: "1" }, ALONE));
    expect(registry.versions(TARGET).map(({ answers }) => answers)).toEqual([false, true]);
    await done(loads.unload(TARGET, ALONE));
    expect([registry.versions(TARGET).map(({ answers }) => answers), hosts.processes.size]).toEqual([[false, false], 0]);
    await done(loads.load({ ...TARGET, version: "2" }, undefined, context()));
    expect(registry.versions(TARGET).map(({ answers }) => answers)).toEqual([false, true]);
    await done(loads.load(TARGET, undefined, context()));
    expect(served()).toEqual(["1 ready ", "2 ready "]);
    expect(() => registry.find({ ...TARGET, version: "3" })).toThrow("version 3 is not found");
    await expect(done(loads.load({ ...TARGET, version: "3" }, undefined, context()))).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("unload a model whose turn to load has not come, and then too", async () => {
    const file = join(folder, "slow");
    writeFileSync(file, "slow");
    const target = { namespace: "default", name: "slow" };
    const model = hosts.createModel(modelSpec("slow", file));
    registry.set(target, [model]);
    await done(loads.unload(target, ALONE));
    await done(hosts.manager.start(model));
    for (let times = 0; times < 5; times++) await done(turn());
    expect([model.answers, model.state, hosts.processes.size]).toEqual([false, "standby", 2]);
    await done(loads.load(target, undefined, context()));
    expect([model.answers, model.state]).toEqual([true, "ready"]);
  });

  it("end when their model is removed while it loads", async () => {
    const file = join(folder, "slow");
    writeFileSync(file, "slow");
    const target = { namespace: "default", name: "slow" };
    const model = hosts.createModel(modelSpec("slow", file));
    registry.set(target, [model]);
    hosts.held.add(file);
    const started = hosts.manager.start(model);
    const asked = loads.load(target, undefined, context());
    const refused = expect(asked).rejects.toThrow("version 1 is draining: it is being removed");
    for (let times = 0; times < 5; times++) await done(turn());
    await done(hosts.manager.remove(model));
    await refused;
    await started;
  });

  it("are given up when the server closes", async () => {
    const file = join(folder, "slow");
    writeFileSync(file, "slow");
    const target = { namespace: "default", name: "slow" };
    registry.set(target, [hosts.createModel(modelSpec("slow", file))]);
    hosts.held.add(file);
    const refused = expect(loads.load(target, undefined, context())).rejects.toThrow("the server is shutting down");
    for (let times = 0; times < 5; times++) await done(turn());
    await done(loads.close());
    await refused;
  });

  it("leave a model alone that has not changed, and load it again when its file has", async () => {
    await done(loads.load(TARGET, undefined, context()));
    expect([hosts.loads.length, registry.versions(TARGET)]).toEqual([2, own]);
    writeFileSync(join(folder, "2"), "longer than before");
    await done(loads.load(TARGET, undefined, context()));
    expect(served()).toEqual(["1 ready ", "2 ready "]);
    expect(registry.versions(TARGET)).not.toContain(own[1]);
    expect([hosts.loads.length, hosts.processes.size]).toEqual([4, 2]);
  });

  it("take a configuration until the next load, and the versions that it wants", async () => {
    const wanted = batches(16, { latest: 1 });
    await done(loads.load(TARGET, wanted, context()));
    expect(served()).toEqual(["2 ready 16"]);
    expect(registry.find(TARGET).spec.configuration).toEqual(wanted.configuration);
    expect(hosts.processes.size).toBe(1);
    // Its service goes on as if nothing had happened.
    expect(own.map(({ answers }) => answers)).toEqual([true, true]);
    await done(loads.load(TARGET, undefined, context()));
    expect([served(), hosts.processes.size]).toEqual([["1 ready ", "2 ready "], 2]);
    expect(registry.versions(TARGET)).toEqual(own);
  });

  it("keep what serves when the new one does not load", async () => {
    hosts.failures.set(join(folder, "2"), [new Error("no graph in it")]);
    await expect(done(loads.load(TARGET, batches(4), context()))).rejects.toThrow("no graph in it");
    expect([registry.versions(TARGET), hosts.processes.size]).toEqual([own, 2]);
    await expect(done(loads.load(TARGET, batches(4, { specific: ["7"] }), context()))).rejects.toThrow(
      "no version is available: there are 1, 2, and version_policy names others",
    );
    expect(served()).toEqual(["1 ready ", "2 ready "]);
  });

  it("end when the model's service wants something else", async () => {
    await done(loads.load(TARGET, batches(16), context()));
    const next = hosts.createModel(modelSpec("m", join(folder, "1"), "3"));
    registry.set(TARGET, [next]);
    expect(registry.versions(TARGET)).toEqual([next]);
    await done(turn());
    await done(turn());
    expect(hosts.processes.size).toBe(0);
  });

  it("bring models that nobody knows, with their files, and forget them when they are unloaded", async () => {
    const target = { namespace: "default", name: "given" };
    const graph = onnxGraph({
      nodes: [{ operator: "Relu", inputs: ["x"], outputs: ["y"] }],
      inputs: [{ name: "x", type: "FLOAT", shape: ["n"] }],
      outputs: [{ name: "y", type: "FLOAT", shape: ["n"] }],
    });
    const files = new Map([
      ["1/model.onnx", graph],
      ["3/model.onnx", graph],
    ]);
    const all = configurationOf({ backend: "", json: { version_policy: { all: {} } } });
    await done(loads.load(target, override({ files, configuration: all }), context()));
    expect(registry.versions(target).map(({ spec, state }) => [spec.version, state])).toEqual([
      ["1", "ready"],
      ["3", "ready"],
    ]);
    expect(registry.names("default")).toContain("given");
    await done(loads.load(target, override({ files: new Map([["2/model.onnx", graph]]) }), context()));
    expect(registry.versions(target).map(({ spec }) => spec.version)).toEqual(["2"]);
    await expect(done(loads.load(target, undefined, context()))).rejects.toThrow("failed to poll from model repository");
    await done(loads.unload(target, ALONE));
    expect([registry.has(target), hosts.processes.size]).toEqual([false, 2]);
    const [given] = readdirSync(join(folder, "given"));
    expect(readdirSync(join(folder, "given", given ?? ""))).toEqual([]);
  });

  it("name given files as their giver does", () => {
    const error = new ServeError("FAILED_PRECONDITION", "/state/given/m/1/model.onnx is broken; /state/given holds nothing else");
    expect(asGiven(error, "/state/given")).toMatchObject({ message: "m/1/model.onnx is broken; its folder holds nothing else" });
    expect(asGiven(error, "/elsewhere")).toBe(error);
  });

  it("remove what a server left that was ended, and nothing of one that runs", async () => {
    const left = join(folder, "given");
    // No process has a number as high as this.
    for (const name of ["999999999-a", `${process.ppid}-b`, "other"]) mkdirSync(join(left, name), { recursive: true });
    const files = new Map([["1/model.txt", Buffer.from("hello")]]);
    await expect(done(loads.load(TARGET, override({ files }), context()))).rejects.toThrow("no model");
    expect(readdirSync(left).map((name) => name.replace(`${process.pid}-`, "own "))).toEqual(
      expect.arrayContaining([`${process.ppid}-b`, "other", expect.stringMatching(/^own /)]),
    );
    expect(readdirSync(left)).toHaveLength(3);
  });

  it("refuse files that are no model, and leave nothing of them", async () => {
    const files = new Map([["1/model.txt", Buffer.from("hello")]]);
    const refusal = await done(loads.load(TARGET, override({ files }), context())).catch(String);
    expect(refusal).toContain("the files that were given are no model");
    expect(refusal).not.toContain(folder);
    expect(registry.versions(TARGET)).toEqual(own);
    mkdirSync(join(folder, "given"), { recursive: true });
    const [given] = readdirSync(join(folder, "given"));
    expect(readdirSync(join(folder, "given", given ?? ""))).toEqual([]);
  });
});
