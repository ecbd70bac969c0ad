import { beforeEach, expect, it } from "vitest";
import { FakeClock, settle } from "../../test/fake-clock.ts";
import { FakeHosts, modelSpec } from "../../test/fake-hosts.ts";
import { FakeReplica } from "../../test/fake-replica.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import type { ModelVersion } from "./model-version.ts";

let clock: FakeClock;
let hosts: FakeHosts;
let model: ModelVersion;

async function rest(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) {
    await clock.turn();
    await settle();
  }
}

function request(): RequestContext {
  return new RequestContext({ deadline: clock.now() + 60_000, record: createRecord("v2", "model", clock.now()) });
}

beforeEach(async () => {
  clock = new FakeClock();
  hosts = new FakeHosts(clock);
  model = hosts.createModel(modelSpec("model-a", "a"));
  void hosts.manager.start(model);
  await rest();
});

it("a drained model finishes what is under way, frees what it holds, and refuses requests until it is loaded", async () => {
  const busy = new FakeReplica(8);
  model.scheduler.add(busy);
  const calls = [1, 2, 3].map((value) => model.scheduler.run({ method: "predict", payload: { kind: "json", value } }, {}, request()));
  await rest();
  const held = busy.calls.length;
  expect(held).toBeGreaterThan(0);

  let settled = false;
  const drained = hosts.manager.drain(model).then(() => {
    settled = true;
  });
  await rest();
  expect(model.status(true)).toMatchObject({ state: "draining", answers: false });
  expect(() => model.admit(0, request())).toThrow(
    "It is draining: it finishes what is under way; nitrous load model-a lets it answer again",
  );
  await expect(model.activate(request(), clock)).rejects.toMatchObject({ code: "UNAVAILABLE", retryAfter: undefined });
  expect(settled).toBe(false);

  for (let call = 0; call < held; call++) busy.echo();
  await Promise.all(calls);
  await rest();
  await drained;
  expect(model.status(true)).toMatchObject({ state: "standby", answers: false, reason: expect.stringContaining("it has been drained") });
  expect(hosts.ledger.reserved("memory")).toBe(0);
  await expect(model.activate(request(), clock)).rejects.toThrow("It is standby: it has been drained");

  model.drained = false;
  void model.activate(request(), clock);
  await rest();
  expect(model.status(true)).toMatchObject({ state: "ready", answers: true });
});

it("a drain that is taken back leaves the model where it is", async () => {
  const busy = new FakeReplica(8);
  model.scheduler.add(busy);
  const calls = [1, 2, 3].map((value) => model.scheduler.run({ method: "predict", payload: { kind: "json", value } }, {}, request()));
  await rest();
  const drained = hosts.manager.drain(model);
  await rest();
  model.drained = false;
  while (busy.calls.length > 0) busy.echo();
  await Promise.all(calls);
  await drained;
  expect(model.status(true)).toMatchObject({ state: "ready", answers: true });
});

it("a model that is being loaded is drained when it has loaded", async () => {
  const other = hosts.createModel(modelSpec("model-b", "b"));
  void hosts.manager.start(other);
  const drained = hosts.manager.drain(other);
  await rest();
  await drained;
  expect(other.status(true)).toMatchObject({ state: "standby", answers: false });
});

it("a model that is not loaded is drained at once", async () => {
  await hosts.manager.evict(model, "a test");
  await rest();
  const drained = hosts.manager.drain(model);
  await rest();
  await drained;
  expect(model.answers).toBe(false);
});
