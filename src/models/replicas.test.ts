import { beforeEach, describe, expect, it } from "vitest";
import { FakeClock, settle } from "../../test/fake-clock.ts";
import { FakeHosts, modelSpec } from "../../test/fake-hosts.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import type { EventMap } from "../core/events.ts";
import type { ModelSpec } from "../core/model.ts";
import type { ScalingSpec } from "../core/scaling.ts";
import type { ModelVersion } from "./model-version.ts";

const MEBIBYTE = 1048576;
const KILLED = "was killed by SIGKILL";

let clock: FakeClock;
let hosts: FakeHosts;
let scaled: EventMap["model-scaled"][];

beforeEach(() => begin());

function begin({ memory, places, models }: { memory?: number; places?: number; models?: number } = {}): void {
  clock = new FakeClock();
  hosts = new FakeHosts(clock, memory, places, undefined, models === undefined ? {} : { models });
  scaled = [];
  hosts.events.on("model-scaled", (event) => scaled.push(event));
}

async function rest(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) {
    await clock.turn();
    await settle();
  }
}

/** In steps of the autoscaler's looks. */
async function pass(seconds: number): Promise<void> {
  for (let step = 0; step < seconds * 10; step++) await clock.advance(100);
  await rest();
}

function scaling(fields: Partial<ScalingSpec>): ScalingSpec {
  const windows = { windowMs: 60_000, panicWindowMs: 6_000, panicThreshold: 2, scaleDownDelayMs: 0 };
  return { least: 1, most: 1, metric: "concurrency", target: 2, utilization: 1, ...windows, ...fields };
}

async function started(file: string, fields: Partial<ScalingSpec>, more: Partial<ModelSpec> = {}): Promise<ModelVersion> {
  const model = hosts.createModel({ ...modelSpec(`model-${file}`, file), scaling: scaling(fields), ...more });
  void hosts.manager.start(model);
  await rest();
  return model;
}

/** Its load takes so long. */
async function startedAfter(milliseconds: number, file: string, fields: Partial<ScalingSpec>): Promise<ModelVersion> {
  hosts.held.add(file);
  const model = await started(file, fields);
  await clock.advance(milliseconds);
  hosts.release(file);
  await rest();
  return model;
}

function request(): RequestContext {
  return new RequestContext({ deadline: clock.now() + 1e9, record: createRecord("v2", "model", clock.now()) });
}

async function ask(model: ModelVersion): Promise<string> {
  const context = request();
  try {
    await model.activate(context, clock);
    await model.scheduler.run({ method: "predict", payload: { kind: "json", value: 1 } }, {}, context);
    return "answered";
  } catch (error) {
    return ServeError.from(error).code;
  }
}

async function answer(model: ModelVersion): Promise<string> {
  const outcome = ask(model);
  await rest();
  return await outcome;
}

async function kill(pid: number | undefined): Promise<void> {
  hosts.processes.get(pid ?? -1)?.(KILLED);
  await rest();
  await clock.advance(0);
  await rest();
}

const counts = (model: ModelVersion) => [model.replicas.counts.ready, model.replicas.counts.wanted];

describe("a model with several replicas", () => {
  it("has each in a process of its own, also where models share processes, and counts as one model", async () => {
    begin({ places: 4, models: 2 });
    const three = await started("a", { least: 3, most: 3 });
    const other = await started("b", {});
    expect(new Set(three.status(true).hostPids).size).toBe(3);
    expect(other.hostPid).toBe(three.hostPid);
    expect([other.state, hosts.ledger.reserved("models")]).toEqual(["ready", 2]);
    await hosts.manager.remove(three);
    expect([hosts.processes.size, hosts.ledger.reserved("models")]).toEqual([1, 1]);
  });

  it("answers as long as one of them does, and the others come back", async () => {
    const model = await started("a", { least: 2, most: 2 });
    const [first, second] = model.status(true).hostPids;
    hosts.held.add("a");
    await kill(first);
    expect([model.state, model.hostPid, ...counts(model)]).toEqual(["ready", second, 1, 2]);
    expect(await answer(model)).toBe("answered");
    await kill(second);
    expect(model.state).toBe("loading");
    hosts.release("a");
    await rest();
    expect([model.state, ...counts(model), model.hostExits]).toEqual(["ready", 2, 2, 2]);
  });

  it("is ready with its first one, and begins the others then", async () => {
    hosts.held.add("a");
    const model = await started("a", { least: 3, most: 3 });
    expect([model.state, hosts.loads.length]).toEqual(["loading", 1]);
    hosts.release("a");
    await rest();
    expect([model.state, ...counts(model)]).toEqual(["ready", 3, 3]);
    expect(clock.timers).toBe(0);
  });

  it("goes on without one that cannot be had, says why, and tries again", async () => {
    const model = await started("a", { least: 1, most: 3 });
    hosts.failures.set("a", [new ServeError("UNAVAILABLE", "no luck"), new ServeError("UNAVAILABLE", "no luck again")]);
    await hosts.manager.scale(model, 2);
    expect(model.status(true)).toMatchObject({ state: "ready", replicas: { ready: 1, wanted: 2, auto: false, obstacle: "no luck" } });
    await clock.advance(5_000);
    await rest();
    expect(model.replicas.counts.obstacle).toBe("no luck again");
    await clock.advance(9_999);
    await rest();
    expect(counts(model)).toEqual([1, 2]);
    await clock.advance(1);
    await rest();
    expect([...counts(model), model.replicas.counts.obstacle]).toEqual([2, 2, undefined]);
    expect(clock.timers).toBe(0);
  });

  it("still counts as a model when the one that was counted could not be kept alive", async () => {
    const model = await started("a", { least: 2, most: 2 });
    for (let deaths = 0; deaths < 7; deaths++) {
      await kill(Math.min(...model.status(true).hostPids));
      await clock.advance(30_000);
      await rest();
    }
    expect([model.state, hosts.ledger.reserved("models")]).toEqual(["ready", 1]);
  });

  it("leaves nothing behind when it fails, is evicted or removed", async () => {
    const model = await started("a", { least: 1, most: 3 });
    await hosts.manager.scale(model, 3);
    await hosts.manager.evict(model, "evicted by a test");
    expect([model.state, hosts.processes.size, hosts.ledger.reserved("memory")]).toEqual(["standby", 0, 0]);
    expect(counts(model)).toEqual([0, 0]);
    // What somebody has said is still so.
    expect(await answer(model)).toBe("answered");
    await rest();
    expect(counts(model)).toEqual([3, 3]);
    await hosts.manager.remove(model);
    expect([hosts.processes.size, hosts.ledger.reserved("memory"), clock.timers]).toEqual([0, 0, 0]);
  });
});

describe("a replica that goes", () => {
  it("finishes what it has, and gets nothing new", async () => {
    const model = await started("a", { least: 1, most: 2 });
    await hosts.manager.scale(model, 2);
    let finish = (): void => undefined;
    hosts.waits.set(
      "a",
      new Promise((resolve) => {
        finish = resolve;
      }),
    );
    const first = [ask(model), ask(model)];
    await rest();
    const fewer = hosts.manager.scale(model, 1);
    await rest();
    expect([...counts(model), hosts.processes.size]).toEqual([1, 1, 2]);
    // It waits for the one that stays.
    const later = ask(model);
    await rest();
    expect(model.scheduler.queued).toBe(1);
    finish();
    expect(await Promise.all([...first, later])).toEqual(["answered", "answered", "answered"]);
    await fewer;
    expect(hosts.processes.size).toBe(1);
  });

  it("is one that does not answer, if there is such a one", async () => {
    const model = await started("a", { least: 1, most: 3 });
    await hosts.manager.scale(model, 2);
    const [first, second] = model.status(true).hostPids;
    hosts.held.add("a");
    await kill(first);
    void hosts.manager.scale(model, 1);
    await rest();
    expect([model.hostPid, ...counts(model)]).toEqual([second, 1, 1]);
    expect(hosts.processes.size).toBe(1);
  });
});

describe("scaling by hand", () => {
  it("loads a model that stands by, and 0 evicts it", async () => {
    const model = hosts.createModel(modelSpec("model-a", "a"));
    hosts.manager.standBy(model);
    await hosts.manager.scale(model, 3);
    expect([model.state, ...counts(model)]).toEqual(["ready", 3, 3]);
    expect(scaled).toEqual([]);
    await hosts.manager.scale(model, "auto");
    expect([...counts(model), model.replicas.counts.auto]).toEqual([1, 1, true]);
    expect(scaled).toMatchObject([{ from: 3, to: 1, cause: "manual" }]);
    await clock.advance(1_000);
    await hosts.manager.scale(model, 0);
    expect([model.state, hosts.processes.size]).toEqual(["standby", 0]);
  });

  it.each([-1, 1.5, 65, Number.NaN])("refuses %d replicas", async (count) => {
    const model = await started("a", {});
    await expect(hosts.manager.scale(model, count)).rejects.toThrow("expected a number of replicas from 0 to 64, or auto");
  });

  it("says why a model cannot be loaded", async () => {
    const model = hosts.createModel(modelSpec("model-a", "a"));
    hosts.failures.set("a", [new ServeError("FAILED_PRECONDITION", "it is corrupt")]);
    hosts.manager.standBy(model);
    await expect(hosts.manager.scale(model, 2)).rejects.toThrow("it is corrupt");
  });
});

describe("room", () => {
  const pinned: Partial<ModelSpec> = { residency: { kind: "pinned" } };

  it("for more replicas is what is free, and nobody who is asked for goes for them", async () => {
    begin({ memory: 200 * MEBIBYTE });
    const model = await started("a", { most: 3 });
    const other = await started("b", {});
    await hosts.manager.scale(model, 2);
    expect([...counts(model), other.state]).toEqual([1, 2, "ready"]);
    expect(model.replicas.counts.obstacle).toMatch(/^it needs about \d+ MiB, and \d+ MiB of the 200 MiB for hosts are free/);
    await hosts.manager.remove(other);
    await clock.advance(60_000);
    await rest();
    expect(counts(model)).toEqual([2, 2]);
  });

  it("is also that of models that nobody has asked for lately and that are worth less", async () => {
    begin({ memory: 200 * MEBIBYTE });
    const other = await started("b", {});
    const model = await startedAfter(1_000, "a", { most: 3 });
    expect(await answer(model)).toBe("answered");
    await clock.advance(58_000);
    await hosts.manager.scale(model, 2);
    expect([...counts(model), other.state]).toEqual([1, 2, "ready"]);
    await clock.advance(5_000);
    await rest();
    expect([...counts(model), other.state, other.reason]).toEqual([
      2,
      2,
      "standby",
      "evicted: another replica of default/model-a needed its room; it loads at its next request",
    ]);
  });

  it("is taken from replicas above minReplicas before any model goes, and minReplicas are what they say", async () => {
    begin({ memory: 290 * MEBIBYTE });
    const many = await started("a", { least: 1, most: 3 }, { scheduling: { priority: 1 } });
    await hosts.manager.scale(many, 2);
    const other = await started("b", {}, { scheduling: { priority: 5 } });
    await clock.advance(1_000);
    expect([...counts(many), other.state]).toEqual([2, 2, "ready"]);
    const two = await started("c", { least: 2, most: 2 }, pinned);
    await clock.advance(100);
    await rest();
    expect([two.state, ...counts(two)]).toEqual(["ready", 2, 2]);
    expect([many.state, ...counts(many)]).toEqual(["ready", 1, 2]);
    expect(scaled.at(-1)).toMatchObject({
      from: 2,
      to: 1,
      cause: "room",
      reason: expect.stringContaining("evicted: default/model-c needed"),
    });
    // It took the room of a whole model only when there was no such replica any more.
    expect(other.state).toBe("standby");
    expect(hosts.ledger.reserved("memory")).toBeLessThanOrEqual(290 * MEBIBYTE);
  });

  it("is left to the next revision by all replicas but one, when there is no other", async () => {
    begin({ memory: 290 * MEBIBYTE });
    const old = await started("a", { least: 5, most: 5 }, pinned);
    old.revision = "model-00001";
    const other = await started("b", {}, pinned);
    expect([...counts(old), other.state]).toEqual([3, 5, "registered"]);
    const next = hosts.createModel({ ...old.spec, file: "c" });
    void hosts.manager.start(next);
    await rest();
    expect([next.state, old.state, ...counts(old)]).toEqual(["ready", "ready", 2, 5]);
    expect(scaled.at(-1)).toMatchObject({ from: 3, to: 2, cause: "room" });
    // It has one now, and more of them are nobody's due as long as the old one is there.
    await clock.advance(20_000);
    await rest();
    expect(counts(old)).toEqual([2, 5]);
    await hosts.manager.remove(old);
    await clock.advance(60_000);
    await rest();
    expect(counts(next)).toEqual([3, 5]);
    expect(hosts.ledger.reserved("memory")).toBeLessThanOrEqual(290 * MEBIBYTE);
  });
});

describe("the autoscaler", () => {
  /** So many requests wait or run from now on, until the returned function is called. */
  function load(model: ModelVersion, count: number): () => Promise<string[]> {
    let finish = (): void => undefined;
    hosts.waits.set(
      model.spec.file,
      new Promise((resolve) => {
        finish = resolve;
      }),
    );
    const answers = Array.from({ length: count }, () => ask(model));
    return async () => {
      hosts.waits.delete(model.spec.file);
      finish();
      await rest();
      return await Promise.all(answers);
    };
  }

  it("gives a model as many replicas as its load asks for, loses no request, and takes them back", async () => {
    const model = await started("a", { least: 1, most: 4 });
    await pass(4);
    expect([...counts(model), hosts.processes.size]).toEqual([1, 1, 1]);
    const end = load(model, 7);
    await pass(8);
    expect(counts(model)).toEqual([4, 4]);
    const told = scaled.map(({ from, to, cause }) => [from, to, cause]);
    expect(told[0]?.[2]).toBe("panic");
    expect(told.at(-1)?.[1]).toBe(4);
    expect(scaled[0]?.reason).toMatch(/^concurrency [\d.]+ per replica, target 2$/);
    expect(new Set(await end())).toEqual(new Set(["answered"]));
    await pass(60);
    await pass(65);
    expect([...counts(model), hosts.processes.size]).toEqual([1, 1, 1]);
    await hosts.manager.remove(model);
    expect(clock.timers).toBe(0);
  });

  it("counts requests a second where that is the metric", async () => {
    const model = await started("a", { most: 4, metric: "rps", target: 10 });
    for (let step = 0; step < 80; step++) {
      for (let each = 0; each < 3; each++) model.usage.note(clock.now());
      await clock.advance(100);
    }
    await rest();
    expect(counts(model)).toEqual([3, 3]);
  });

  it("takes a model that stands by up from none with the load that waits for it", async () => {
    const model = hosts.createModel({
      ...modelSpec("model-a", "a"),
      scaling: scaling({ least: 0, most: 3 }),
      residency: { kind: "on-demand", idleMs: 30_000 },
    });
    hosts.manager.standBy(model);
    const end = load(model, 6);
    await rest();
    await pass(4);
    expect(counts(model)).toEqual([3, 3]);
    expect(new Set(await end())).toEqual(new Set(["answered"]));
    await pass(31);
    expect([model.state, hosts.processes.size, ...counts(model)]).toEqual(["standby", 0, 0, 0]);
  });

  it("leaves a model alone whose number somebody has said", async () => {
    const model = await started("a", { most: 4 });
    await hosts.manager.scale(model, 2);
    const end = load(model, 9);
    await pass(10);
    expect(counts(model)).toEqual([2, 2]);
    await hosts.manager.scale(model, "auto");
    await pass(6);
    expect(counts(model)).toEqual([4, 4]);
    await end();
  });
});
