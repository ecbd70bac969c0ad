import { beforeEach, describe, expect, it } from "vitest";
import { FakeClock, settle } from "../../test/fake-clock.ts";
import { FakeHosts, LOAD_TIMEOUT, modelSpec } from "../../test/fake-hosts.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import type { Payload } from "../core/inference.ts";
import type { ModelVersion } from "./model-version.ts";

const KILLED = "was killed by SIGKILL";
const MEBIBYTE = 1048576;

let clock: FakeClock;
let hosts: FakeHosts;

beforeEach(() => begin());

function begin(options: { memory?: number; places?: number; maxHostMemory?: number; models?: number } = {}): void {
  clock = new FakeClock();
  const { memory, places, maxHostMemory, ...others } = options;
  hosts = new FakeHosts(clock, memory, places, maxHostMemory, others);
}

async function rest(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) {
    await clock.turn();
    await settle();
  }
}

function model(file: string): ModelVersion {
  return hosts.createModel(modelSpec(`model-${file}`, file));
}

async function started(...files: string[]): Promise<ModelVersion[]> {
  const models = files.map(model);
  for (const each of models) void hosts.manager.start(each);
  await rest();
  return models;
}

/** The host of the file dies; whatever follows without a wait has happened when this settles. */
async function kill(file: string): Promise<void> {
  hosts.running.get(file)?.kill(KILLED);
  await rest();
  await clock.advance(0);
  await rest();
}

function request(deadline = 60_000): RequestContext {
  return new RequestContext({ deadline, record: createRecord("v2", "model", clock.now()) });
}

async function outcome(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => "answered",
    (error: ServeError) => error.code,
  );
}

describe("a model whose host dies", () => {
  it("comes back, after ever longer waits", async () => {
    const [only] = await started("a");
    await kill("a");
    expect(only?.state).toBe("ready");
    for (const delay of [1_000, 2_000, 5_000, 10_000, 30_000]) {
      await kill("a");
      expect(only?.state).toBe("loading");
      expect(only?.reason).toContain(KILLED);
      await clock.advance(delay - 1);
      await rest();
      expect(only?.state).toBe("loading");
      await clock.advance(1);
      await rest();
      expect(only?.state).toBe("ready");
    }
    await kill("a");
    expect(only?.state).toBe("failed");
    expect(only?.failure?.message).toBe(`its host ${KILLED}, 7 times in a row\n  last words`);
    expect(hosts.ledger.reserved("memory")).toBe(0);
    expect(clock.timers).toBe(0);
  });

  it("is one that dies for the first time when it has lived long", async () => {
    const [only] = await started("a");
    for (let times = 0; times < 20; times++) {
      await clock.advance(60_001);
      await kill("a");
      expect(only?.state).toBe("ready");
    }
  });

  it("is not ready from the moment at which it cannot be reached, however long its process takes to end", async () => {
    const [only] = await started("a");
    const before = hosts.running.get("a");
    before?.disconnect();
    await rest();
    expect(only).toMatchObject({ state: "loading", answers: false, reason: "its host is gone; starting it again" });
    await kill("a");
    expect(only?.state).toBe("ready");
    expect(only?.hostPid).not.toBe(before?.pid);
  });

  it("lets requests wait for it until it is back", async () => {
    const [only] = await started("a");
    await kill("a");
    await kill("a");
    const payload: Payload = { kind: "json", value: 1 };
    const answer = outcome((only as ModelVersion).scheduler.run({ method: "predict", payload }, {}, request()));
    await rest();
    await clock.advance(1_000);
    await rest();
    expect(await answer).toBe("answered");
  });

  it("tells requests that wait for it when it leaves instead", async () => {
    const [only] = (await started("a")) as [ModelVersion];
    await kill("a");
    await kill("a");
    const payload: Payload = { kind: "json", value: 1 };
    const answer = outcome(only.scheduler.run({ method: "predict", payload }, {}, request()));
    await rest();
    await hosts.manager.remove(only);
    expect(await answer).toBe("UNAVAILABLE");
    expect(clock.timers).toBe(0);
  });
});

describe("a model that never answers", () => {
  const payload: Payload = { kind: "json", value: 1 };

  beforeEach(() => {
    hosts.stuck.add("a");
  });

  it("is removed when nobody waits for it any more", async () => {
    const [only] = (await started("a")) as [ModelVersion];
    const answer = outcome(only.scheduler.run({ method: "predict", payload }, {}, request(500)));
    await rest();
    let removed = false;
    const removing = hosts.manager.remove(only).then(() => {
      removed = true;
    });
    await rest();
    expect(removed).toBe(false);
    await clock.advance(500);
    expect(await answer).toBe("DEADLINE_EXCEEDED");
    await removing;
    expect(hosts.processes.size).toBe(0);
    expect(clock.timers).toBe(0);
  });

  it("does not keep the server from ending at once", async () => {
    const [only] = (await started("a")) as [ModelVersion];
    const answer = outcome(only.scheduler.run({ method: "predict", payload }, {}, request()));
    await rest();
    void hosts.manager.close();
    await rest();
    expect(hosts.processes.size).toBe(1);
    await hosts.manager.destroy();
    expect(await answer).toBe("UNAVAILABLE");
    expect(hosts.processes.size).toBe(0);
  });
});

describe("memory", () => {
  it("is refused to a model that does not fit, and free for it when another one has left", async () => {
    begin({ memory: 100 * MEBIBYTE });
    const pinned = hosts.createModel({ ...modelSpec("a", "a"), residency: { kind: "pinned" } });
    await hosts.manager.start(pinned);
    const [second] = (await started("b")) as [ModelVersion];
    expect(second).toMatchObject({ state: "registered", failure: { code: "RESOURCE_EXHAUSTED" } });
    await hosts.manager.remove(pinned);
    expect(hosts.ledger.reserved("memory")).toBe(0);
    await hosts.manager.start(second);
    expect(second.state).toBe("ready");
  });

  it("lets models that are preferred stand by when they do not fit, and has others go for them when they are asked for", async () => {
    begin({ memory: 200 * MEBIBYTE });
    const models = ["a", "b", "c"].map(model);
    for (const each of models) void hosts.manager.prefer(each);
    await rest();
    const [first, second, third] = models as [ModelVersion, ModelVersion, ModelVersion];
    expect(models.map(({ state }) => state)).toEqual(["ready", "ready", "standby"]);
    expect(third.reason).toBe(
      "it loads at its first request: it needs about 90 MiB, and 20 MiB of the 200 MiB for hosts are free; stop other models or raise --memory-budget",
    );
    await clock.advance(1_000);
    await first.activate(request(), clock);
    await clock.advance(1_000);
    expect(await outcome(third.activate(request(), clock))).toBe("answered");
    // The other one has been asked for.
    expect(models.map(({ state }) => state)).toEqual(["ready", "standby", "ready"]);
    expect(second.reason).toMatch(
      /^evicted: default\/model-c needed \d+ MiB of memory more, and default\/model-\w costs least to load again: it .* and loads in \d.* s; it loads at its next request$/,
    );
    expect(hosts.ledger.reserved("memory")).toBeLessThanOrEqual(200 * MEBIBYTE);
    expect(clock.timers).toBe(0);
  });

  it("is taken from others when hosts use more than was reserved for them", async () => {
    begin({ memory: 200 * MEBIBYTE, maxHostMemory: 1e12 });
    const [first, second] = (await started("a", "b")) as [ModelVersion, ModelVersion];
    await clock.advance(1_000);
    await second.activate(request(1e9), clock);
    hosts.memory.set(second.hostPid as number, 150 * MEBIBYTE);
    for (let round = 0; round < 3; round++) {
      await clock.advance(5_000);
      await rest();
    }
    expect([first.state, second.state]).toEqual(["standby", "ready"]);
    expect(first.reason).toMatch(/^evicted: hosts use [\d.]+ MiB of memory more than there is, and default\/\S+ costs least/);
    expect(hosts.ledger.reserved("memory")).toBe(150 * MEBIBYTE);
  });

  it("is refused at once, and finally, to what would not fit on an empty machine", async () => {
    begin({ memory: 80 * MEBIBYTE });
    const only = model("a");
    await hosts.manager.prefer(only);
    expect(only).toMatchObject({ state: "registered", failure: { code: "RESOURCE_EXHAUSTED" } });
  });

  it("never takes a pinned model or one that serves a request, but waits for that", async () => {
    begin({ models: 2 });
    const pinned = hosts.createModel({ ...modelSpec("pinned", "p"), residency: { kind: "pinned" } });
    const [busy, wanted] = ["b", "w"].map(model) as [ModelVersion, ModelVersion];
    for (const each of [pinned, busy, wanted]) void hosts.manager.prefer(each);
    await rest();
    expect([pinned.state, busy.state, wanted.state]).toEqual(["ready", "ready", "standby"]);
    await clock.advance(1_000);
    // Just asked: its request may not be in the queue yet.
    await busy.activate(request(), clock);
    const answer = outcome(wanted.activate(request(), clock));
    await rest();
    expect([pinned.state, busy.state, wanted.state]).toEqual(["ready", "ready", "preparing"]);
    await clock.advance(40);
    await rest();
    expect(await answer).toBe("answered");
    expect([pinned.state, busy.state, wanted.state]).toEqual(["ready", "standby", "ready"]);
  });

  it("is waited for while the model that has it loads, serves or leaves", async () => {
    begin({ models: 1 });
    const [first, second] = ["a", "b"].map(model) as [ModelVersion, ModelVersion];
    for (const each of [first, second]) hosts.manager.standBy(each);
    hosts.held.add("a");
    const answers = [first, second].map((each) => outcome(each.activate(request(), clock)));
    await rest();
    expect([first.state, second.state]).toEqual(["loading", "preparing"]);
    hosts.release("a");
    for (let looks = 0; looks < 3; looks++) {
      await rest();
      await clock.advance(20);
    }
    await rest();
    expect(await Promise.all(answers)).toEqual(["answered", "answered"]);
    expect([first.state, second.state]).toEqual(["standby", "ready"]);
  });

  it("is not there for more models than may be loaded at once", async () => {
    begin({ models: 1 });
    const pinned = hosts.createModel({ ...modelSpec("pinned", "p"), residency: { kind: "pinned" } });
    const second = model("b");
    for (const each of [pinned, second]) void hosts.manager.prefer(each);
    await rest();
    expect(await outcome(second.activate(request(), clock))).toBe("UNAVAILABLE");
    expect(second.reason).toBe("one model is loaded, as many as --max-concurrent-models allows; raise it, or unload one");
    // It stays where its next request may find room.
    expect(second.state).toBe("standby");
  });

  it("is given back after a load that failed, also one that is given up", async () => {
    hosts.failures.set("a", [new ServeError("FAILED_PRECONDITION", "it is corrupt")]);
    hosts.held.add("b");
    const [, second] = (await started("a", "b")) as [ModelVersion, ModelVersion];
    await hosts.manager.remove(second);
    expect(hosts.ledger.reserved("memory")).toBe(0);
    expect(hosts.processes.size).toBe(0);
  });
});

describe("a host that uses too much memory", () => {
  it("is ended and started again, and the status says why, with what it printed last", async () => {
    begin({ maxHostMemory: 100 * MEBIBYTE });
    const [leaking, other] = (await started("a", "b")) as [ModelVersion, ModelVersion];
    const { hostPid } = leaking;
    hosts.memory.set(hostPid as number, 100 * MEBIBYTE);
    hosts.memory.set(other.hostPid as number, 50 * MEBIBYTE);
    await clock.advance(5_000);
    await rest();
    expect(leaking).toMatchObject({ state: "ready", hostPid, memoryBytes: 100 * MEBIBYTE });
    expect(hosts.ledger.reserved("memory")).toBe(150 * MEBIBYTE);
    hosts.memory.set(hostPid as number, 101 * MEBIBYTE);
    await clock.advance(5_000);
    await rest();
    const message = "its host used 101 MiB of memory, more than its limit of 100 MiB, and was ended";
    expect(leaking.status(true)).toMatchObject({ hostExits: 1, lastHostExit: { message, log: ["last words"] } });
    await clock.advance(0);
    await rest();
    expect(leaking.state).toBe("ready");
    expect(leaking.hostPid).not.toBe(hostPid);
    expect(other.status(true)).toMatchObject({ state: "ready", hostExits: 0, lastHostExit: undefined });
  });

  it("is looked for only while there are hosts", async () => {
    begin({ maxHostMemory: 100 * MEBIBYTE });
    const [only] = (await started("a")) as [ModelVersion];
    expect(clock.timers).toBe(1);
    await hosts.manager.remove(only);
    expect(clock.timers).toBe(0);
  });

  it("ends with all models that share it, and they come back", async () => {
    begin({ places: 2, maxHostMemory: 100 * MEBIBYTE });
    const models = await started("a", "b");
    hosts.memory.set(models[0]?.hostPid as number, 300 * MEBIBYTE);
    await clock.advance(5_000);
    await rest();
    await clock.advance(0);
    await rest();
    expect(models.map(({ state, hostExits }) => [state, hostExits])).toEqual([
      ["ready", 1],
      ["ready", 1],
    ]);
    expect(hosts.processes.size).toBe(1);
  });
});

describe("a load that never ends", () => {
  it("is given up after its time; its host is ended and its place is free", async () => {
    for (const file of ["a", "b", "c", "d"]) hosts.held.add(file);
    const [first, , , , fifth] = await started("a", "b", "c", "d", "e");
    expect(fifth?.state).toBe("registered");
    await clock.advance(LOAD_TIMEOUT - 1);
    await rest();
    expect(first?.state).toBe("loading");
    await clock.advance(1);
    await rest();
    expect(first).toMatchObject({
      state: "failed",
      failure: { code: "ABORTED", message: expect.stringContaining("did not end within 100 s") },
    });
    expect(fifth?.state).toBe("ready");
    expect(hosts.processes.size).toBe(1);
    expect(clock.timers).toBe(0);
  });
});

describe("starting again", () => {
  it("works from the moment at which a failure is told", async () => {
    hosts.failures.set("a", [new ServeError("UNAVAILABLE", "later")]);
    const only = model("a");
    hosts.events.on("model-state-changed", ({ failure }) => {
      if (failure !== undefined) queueMicrotask(() => void hosts.manager.start(only));
    });
    await hosts.manager.start(only);
    await rest();
    expect(only.state).toBe("ready");
  });
});

describe("a shared host", () => {
  beforeEach(() => begin({ places: 3 }));

  it("has as many models as it has places, and ends with the last one", async () => {
    const models = await started("a", "b", "c", "d");
    expect(new Set(models.slice(0, 3).map(({ hostPid }) => hostPid)).size).toBe(1);
    expect(hosts.processes.size).toBe(2);
    for (const each of models.slice(1)) await hosts.manager.remove(each);
    expect(hosts.processes.size).toBe(1);
    expect(models[0]?.state).toBe("ready");
    const [later] = await started("e");
    expect(later?.hostPid).toBe(models[0]?.hostPid);
    await hosts.manager.close();
    expect(hosts.processes.size).toBe(0);
    expect(hosts.ledger.reserved("memory")).toBe(0);
  });

  it("that dies brings all its models back in another one", async () => {
    const models = await started("a", "b", "c");
    const before = models[0]?.hostPid;
    await kill("a");
    expect(models.map(({ state }) => state)).toEqual(["ready", "ready", "ready"]);
    expect(new Set(models.map(({ hostPid }) => hostPid)).size).toBe(1);
    expect(models[0]?.hostPid).not.toBe(before);
    expect(hosts.processes.size).toBe(1);
  });

  it("loses the model that fails to load or is given up, and nothing else", async () => {
    hosts.failures.set("b", [new ServeError("FAILED_PRECONDITION", "it is corrupt")]);
    hosts.held.add("c");
    const [first, second, third] = (await started("a", "b", "c")) as [ModelVersion, ModelVersion, ModelVersion];
    await hosts.manager.remove(third);
    expect([first.state, second.state]).toEqual(["ready", "failed"]);
    expect([...hosts.running.keys()]).toEqual(["a"]);
    const more = await started("d", "e");
    expect(hosts.processes.size).toBe(1);
    expect(more.map(({ state }) => state)).toEqual(["ready", "ready"]);
  });

  it("that a load kills takes no other model with it for good", async () => {
    hosts.crashing.add("c");
    hosts.held.add("b");
    const [first] = (await started("a")) as [ModelVersion];
    const [second, third] = (await started("b", "c")) as [ModelVersion, ModelVersion];
    hosts.release("b");
    await rest();
    await clock.advance(0);
    await rest();
    expect([first.state, second.state]).toEqual(["ready", "ready"]);
    expect(third.failure?.code).toBe("ABORTED");
    expect(hosts.loads.filter((file) => file === "c")).toHaveLength(2);
    expect(third.hostPid).toBeUndefined();
    expect(hosts.processes.size).toBe(2);
  });

  it("that keeps dying is left by its models, so that the one at fault dies alone", async () => {
    const [first, second] = (await started("a", "b")) as [ModelVersion, ModelVersion];
    await kill("a");
    await kill("a");
    await clock.advance(1_000);
    await rest();
    expect(first.hostPid).not.toBe(second.hostPid);
    const { hostPid } = second;
    for (let times = 0; times < 5; times++) {
      await kill("a");
      await clock.advance(30_000);
      await rest();
    }
    expect(first.state).toBe("failed");
    expect(second).toMatchObject({ state: "ready", hostPid });
  });
});

describe("a model that stands by", () => {
  it("loads once for all that wait, and answers all of them", async () => {
    const only = model("a");
    hosts.manager.standBy(only);
    hosts.held.add("a");
    const answers = Array.from({ length: 100 }, () => outcome(only.activate(request(), clock)));
    await rest();
    expect(only.answers).toBe(true);
    hosts.release("a");
    expect(new Set(await Promise.all(answers))).toEqual(new Set(["answered"]));
    expect(hosts.loads).toEqual(["a"]);
    expect(clock.timers).toBe(0);
  });

  it("tells all that wait when the load fails, and the next ones at once", async () => {
    const only = model("a");
    hosts.failures.set("a", [new ServeError("FAILED_PRECONDITION", "it is corrupt")]);
    hosts.manager.standBy(only);
    const answers = Array.from({ length: 3 }, () => outcome(only.activate(request(), clock)));
    expect(await Promise.all(answers)).toEqual(["UNAVAILABLE", "UNAVAILABLE", "UNAVAILABLE"]);
    expect(only.answers).toBe(false);
    expect(await outcome(only.activate(request(), clock))).toBe("UNAVAILABLE");
    expect(clock.timers).toBe(0);
  });

  it("keeps nobody beyond the deadline, or who has left", async () => {
    const only = model("a");
    hosts.manager.standBy(only);
    hosts.held.add("a");
    const hurried = outcome(only.activate(request(500), clock));
    const patient = outcome(only.activate(request(), clock));
    const leaving = request();
    const left = outcome(only.activate(leaving, clock));
    const gone = request();
    gone.abort(new ServeError("CANCELLED", "the client has left"));
    expect(await outcome(only.activate(gone, clock))).toBe("CANCELLED");
    expect([leaving.record.stage, gone.record.stage]).toEqual(["loading", "loading"]);
    leaving.abort(new ServeError("CANCELLED", "the client has left"));
    expect(await left).toBe("CANCELLED");
    await clock.advance(500);
    expect(await hurried).toBe("DEADLINE_EXCEEDED");
    hosts.release("a");
    expect(await patient).toBe("answered");
    expect(clock.timers).toBe(0);
  });

  it("lets only so many wait, also when they were admitted before the load began", async () => {
    const only = model("a");
    hosts.manager.standBy(only);
    hosts.held.add("a");
    const requests = Array.from({ length: 300 }, () => request());
    for (const _ of requests) only.admit(0, request());
    const answers = requests.map((context) => outcome(only.activate(context, clock)));
    await rest();
    expect(() => only.admit(0, request())).toThrow("256 requests wait");
    hosts.release("a");
    const told = await Promise.all(answers);
    expect(told.filter((code) => code === "answered")).toHaveLength(256);
    expect(told.filter((code) => code === "RESOURCE_EXHAUSTED")).toHaveLength(44);
  });

  it("goes again when nobody has asked for it for its idle time", async () => {
    const only = hosts.createModel({ ...modelSpec("model-a", "a"), residency: { kind: "on-demand", idleMs: 10_000 } });
    hosts.manager.standBy(only);
    await only.activate(request(), clock);
    await clock.advance(6_000);
    await only.activate(request(1e9), clock);
    await clock.advance(9_000);
    await rest();
    expect(only.state).toBe("ready");
    await clock.advance(1_000);
    await rest();
    expect(only).toMatchObject({ state: "standby", reason: "nobody has asked for it for 10 s; it loads at its next request" });
    expect([hosts.processes.size, hosts.ledger.reserved("memory"), clock.timers]).toEqual([0, 0, 0]);
    expect(await outcome(only.activate(request(1e9), clock))).toBe("answered");
  });

  it("loads once more for a request that comes while it goes", async () => {
    const [only] = (await started("a")) as [ModelVersion];
    const gone = hosts.manager.evict(only, "evicted by a test");
    expect(only.state).toBe("standby");
    expect(await outcome(only.activate(request(), clock))).toBe("answered");
    await gone;
    expect(hosts.loads).toEqual(["a", "a"]);
  });

  it("begins nothing any more when it has been removed, also for a request that waits for its eviction", async () => {
    const [only] = (await started("a")) as [ModelVersion];
    void hosts.manager.evict(only, "evicted by a test");
    const answer = outcome(only.activate(request(), clock));
    await hosts.manager.remove(only);
    await rest();
    expect(await answer).toBe("UNAVAILABLE");
    expect([hosts.loads, hosts.processes.size, hosts.ledger.reserved("memory")]).toEqual([["a"], 0, 0]);
  });

  it("tells those that wait when it is removed while it loads", async () => {
    const only = model("a");
    hosts.manager.standBy(only);
    hosts.held.add("a");
    const answer = outcome(only.activate(request(), clock));
    await rest();
    await hosts.manager.remove(only);
    expect(await answer).toBe("UNAVAILABLE");
    expect(hosts.processes.size).toBe(0);
  });
});
