import { beforeEach, describe, expect, it } from "vitest";
import { FakeClock, settle } from "../../test/fake-clock.ts";
import { FakeReplica } from "../../test/fake-replica.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import type { ReplicaCall } from "../core/replica.ts";
import type { Priority, SchedulingSpec } from "../core/scheduling.ts";
import { bytesOf } from "../core/tensor.ts";
import { Scheduler } from "./scheduler.ts";

let clock: FakeClock;
let replica: FakeReplica;
let scheduler: Scheduler;
/** Requests that have been answered or have failed, in that order. */
let told: string[];

function start(rules: SchedulingSpec): void {
  clock = new FakeClock();
  replica = new FakeReplica();
  told = [];
  scheduler = new Scheduler({
    clock,
    rules,
    modelName: "m",
    queueLimits: { maxRequests: 100, maxBytes: 1e6, maxStreams: 1 },
    batchLimits: { maxRows: 1, maxBytes: 1e6 },
  });
  scheduler.add(replica);
}

beforeEach(() => start({}));

interface Asking {
  readonly priority?: Priority;
  readonly timeoutMs?: number;
  readonly deadlineMs?: number;
}

function context({ priority, timeoutMs, deadlineMs = 10_000 }: Asking = {}): RequestContext {
  const made = new RequestContext({ deadline: clock.now() + deadlineMs, record: createRecord("test", "m", clock.now()) });
  made.priority = priority;
  made.timeoutMs = timeoutMs;
  return made;
}

function call(name: string): ReplicaCall {
  const data = bytesOf(new Float64Array(1));
  return {
    method: "predict",
    payload: { kind: "tensors", tensors: [{ name: "x", datatype: "FP64", shape: [1, 1], data }] },
    parameters: { name },
  };
}

/** Fails with the code and what the model's owner is known by. */
function send(name: string, asking: Asking | RequestContext = {}): Promise<unknown> {
  const own = asking instanceof RequestContext ? asking : context(asking);
  let answer: Promise<unknown>;
  try {
    answer = scheduler.run(call(name), { batchable: true }, own);
  } catch (error) {
    answer = Promise.reject(error);
  }
  answer.then(
    () => told.push(name),
    () => told.push(`${name} failed`),
  );
  return answer;
}

function running(of = replica): unknown[] {
  return of.calls.map(({ call: { parameters } }) => parameters?.name);
}

async function answerAll(): Promise<unknown[]> {
  const order: unknown[] = [];
  while (replica.calls.length > 0) {
    order.push(...running());
    replica.echo();
    await settle();
  }
  return order;
}

describe("a wait that has an end", () => {
  it("fails what no replica has had by then, and leaves alone what runs", async () => {
    start({ maxWaitMs: 100 });
    const answers = [send("a"), send("b")];
    await clock.turn();
    await clock.advance(99);
    expect(told).toEqual([]);
    await clock.advance(1);
    await expect(answers[1]).rejects.toMatchObject({
      code: "UNAVAILABLE",
      refusal: "deadline",
      message: expect.stringContaining("Request timeout expired: it waited 100 ms"),
    });
    await clock.advance(5000);
    expect(await answerAll()).toEqual(["a"]);
    expect(told).toEqual(["b failed", "a"]);
    expect(scheduler.inFlight).toBe(0);
  });

  it("is sooner when the client says so, and never later", async () => {
    start({ maxWaitMs: 100 });
    for (const [name, timeoutMs] of [
      ["a", 20],
      ["b", 20],
      ["c", 500],
    ] as const)
      void send(name, { timeoutMs });
    await clock.turn();
    await clock.advance(20);
    expect(told).toEqual(["b failed"]);
    await clock.advance(80);
    expect(told).toEqual(["b failed", "c failed"]);
  });

  it("is the owner's alone when he says so", async () => {
    start({ maxWaitMs: 100, fixedTimeout: true });
    for (const name of ["a", "b"]) void send(name, { timeoutMs: 20 });
    await clock.turn();
    await clock.advance(20);
    expect(told).toEqual([]);
    await clock.advance(80);
    expect(told).toEqual(["b failed"]);
  });

  it("puts late requests behind all others of their priority where they are not to fail", async () => {
    start({ maxWaitMs: 100, lateRequestsWait: true });
    for (const name of ["a", "b", "c"]) void send(name);
    await clock.turn();
    await clock.advance(100);
    void send("d");
    void send("later level", { priority: 4 });
    await clock.turn();
    expect(await answerAll()).toEqual(["a", "d", "b", "c", "later level"]);
    expect(told).toHaveLength(5);
  });

  it("does not outlast the time that a late request has", async () => {
    start({ maxWaitMs: 100, lateRequestsWait: true });
    void send("a");
    const late = send("b", { deadlineMs: 300 });
    await clock.turn();
    await clock.advance(100);
    await clock.advance(200);
    await expect(late).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
  });

  it("is that of a request's priority, where that has rules of its own", async () => {
    start({ maxWaitMs: 100, byPriority: { 1: {}, 2: { maxWaitMs: 50 }, 4: { maxWaitMs: 20, lateRequestsWait: true } } });
    void send("first");
    await clock.turn();
    for (const priority of [1, 2, 3, 4] as const) void send(`level ${priority}`, { priority });
    await clock.turn();
    await clock.advance(20);
    await clock.advance(30);
    expect(told).toEqual(["level 2 failed"]);
    await clock.advance(50);
    expect(told).toEqual(["level 2 failed", "level 3 failed"]);
    expect(await answerAll()).toEqual(["first", "level 1", "level 4"]);
  });
});

describe("a queue of a size", () => {
  it("takes no more than that, and says so as Triton does", async () => {
    start({ maxQueueRequests: 2 });
    void send("a");
    await clock.turn();
    for (const name of ["b", "c"]) void send(name);
    await expect(send("d")).rejects.toMatchObject({
      code: "UNAVAILABLE",
      refusal: "queue_full",
      message: expect.stringContaining("Exceeds maximum queue size"),
    });
    expect(await answerAll()).toEqual(["a", "b", "c"]);
  });

  it("does not count what a replica has room for, though it came in the same moment", async () => {
    start({ maxQueueRequests: 1 });
    void send("a");
    void send("b");
    await expect(send("c")).rejects.toThrow("1 requests are waiting");
    expect(await answerAll()).toEqual(["a", "b"]);
  });

  it("has its size for each priority, where one has rules of its own", async () => {
    start({ maxQueueRequests: 1, byPriority: { 1: { maxQueueRequests: 2 } } });
    void send("a");
    await clock.turn();
    for (const name of ["b", "c"]) void send(name, { priority: 1 });
    await expect(send("d", { priority: 1 })).rejects.toThrow("Exceeds maximum queue size");
    void send("e");
    await expect(send("f")).rejects.toThrow("Exceeds maximum queue size");
    expect(await answerAll()).toEqual(["a", "b", "c", "e"]);
  });
});

describe("answers in order", () => {
  let other: FakeReplica;

  beforeEach(async () => {
    start({ preserveOrder: true });
    other = new FakeReplica(1, "other");
    scheduler.add(other);
  });

  it("leave as their requests came, whichever replica is the first", async () => {
    for (const name of ["a", "b", "c"]) void send(name);
    await clock.turn();
    expect([running(), running(other)]).toEqual([["a"], ["b"]]);
    other.echo();
    await settle();
    expect(running(other)).toEqual(["c"]);
    other.echo();
    await settle();
    expect(told).toEqual([]);
    replica.echo();
    await settle();
    expect(told).toEqual(["a", "b", "c"]);
  });

  it("are failures of the model too", async () => {
    for (const name of ["a", "b"]) void send(name);
    await clock.turn();
    other.fail(new ServeError("INTERNAL", "bad"));
    await settle();
    expect(told).toEqual([]);
    replica.echo();
    await settle();
    expect(told).toEqual(["a", "b failed"]);
  });

  it("wait for nobody who has gone, and who goes waits for nobody", async () => {
    const asking = context();
    void send("a", asking);
    void send("b");
    void send("c", { deadlineMs: 50 });
    await clock.turn();
    other.echo();
    await settle();
    await clock.advance(50);
    expect(told).toEqual(["c failed"]);
    asking.abort(new ServeError("CANCELLED", "gone"));
    await settle();
    expect(told).toEqual(["c failed", "a failed", "b"]);
  });

  it("are kept for nobody whose time is over, or who has gone meanwhile", async () => {
    void send("a");
    const late = send("b", { deadlineMs: 50 });
    await clock.turn();
    other.echo();
    const asking = context();
    void send("c", asking);
    void send("d");
    await clock.turn();
    other.echo();
    await settle();
    other.fail(new ServeError("INTERNAL", "bad"));
    await settle();
    expect(told).toEqual([]);
    await clock.advance(50);
    expect(told).toEqual(["b failed"]);
    await expect(late).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
    asking.abort(new ServeError("CANCELLED", "gone"));
    await settle();
    expect(told).toEqual(["b failed", "c failed"]);
    await clock.advance(9_949);
    expect(told).toEqual(["b failed", "c failed"]);
    await clock.advance(1);
    expect(told).toEqual(["b failed", "c failed", "a failed", "d failed"]);
  });
});
