import { beforeEach, expect, it } from "vitest";
import { ensembleConfiguration, modelDescription } from "../test/ensembles.ts";
import { FakeClock, settle } from "../test/fake-clock.ts";
import { FakeHosts, modelSpec } from "../test/fake-hosts.ts";
import { createRecord, RequestContext } from "./core/context.ts";
import type { Payload } from "./core/inference.ts";
import type { ModelSpec } from "./core/model.ts";
import type { ModelConfiguration } from "./core/model-configuration.ts";
import { withEnsembles } from "./ensemble-models.ts";
import { restartEnsembles } from "./ensemble-restarts.ts";
import { Ledger, Manager, MEMORY, Measurements, ModelVersion, Registry } from "./models/index.ts";
import { createNestedInference } from "./nested-inference.ts";
import { createDataPlane, ResponseCache } from "./planes/index.ts";
import { withProgramModels } from "./program-models.ts";
import { Scheduler } from "./scheduler/index.ts";

let clock: FakeClock;
let hosts: FakeHosts;
let registry: Registry;
let manager: Manager;

beforeEach(() => {
  clock = new FakeClock();
  hosts = new FakeHosts(clock);
  hosts.methods.predict = modelDescription(["i FP32 [2]"], ["o FP32 [2]"]).methods.predict as never;
  registry = new Registry();
  const nested = createNestedInference({
    dataPlane: createDataPlane(registry, clock, () => undefined),
    registry,
    events: hosts.events,
    clock,
  });
  manager = new Manager({
    clock,
    steps: withEnsembles(withProgramModels(hosts.steps()), nested),
    ledger: new Ledger({ [MEMORY]: 1e12 }),
    events: hosts.events,
    measurements: new Measurements(),
    evictionPolicy: "lru",
    concurrentLoads: 1,
    modelsPerHost: () => 1,
    measure: () => Promise.resolve(0),
    loadTimeoutMs: 100_000,
  });
});

/** A model of that name, in the registry and not yet loaded. */
function added(name: string, more: Partial<ModelSpec> = {}): ModelVersion {
  const model = hosts.createModel({ ...modelSpec(name, name), ...more });
  registry.set(model.spec, [model]);
  return model;
}

function chain(...models: readonly string[]): ModelConfiguration {
  return ensembleConfiguration({
    inputs: ["0 FP32 [2]"],
    outputs: [`${models.length} FP32 [2]`],
    steps: models.map((modelName, index) => ({ modelName, inputMap: { i: String(index) }, outputMap: { o: String(index + 1) } })),
  });
}

function ensemble(name: string, ...models: readonly string[]): ModelVersion {
  return added(name, { format: "ensemble", configuration: chain(...models) });
}

async function rest(): Promise<void> {
  for (let round = 0; round < 5; round++) await settle();
}

it("waits for the models of its steps, and keeps none of them from loading", async () => {
  const [all, first, second] = [ensemble("all", "first", "second"), added("first"), added("second")];
  const started = manager.start(all);
  await rest();
  expect(all.reason).toBe("waiting for first, second");
  await manager.start(first);
  await rest();
  expect(all.reason).toBe("waiting for second");
  manager.standBy(second);
  await clock.advance(250);
  await started;
  expect([all.state, second.state]).toEqual(["ready", "ready"]);
  expect(all.description).toMatchObject({
    framework: "ensemble",
    methods: { predict: { inputs: [{ name: "0" }], outputs: [{ name: "2" }] } },
  });
  await manager.close();
});

it("says which model is missing, and is loaded as soon as that is there", async () => {
  const end = restartEnsembles({ registry, manager, events: hosts.events });
  const all = ensemble("all", "first");
  await manager.start(all);
  expect(all.failure).toMatchObject({
    code: "FAILED_PRECONDITION",
    message: expect.stringContaining("ensemble 'all' depends on 'first' which has no loaded version: Model with name first does not exist"),
  });
  await manager.start(added("first"));
  await rest();
  expect(all.state).toBe("ready");
  end();
  await manager.close();
});

it("says which version of a model is missing", async () => {
  const steps = [{ modelName: "first", modelVersion: "3", inputMap: { i: "x" }, outputMap: { o: "y" } }];
  const configuration = ensembleConfiguration({ inputs: ["x FP32 [2]"], outputs: ["y FP32 [2]"], steps });
  const all = added("all", { format: "ensemble", configuration });
  await manager.start(added("first"));
  await manager.start(all);
  expect(all.failure?.message).toContain("ensemble 'all' depends on 'first' whose required version 3 is not loaded");
  await manager.close();
});

it("does not answer while one of its models does not, and answers again after that", async () => {
  const [all, first] = [ensemble("all", "first"), added("first")];
  await manager.start(first);
  await manager.start(all);
  expect(all.answers).toBe(true);
  const drained = manager.drain(first);
  await rest();
  await clock.turn();
  await drained;
  expect(all.answers).toBe(false);
  expect(all.reason).toContain("ensemble 'all' depends on 'first' which has no loaded version: Model with name first is not ready");
  first.drained = false;
  expect(first.answers).toBe(true);
  expect(all.answers).toBe(true);
  await manager.close();
});

it("does not answer while one of its models is another one that does not fit", async () => {
  const [all, first] = [ensemble("all", "first"), added("first")];
  await manager.start(first);
  await manager.start(all);
  hosts.methods.predict = modelDescription(["i INT64 [2]"], ["o FP32 [2]"]).methods.predict as never;
  const next = hosts.createModel(modelSpec("first", "next"));
  await manager.start(next);
  registry.set(first.spec, [next]);
  await manager.remove(first);
  expect(all.answers).toBe(false);
  expect(all.reason).toContain("inconsistent data type: FP32 is inferred from model 'all' while INT64 is inferred from model 'first'");
  await manager.close();
});

it("refuses ensembles that wait for each other, and names them", async () => {
  const [one, other] = [ensemble("one", "other"), ensemble("other", "one")];
  await Promise.all([manager.start(one), manager.start(other)]);
  expect(other.failure?.message).toContain("circular dependency between ensembles: other -> one -> other");
  expect(one.failure?.message).toContain("ensemble 'one' depends on 'other' which has no loaded version");
  const itself = ensemble("itself", "itself");
  await manager.start(itself);
  expect(itself.failure?.message).toContain("circular dependency between ensembles: itself -> itself");
  await manager.close();
});

it("gives up waiting when it is removed", async () => {
  const all = ensemble("all", "first");
  added("first");
  void manager.start(all);
  await rest();
  await manager.remove(all);
  expect(all.state).toBe("draining");
});

it("refuses one without steps", async () => {
  const all = added("all", { format: "ensemble" });
  await manager.start(all);
  expect(all.failure?.message).toContain("ensemble scheduling must be set for ensemble 'all'");
});

it("keeps its answers for equal requests where its configuration says so", async () => {
  hosts.methods.predict = modelDescription(["v FP32 [2]"], ["v FP32 [2]"]).methods.predict as never;
  const steps = [{ modelName: "first", inputMap: { v: "x" }, outputMap: { v: "y" } }];
  const configuration = ensembleConfiguration({ inputs: ["x FP32 [2]"], outputs: ["y FP32 [2]"], steps, responseCache: true });
  const [all, first] = [added("all", { format: "ensemble", configuration, responseCache: true }), added("first")];
  await manager.start(first);
  await manager.start(all);
  const asked: string[] = [];
  hosts.events.on("request-finished", ({ model, protocol }) => asked.push(`${protocol} ${model}`));
  const plane = createDataPlane(registry, clock, () => undefined, new ResponseCache(1e6));
  const payload: Payload = { kind: "tensors", tensors: [{ name: "x", datatype: "FP32", shape: [2], data: new Uint8Array(8) }] };
  for (const cache of ["miss", "hit"]) {
    const context = new RequestContext({ deadline: 1e9, record: createRecord("v2", "all", clock.now()) });
    const answer = plane.infer({ target: { namespace: "default", name: "all" }, payload, context });
    for (let turn = 0; turn < 3; turn++) {
      await rest();
      await clock.turn();
    }
    expect(await answer).toMatchObject({ output: { tensors: [{ name: "y" }] } });
    expect(context.record.cache).toBe(cache);
  }
  expect(asked).toEqual(["nested first"]);
  await manager.close();
});

it("has requests of several clients share the calls of its models", async () => {
  hosts.methods.predict = modelDescription(["v FP32 [-1,2]"], ["v FP32 [-1,2]"], { batchable: true }).methods.predict as never;
  const calls: number[] = [];
  const queueLimits = { maxRequests: 100, maxBytes: 1e6, maxStreams: 1 };
  const batchLimits = { maxRows: 64, maxBytes: 1e6 };
  const scheduler = new Scheduler({ clock, queueLimits, batchLimits, onBatch: ({ size }) => calls.push(size) });
  const first = new ModelVersion(modelSpec("first", "first"), () => scheduler, hosts.events);
  registry.set(first.spec, [first]);
  const steps = [{ modelName: "first", inputMap: { v: "x" }, outputMap: { v: "y" } }];
  const configuration = ensembleConfiguration({ inputs: ["x FP32 [-1,2]"], outputs: ["y FP32 [-1,2]"], steps });
  const all = added("all", { format: "ensemble", configuration });
  await manager.start(first);
  await manager.start(all);
  const plane = createDataPlane(registry, clock, () => undefined);
  const answers = Array.from({ length: 8 }, (_, index) => {
    const data = new Uint8Array(new Float32Array([index, -index]).buffer);
    const payload: Payload = { kind: "tensors", tensors: [{ name: "x", datatype: "FP32", shape: [1, 2], data }] };
    const context = new RequestContext({ deadline: 1e9, record: createRecord("v2", "all", clock.now()) });
    return plane.infer({ target: { namespace: "default", name: "all" }, payload, context });
  });
  for (let turn = 0; turn < 4; turn++) {
    await rest();
    await clock.turn();
  }
  const given = (await Promise.all(answers)).flatMap(({ output }) => ("kind" in output && output.kind === "tensors" ? output.tensors : []));
  const values = given.map(({ data }) => new Float32Array((data as Uint8Array).slice().buffer)[0]);
  expect(values).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(given[0]?.name).toBe("y");
  expect(calls).toEqual([8]);
  await manager.close();
});
