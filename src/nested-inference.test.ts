import { beforeEach, describe, expect, it } from "vitest";
import { callOrigin } from "../test/call-origin.ts";
import { FakeClock, settle } from "../test/fake-clock.ts";
import { FakeHosts, modelSpec } from "../test/fake-hosts.ts";
import type { RequestRecord } from "./core/context.ts";
import { ServeError } from "./core/errors.ts";
import type { Payload } from "./core/inference.ts";
import type { NestedInference } from "./core/nested-inference.ts";
import type { ReplicaCall } from "./core/replica.ts";
import { type ModelVersion, Registry } from "./models/index.ts";
import { createNestedInference } from "./nested-inference.ts";
import { createDataPlane } from "./planes/index.ts";

const TARGET = { namespace: "default", name: "iris" };
const PAYLOAD: Payload = { kind: "tensors", tensors: [{ name: "x", datatype: "FP32", shape: [1], data: new Uint8Array(4) }] };

let clock: FakeClock;
let hosts: FakeHosts;
let registry: Registry;
let model: ModelVersion;
let nested: NestedInference;
let finished: RequestRecord[];

beforeEach(() => {
  clock = new FakeClock();
  hosts = new FakeHosts(clock);
  registry = new Registry();
  finished = [];
  model = hosts.createModel(modelSpec("iris", "a"));
  registry.set(TARGET, [model]);
  hosts.events.on("request-finished", (record) => finished.push(record));
  hosts.methods.predict = { accepts: "tensors", inputs: [{ name: "x", datatype: "FP32", shape: [-1] }], outputs: [] };
  const dataPlane = createDataPlane(registry, clock, () => undefined);
  nested = createNestedInference({ dataPlane, registry, events: hosts.events, clock });
});

async function asked(work: Promise<unknown>): Promise<void> {
  await settle();
  await clock.turn();
  await work;
}

describe("infer", () => {
  it("is counted as a request of the model, with its parent's id", async () => {
    await hosts.manager.start(model);
    const answer = nested.infer({ target: TARGET, payload: PAYLOAD }, callOrigin({ id: "7" }));
    await asked(answer);
    expect(await answer).toMatchObject({ modelName: "iris", output: PAYLOAD, computeMs: 0 });
    expect(finished).toMatchObject([{ protocol: "nested", namespace: "default", model: "iris", outcome: "OK", batchSize: 1 }]);
  });

  it("is refused where all that could answer wait for it, until one of them does not", async () => {
    await hosts.manager.start(model);
    const pid = model.hostPid ?? 0;
    const request = { target: TARGET, payload: PAYLOAD };
    const refused = expect(nested.infer({ ...request, blocks: pid }, callOrigin({}))).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringContaining("model 'iris' asks itself"),
    });
    await settle();
    // What came together with it has its turn first.
    await clock.turn();
    await refused;
    expect(finished).toMatchObject([{ model: "iris", outcome: "FAILED_PRECONDITION" }]);
    await asked(nested.infer({ ...request, blocks: pid + 1 }, callOrigin({})));
    await asked(nested.infer(request, callOrigin({})));
    expect(finished).toHaveLength(3);
  });

  it("stays with its parent's revision, of a service that has one of that name", async () => {
    const newer = hosts.createModel(modelSpec("iris", "b"));
    const versions = { generation: 1, tags: [] };
    registry.split(TARGET, [
      { ...versions, name: "vision-00001", percent: 100, versions: [model] },
      { ...versions, name: "vision-00002", percent: 0, versions: [newer] },
    ]);
    for (const each of [model, newer]) await hosts.manager.start(each);
    for (const revision of ["vision-00002", "other-00007"])
      await asked(nested.infer({ target: TARGET, payload: PAYLOAD }, callOrigin({ revision })));
    expect(finished.map(({ revision }) => revision)).toEqual(["vision-00002", "vision-00001"]);
  });

  it("comes no later than its parent's deadline and goes on with its priority and its models", async () => {
    const calls: ReplicaCall[] = [];
    const { signal } = new AbortController();
    const dataPlane = {
      admit: () => undefined,
      infer: async ({ context, ...request }: Parameters<ReturnType<typeof createDataPlane>["infer"]>[0]) => {
        context.record.model = request.target.name;
        calls.push({ method: "", payload: request.payload, origin: context });
        return { modelName: "", modelVersion: "", output: request.payload };
      },
    };
    const own = createNestedInference({ dataPlane, registry, events: hosts.events, clock });
    const parent = callOrigin({
      id: "7",
      deadline: 50,
      principal: "me",
      priority: 2,
      timeoutMs: 40,
      models: ["a", "b"],
      headers: { h: "1" },
      signal,
    });
    await own.infer({ target: TARGET, payload: PAYLOAD, id: "8" }, parent);
    const { id, deadline, principal, priority, timeoutMs, models, headers } = calls[0]?.origin ?? {};
    expect({ id, deadline, principal, priority, timeoutMs, models, headers }).toEqual({
      id: "8",
      deadline: 50,
      principal: "me",
      priority: 2,
      timeoutMs: 40,
      models: ["a", "b", "iris"],
      headers: { h: "1" },
    });
  });

  it("ends when its parent does", async () => {
    hosts.waits.set("a", new Promise(() => undefined));
    await hosts.manager.start(model);
    const controller = new AbortController();
    const answer = nested.infer({ target: TARGET, payload: PAYLOAD }, callOrigin({ signal: controller.signal }));
    const failed = expect(answer).rejects.toMatchObject({ code: "CANCELLED", message: "the client has gone" });
    await settle();
    await clock.turn();
    controller.abort(new ServeError("CANCELLED", "the client has gone"));
    await failed;
    expect(finished).toMatchObject([{ outcome: "CANCELLED" }]);
    await expect(nested.infer({ target: TARGET, payload: PAYLOAD }, callOrigin({ signal: controller.signal }))).rejects.toThrow("has gone");
  });

  it("refuses models that ask each other for ever, and names them", async () => {
    const models = ["a", "b", "a", "b", "a", "b", "a", "b"];
    await expect(nested.infer({ target: TARGET, payload: PAYLOAD }, callOrigin({ models }))).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringContaining("a -> b -> a -> b -> a -> b -> a -> b -> iris; at most 8"),
    });
    expect(finished).toEqual([]);
  });
});

describe("describe", () => {
  const { signal } = new AbortController();

  it("wakes a model that stands by", async () => {
    hosts.manager.standBy(model);
    expect(await nested.describe(TARGET, signal)).toMatchObject({ framework: "fake" });
    expect(model.state).toBe("ready");
  });

  it("waits for a model that has not had its turn, and for a name whose files are looked for", async () => {
    registry.set(TARGET, [], "it waits for its turn");
    const described = nested.describe(TARGET, signal);
    await settle();
    registry.set(TARGET, [model]);
    await clock.advance(250);
    await hosts.manager.start(model);
    expect(await described).toMatchObject({ framework: "fake" });
  });

  it("tells why there is none", async () => {
    await expect(nested.describe({ ...TARGET, name: "iri" }, signal)).rejects.toMatchObject({ code: "NOT_FOUND" });
    model.fail("failed", "INVALID_ARGUMENT", "its file is no model");
    await expect(nested.describe(TARGET, signal)).rejects.toThrow("its file is no model");
    registry.set(TARGET, [], "no such folder");
    const described = expect(nested.describe(TARGET, signal)).rejects.toThrow("no such folder");
    await settle();
    await clock.advance(5_000);
    await described;
  });

  it("is given up with its signal", async () => {
    const controller = new AbortController();
    const described = expect(nested.describe(TARGET, controller.signal)).rejects.toThrow("enough");
    await settle();
    controller.abort(new Error("enough"));
    await described;
  });
});
