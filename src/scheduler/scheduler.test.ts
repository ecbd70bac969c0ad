import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { FakeClock, settle } from "../../test/fake-clock.ts";
import { FakeReplica } from "../../test/fake-replica.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import { type ReplicaCall, ReplicaLostError, type ReplicaResult } from "../core/replica.ts";
import type { Priority, SchedulingSpec } from "../core/scheduling.ts";
import { bytesOf, elementsOf, type NumericTensor } from "../core/tensor.ts";
import type { BatchPolicy } from "./batching.ts";
import { ExecutionResources } from "./execution-limits.ts";
import { Scheduler } from "./scheduler.ts";

const LIMITS = { maxRequests: 100, maxBytes: 1e6, maxStreams: 1 };
const BATCHABLE = { batchable: true };
const ALONE = { batchable: false };
let clock: FakeClock;
let replica: FakeReplica;
let scheduler: Scheduler;

function createScheduler(maxRows = 8, maxRequests = 100): Scheduler {
  return new Scheduler({ clock, queueLimits: { maxRequests, maxBytes: 1e6, maxStreams: 1 }, batchLimits: { maxRows, maxBytes: 1e6 } });
}

beforeEach(() => {
  clock = new FakeClock();
  replica = new FakeReplica();
  scheduler = createScheduler();
  scheduler.add(replica);
});

function call(values: readonly number[], parameters?: Record<string, number>): ReplicaCall {
  const data = bytesOf(Float64Array.from(values));
  const payload = { kind: "tensors", tensors: [{ name: "x", datatype: "FP64", shape: [values.length, 1], data }] } as const;
  return { method: "predict", payload, ...(parameters === undefined ? {} : { parameters }) };
}

function context(timeout = 1000): RequestContext {
  return new RequestContext({ deadline: clock.now() + timeout, record: createRecord("test", "m", clock.now()) });
}

function valuesOf(result: ReplicaResult): number[] {
  if (result.payload.kind !== "tensors") throw new Error("expected tensors");
  return Array.from(elementsOf(result.payload.tensors[0] as NumericTensor) as Float64Array);
}

describe("batching", () => {
  it("sends a lone request at the end of the turn it came in", async () => {
    const answer = scheduler.run(call([1]), BATCHABLE, context());
    await clock.turn();
    expect(replica.calls).toHaveLength(1);
    replica.echo();
    expect(valuesOf(await answer)).toEqual([1]);
  });

  it("counts the rows of requests that are calls of their own, where the model says what rows are", async () => {
    const rows: number[] = [];
    const queueLimits = { maxRequests: 100, maxBytes: 1e6, maxStreams: 1 };
    const batchLimits = { maxRows: 8, maxBytes: 1e6 };
    scheduler = new Scheduler({ clock, queueLimits, batchLimits, onBatch: (batch) => rows.push(batch.rows) });
    scheduler.add(replica);
    for (const signature of [ALONE, { ...ALONE, maxRows: 4 }]) {
      const answer = scheduler.run(call([1, 2, 3]), signature, context());
      await clock.turn();
      replica.echo();
      await answer;
    }
    expect(rows).toEqual([1, 3]);
  });

  it("puts together what arrived while the replica was busy, and gives each its own rows", async () => {
    void scheduler.run(call([0]), BATCHABLE, context());
    await clock.turn();
    const answers = [scheduler.run(call([1, 2]), BATCHABLE, context()), scheduler.run(call([3]), BATCHABLE, context())];
    await clock.turn();
    expect(replica.calls).toHaveLength(1);
    replica.echo();
    await settle();
    expect(replica.calls).toHaveLength(1);
    replica.echo();
    expect((await Promise.all(answers)).map(valuesOf)).toEqual([[1, 2], [3]]);
  });

  it("never mixes different parameters, nor what is not batchable", async () => {
    replica = new FakeReplica(10);
    scheduler.add(replica);
    void scheduler.run(call([1], { scale: 1 }), BATCHABLE, context());
    void scheduler.run(call([2], { scale: 2 }), BATCHABLE, context());
    void scheduler.run(call([3], { scale: 1 }), BATCHABLE, context());
    void scheduler.run(call([4]), ALONE, context());
    void scheduler.run(call([5]), ALONE, context());
    await clock.turn();
    const rows = replica.calls.map(({ call: { payload } }) => (payload.kind === "tensors" ? payload.tensors[0]?.shape[0] : undefined));
    expect(rows).toEqual([2, 1, 1, 1]);
  });

  it("splits a failed batch, so that one bad request fails alone", async () => {
    const answers = [scheduler.run(call([1]), BATCHABLE, context()), scheduler.run(call([2]), BATCHABLE, context())];
    await clock.turn();
    replica.fail(new ServeError("INTERNAL", "bad"));
    await settle();
    replica.echo();
    await settle();
    replica.fail(new ServeError("INTERNAL", "bad"));
    expect(valuesOf((await answers[0]) as ReplicaResult)).toEqual([1]);
    await expect(answers[1]).rejects.toThrow("bad");
  });

  it("answers INTERNAL when the model gives fewer rows than it was given, after trying each alone", async () => {
    const answers = [scheduler.run(call([1]), BATCHABLE, context()), scheduler.run(call([2]), BATCHABLE, context())];
    await clock.turn();
    replica.calls.shift()?.resolve({ payload: call([9]).payload, computeMs: 1 });
    await settle();
    replica.echo();
    await settle();
    replica.echo();
    expect((await Promise.all(answers)).map(valuesOf)).toEqual([[1], [2]]);
  });

  it("loses and duplicates nothing, whatever the sizes, failures and limits", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 8 }),
        fc.array(fc.boolean(), { maxLength: 10 }),
        async (sizes, maxRows, failures) => {
          clock = new FakeClock();
          replica = new FakeReplica();
          scheduler = createScheduler(maxRows);
          scheduler.add(replica);
          let next = 0;
          const sent = sizes.map((size) => Array.from({ length: size }, () => next++));
          const answers = sent.map((values) => scheduler.run(call(values), BATCHABLE, context()).then(valuesOf, () => "failed"));
          await clock.turn();
          for (let turn = 0; replica.calls.length > 0; turn++) {
            if (failures[turn] === true) replica.fail(new ServeError("INTERNAL", "bad"));
            else replica.echo();
            await settle();
          }
          const received = await Promise.all(answers);
          received.forEach((values, index) => {
            if (values !== "failed") expect(values).toEqual(sent[index]);
          });
          expect(scheduler.queued).toBe(0);
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe("giving up", () => {
  it("fails a request at its deadline, waiting or running, and cancels a batch that nobody waits for", async () => {
    const running = scheduler.run(call([1]), BATCHABLE, context(100));
    await clock.turn();
    const waiting = scheduler.run(call([2]), BATCHABLE, context(50));
    const outcomes = Promise.all([waiting, running].map((answer) => answer.catch((error: ServeError) => error.code)));
    await clock.advance(50);
    expect(scheduler.queued).toBe(0);
    expect(replica.calls[0]?.signal?.aborted).toBe(false);
    await clock.advance(50);
    expect(await outcomes).toEqual(["DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"]);
    expect(replica.calls[0]?.signal?.aborted).toBe(true);
    expect(clock.timers).toBe(0);
  });

  it("forgets at once what its client has left", async () => {
    void scheduler.run(call([1]), BATCHABLE, context());
    await clock.turn();
    const gone = context();
    const answer = scheduler.run(call([2]), BATCHABLE, gone);
    gone.abort(new ServeError("CANCELLED", "the client went away"));
    await expect(answer).rejects.toMatchObject({ code: "CANCELLED" });
    expect(scheduler.queued).toBe(0);
  });

  it("lets the others of a batch have their answer when one has gone", async () => {
    const gone = context();
    const left = scheduler.run(call([1]), BATCHABLE, gone);
    const stays = scheduler.run(call([2]), BATCHABLE, context());
    await clock.turn();
    gone.abort(new ServeError("CANCELLED", "the client went away"));
    await expect(left).rejects.toMatchObject({ code: "CANCELLED" });
    expect(replica.calls[0]?.signal?.aborted).toBe(false);
    replica.echo();
    expect(valuesOf(await stays)).toEqual([2]);
  });
});

describe("who is next", () => {
  interface Sent {
    readonly principal?: string;
    readonly priority?: Priority;
    readonly timeout?: number;
  }

  /** Sends one row that says who it is, and returns who was answered so far. */
  function send(order: number[], value: number, given: Sent = {}, signature = ALONE): void {
    const asking = context(given.timeout);
    asking.principal = given.principal ?? "";
    asking.priority = given.priority;
    scheduler.run(call([value]), signature, asking).then(
      () => order.push(value),
      () => order.push(-value),
    );
  }

  /** Each call takes 10 ms. */
  async function work(): Promise<void> {
    await clock.turn();
    while (replica.calls.length > 0) {
      await clock.advance(10);
      replica.echo();
      await settle();
    }
  }

  it("is who has the higher priority, and of one priority who has had less", async () => {
    const order: number[] = [];
    send(order, 1, { principal: "flood" });
    await clock.turn();
    for (const value of [2, 3, 4]) send(order, value, { principal: "flood" });
    send(order, 5, { principal: "other" });
    send(order, 6, { priority: 1, principal: "flood" });
    send(order, 7, { priority: 5, principal: "other" });
    await work();
    expect(order.slice(0, 2)).toEqual([1, 6]);
    expect(order.indexOf(5)).toBeLessThan(order.indexOf(3));
    expect(order.at(-1)).toBe(7);
    expect([...order].sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it("is nobody who would be answered too late: refused on arrival, or given up before it costs anything", async () => {
    const order: number[] = [];
    for (const value of [1, 2, 3]) send(order, value, { timeout: 100 });
    await work();
    // 10 ms a call is known now: two are before a third, which has 25 ms.
    send(order, 4, { timeout: 100 });
    await clock.turn();
    send(order, 5, { timeout: 100 });
    expect(() => scheduler.admit(0, context(25))).toThrow(expect.objectContaining({ code: "RESOURCE_EXHAUSTED", refusal: "deadline" }));
    expect(() => scheduler.admit(0, context(100))).not.toThrow();
    await work();
    expect(order).toEqual([1, 2, 3, 4, 5]);
  });

  it("is nobody who will share a call that has not begun: that is not one more call to wait for", async () => {
    const order: number[] = [];
    for (const value of [1, 2, 3]) send(order, value, { timeout: 100 }, BATCHABLE);
    await work();
    send(order, 4, { timeout: 100 }, BATCHABLE);
    await clock.turn();
    send(order, 5, { timeout: 100 }, BATCHABLE);
    send(order, 6, { timeout: 100 }, BATCHABLE);
    // 10 ms of the call under way, and 10 ms of the one that all who wait share.
    expect(() => scheduler.admit(0, context(25))).not.toThrow();
    expect(() => scheduler.admit(0, context(15))).toThrow(expect.objectContaining({ refusal: "deadline" }));
    await work();
    expect(order).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("sheds who can no longer be answered in time while others wait", async () => {
    const order: number[] = [];
    for (const value of [1, 2, 3]) send(order, value);
    await work();
    send(order, 4);
    await clock.turn();
    send(order, 5, { timeout: 40 });
    send(order, 6);
    // The call takes longer than any before it.
    await clock.advance(35);
    replica.echo();
    await settle();
    expect(replica.calls).toHaveLength(1);
    expect(order).toEqual([1, 2, 3, 4, -5]);
    await work();
    expect(order.at(-1)).toBe(6);
  });
});

describe("a replica in this process", () => {
  let room: number;
  let inline: FakeReplica;

  beforeEach(() => {
    room = 2;
    inline = Object.assign(new FakeReplica(100), { roomForRows: () => room });
    scheduler.add(inline);
  });

  const ask = (...values: number[]): void => void scheduler.run(call(values), BATCHABLE, context());

  it("is given all that waits when it has room for it, else a host is, in one call", async () => {
    ask(1);
    ask(2);
    await clock.turn();
    expect([inline.calls.length, replica.calls.length]).toEqual([1, 0]);
    ask(1);
    ask(2);
    ask(3);
    await clock.turn();
    expect([inline.calls.length, replica.calls.length]).toEqual([1, 1]);
    ask(4);
    await clock.turn();
    expect([inline.calls.length, replica.calls.length]).toEqual([2, 1]);
  });

  it("is asked again in the next turn when it has no room in this one", async () => {
    ask(1, 2, 3);
    await clock.turn();
    room = 0;
    ask(4);
    await clock.turn();
    expect(inline.calls).toHaveLength(0);
    room = 2;
    await clock.turn();
    expect(inline.calls).toHaveLength(1);
  });

  it("answers piece by piece while there is no host", async () => {
    ask(1);
    await clock.turn();
    inline.echo();
    scheduler = createScheduler();
    scheduler.add(inline);
    for (const value of [1, 2, 3]) ask(value);
    await clock.turn();
    expect(inline.calls.map(({ call: { payload } }) => payload.kind === "tensors" && payload.tensors[0]?.shape[0])).toEqual([2, 1]);
  });
});

describe("a replica in this process that has no room", () => {
  let room: number;
  let inline: FakeReplica;

  beforeEach(async () => {
    room = 0;
    inline = Object.assign(new FakeReplica(100), { roomForRows: () => room });
    scheduler.add(inline);
    void scheduler.run(call([1]), BATCHABLE, context(60_000));
    await clock.turn();
    expect(replica.calls).toHaveLength(1);
  });

  it("does not keep the event loop busy while the host is, and gets what waits when it has room", async () => {
    void scheduler.run(call([2]), BATCHABLE, context(60_000));
    for (let turn = 0; turn < 10; turn++) await clock.turn();
    expect(clock.waiting).toBe(0);
    await clock.advance(100);
    room = 1;
    await clock.advance(16);
    expect(inline.calls).toHaveLength(1);
  });

  it("is asked again when it had some, but not enough", async () => {
    room = 1;
    void scheduler.run(call([2, 3]), BATCHABLE, context(60_000));
    await clock.turn();
    room = 2;
    await clock.turn();
    expect(inline.calls).toHaveLength(1);
  });
});

describe("clients that ask again when they are answered", () => {
  it("become one crowd, where two of them took turns", async () => {
    const sizes: number[] = [];
    let clients = 0;
    const ask = (): void => {
      clients++;
      void scheduler.run(call([1]), BATCHABLE, context(60_000)).then(async () => {
        await clock.turn();
        ask();
      });
    };
    for (let count = 0; count < 4; count++) ask();
    await clock.turn();
    for (let count = 0; count < 4; count++) ask();
    for (let calls = 0; calls < 20; calls++) {
      await clock.advance(20);
      const [pending] = replica.calls;
      if (pending === undefined) continue;
      sizes.push(pending.call.payload.kind === "tensors" ? (pending.call.payload.tensors[0]?.shape[0] as number) : 0);
      replica.echo();
      await settle();
      await clock.turn();
      await clock.turn();
    }
    expect(clients).toBeGreaterThan(50);
    expect(sizes.slice(0, 2)).toEqual([4, 4]);
    expect(sizes.at(-1)).toBe(8);
  });
});

describe("a batch that waits for clients to come back", () => {
  it("does not when one that is here already would be late", async () => {
    for (let calls = 0; calls < 20; calls++) {
      for (let client = 0; client < 4; client++) void scheduler.run(call([1]), BATCHABLE, context(60_000));
      await clock.turn();
      await clock.advance(100);
      replica.echo();
      await settle();
    }
    void scheduler.run(call([1]), BATCHABLE, context(60_000));
    await clock.turn();
    expect(replica.calls).toHaveLength(0);
    // A call takes 100 ms.
    void scheduler.run(call([1]), BATCHABLE, context(110));
    await clock.turn();
    expect(replica.calls).toHaveLength(1);
  });
});

describe("a policy that holds back", () => {
  it("is asked again at the moment that it names", async () => {
    const policy: BatchPolicy = (waiting, _limits, { now }) => (now < 5 ? { holdUntil: 5 } : { batch: [...waiting], cut: "drained" });
    scheduler = new Scheduler({
      clock,
      policy,
      queueLimits: { maxRequests: 10, maxBytes: 1e6, maxStreams: 1 },
      batchLimits: { maxRows: 8, maxBytes: 1e6 },
    });
    scheduler.add(replica);
    void scheduler.run(call([1]), BATCHABLE, context());
    await clock.turn();
    void scheduler.run(call([2]), BATCHABLE, context());
    await clock.turn();
    expect(replica.calls).toHaveLength(0);
    await clock.advance(5);
    expect(replica.calls.map(({ call: { payload } }) => payload.kind === "tensors" && payload.tensors[0]?.shape[0])).toEqual([2]);
  });
});

describe("a slow replica", () => {
  const IDEMPOTENT = { idempotent: true, hedgePercentile: 0.5 };
  let second: FakeReplica;

  /** Two replicas, and so many calls of 10 ms each that have taught what is slow. */
  async function learn(rules: SchedulingSpec, calls = 40): Promise<void> {
    scheduler = new Scheduler({ clock, rules, queueLimits: LIMITS, batchLimits: { maxRows: 8, maxBytes: 1e6 } });
    scheduler.add(replica);
    for (let count = 0; count < calls; count++) {
      void scheduler.run(call([count]), ALONE, context(60_000));
      await clock.turn();
      await clock.advance(10);
      replica.echo();
      await settle();
    }
    second = new FakeReplica();
    scheduler.add(second);
  }

  it("gets company, and the first answer counts", async () => {
    await learn(IDEMPOTENT);
    const asking = context(60_000);
    const answer = scheduler.run(call([7]), ALONE, asking);
    await clock.turn();
    await clock.advance(11);
    expect([replica.calls.length, second.calls.length]).toEqual([1, 1]);
    second.echo();
    expect(valuesOf(await answer)).toEqual([7]);
    expect(asking.record.hedge).toBe("won");
    expect(replica.calls[0]?.signal?.aborted).toBe(true);
    replica.fail(new ServeError("CANCELLED", "cancelled"));
    await settle();
  });

  it("fails nobody when it dies while another works on the same", async () => {
    await learn(IDEMPOTENT);
    const answer = scheduler.run(call([7]), ALONE, context(60_000));
    await clock.turn();
    await clock.advance(11);
    replica.fail(new ReplicaLostError("the model's host process ended"));
    await settle();
    second.echo();
    expect(valuesOf(await answer)).toEqual([7]);
  });

  it("gets none for a sequence, whose state no other replica has", async () => {
    await learn(IDEMPOTENT);
    Object.assign(second, { id: "second" });
    void scheduler.run({ ...call([1]), parameters: { sequence_id: 1, sequence_start: true } }, { stateful: true }, context(60_000));
    await clock.turn();
    await clock.advance(1000);
    expect([replica.calls.length, second.calls.length]).toEqual([1, 0]);
  });

  it("gets none when requests may not be carried out twice", async () => {
    await learn({ hedgePercentile: 0.5 });
    void scheduler.run(call([7]), ALONE, context(60_000));
    await clock.turn();
    await clock.advance(1000);
    expect([replica.calls.length, second.calls.length]).toEqual([1, 0]);
  });
});

describe("named resources", () => {
  it("are held by one model's call at a time, and the next is woken when they are free", async () => {
    const resources = new ExecutionResources({ gpu: 1 }, () => clock.now());
    const rules = { resources: { gpu: 1 } };
    const options = { clock, rules, resources, queueLimits: LIMITS, batchLimits: { maxRows: 8, maxBytes: 1e6 } };
    const [one, other] = [new Scheduler(options), new Scheduler(options)];
    const otherReplica = new FakeReplica();
    one.add(replica);
    other.add(otherReplica);
    const first = one.run(call([1]), ALONE, context());
    await clock.turn();
    const second = other.run(call([2]), ALONE, context());
    await clock.turn();
    expect([replica.calls.length, otherReplica.calls.length]).toEqual([1, 0]);
    replica.echo();
    await first;
    await settle();
    expect(otherReplica.calls).toHaveLength(1);
    otherReplica.echo();
    await second;
    await settle();
    expect(resources.free).toEqual({ gpu: 1 });
  });

  it("that there can never be enough of are refused at once", () => {
    const rules = { resources: { gpu: 2 } };
    const resources = new ExecutionResources({ gpu: 1 }, () => clock.now());
    const batchLimits = { maxRows: 8, maxBytes: 1e6 };
    expect(() => new Scheduler({ clock, rules, resources, name: "big", queueLimits: LIMITS, batchLimits })).toThrow(
      'big needs 2 of resource "gpu", and the server has 1',
    );
  });
});

describe("a sequence", () => {
  const STATEFUL = { stateful: true };
  const other = new FakeReplica();
  Object.assign(other, { id: "other" });

  function step(values: number[], parameters: Record<string, string | number | boolean>): Promise<ReplicaResult> {
    return scheduler.run({ ...call(values), parameters }, STATEFUL, context());
  }

  it("stays on its replica, while others go where there is room", async () => {
    scheduler.add(other);
    void step([1], { sequence_id: 5, sequence_start: true });
    void step([2], { sequence_id: 5 });
    void step([3], { sequence_id: 6, sequence_start: true });
    await clock.turn();
    expect([replica.calls.length, other.calls.length]).toEqual([1, 1]);
    other.echo();
    await settle();
    expect(other.calls).toHaveLength(0);
    replica.echo();
    await settle();
    expect(replica.calls[0]?.call.parameters).toEqual({ sequence_id: 5 });
  });

  it("goes in the order of all that wait, wherever it runs", async () => {
    const resources = new ExecutionResources({ gpu: 1 }, () => clock.now());
    const batchLimits = { maxRows: 8, maxBytes: 1e6 };
    scheduler = new Scheduler({ clock, rules: { resources: { gpu: 1 } }, resources, queueLimits: LIMITS, batchLimits });
    const [first, second] = [new FakeReplica(), Object.assign(new FakeReplica(), { id: "second" })];
    for (const each of [first, second]) scheduler.add(each);
    for (const priority of [5, 1] as const) {
      const asking = context();
      asking.priority = priority;
      void scheduler.run({ ...call([1]), parameters: { sequence_id: priority, sequence_start: true } }, STATEFUL, asking);
    }
    await clock.turn();
    expect([first.calls.length, second.calls.length]).toEqual([0, 1]);
  });

  it("ends with its replica, for those that wait and those that come", async () => {
    void step([1], { sequence_id: "a", sequence_start: true }).catch(() => undefined);
    await clock.turn();
    const waiting = step([2], { sequence_id: "a" });
    replica.fail(new ReplicaLostError("the model's host process ended"));
    await expect(waiting).rejects.toMatchObject({ code: "ABORTED" });
    scheduler.add(new FakeReplica());
    expect(() => step([3], { sequence_id: "a" })).toThrow("not open");
  });
});

describe("limits and ends", () => {
  it("does not begin with what has no time at all", () => {
    expect(() => scheduler.admit(0, context(0))).toThrow(expect.objectContaining({ code: "DEADLINE_EXCEEDED" }));
    expect(() => scheduler.admit(0, context(1))).not.toThrow();
  });

  it("refuses what the queue has no room for", async () => {
    scheduler = createScheduler(8, 1);
    const first = scheduler.run(call([1]), BATCHABLE, context());
    expect(() => scheduler.run(call([2]), BATCHABLE, context())).toThrow(/queue is full: 1 requests/);
    scheduler.destroy(new ServeError("UNAVAILABLE", "stopping"));
    await expect(first).rejects.toThrow("stopping");
  });

  it("close waits for what is under way and takes nothing new", async () => {
    const answer = scheduler.run(call([1]), BATCHABLE, context());
    await clock.turn();
    let closed = false;
    const closing = scheduler.close().then(() => {
      closed = true;
    });
    expect(() => scheduler.admit(0, context())).toThrow("unloaded");
    await settle();
    expect(closed).toBe(false);
    replica.echo();
    await Promise.all([answer, closing]);
    expect(clock.timers).toBe(0);
  });

  it("gives requests of a dead host one more try on the next one", async () => {
    const dying = new FakeReplica();
    scheduler = createScheduler();
    scheduler.add(dying);
    const answer = scheduler.run(call([1]), BATCHABLE, context());
    await clock.turn();
    dying.fail(new ReplicaLostError("the model's host process ended"));
    await settle();
    expect(dying.calls).toHaveLength(0);
    scheduler.add(replica);
    await clock.turn();
    replica.echo();
    expect(valuesOf(await answer)).toEqual([1]);
  });
});

describe("a host that dies", () => {
  const lost = (alone: boolean): ReplicaLostError => new ReplicaLostError("the model's host process ended", alone);

  /** The replica is gone, and another one takes its place. */
  async function die(alone: boolean): Promise<void> {
    replica.fail(lost(alone));
    await settle();
    replica = new FakeReplica();
    scheduler.add(replica);
    await clock.turn();
  }

  it("has each request of its batch tried once more, alone, and only once", async () => {
    const outcomes = [1, 2, 3].map((value) =>
      scheduler.run(call([value]), BATCHABLE, context()).then(valuesOf, ({ code }: ServeError) => code),
    );
    await clock.turn();
    expect(replica.calls).toHaveLength(1);
    await die(false);
    expect(replica.calls).toHaveLength(1);
    await die(true);
    replica.echo();
    await settle();
    replica.echo();
    expect(await Promise.all(outcomes)).toEqual(["UNAVAILABLE", [2], [3]]);
    expect(scheduler.quarantined).toBe(0);
  });

  it("twice with the same request alone in it refuses that one from then on, and no other", async () => {
    const first = scheduler.run(call([1]), BATCHABLE, context());
    const told = expect(first).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await clock.turn();
    await die(true);
    await die(true);
    await told;
    expect(scheduler.quarantined).toBe(1);
    expect(() => scheduler.run(call([1]), BATCHABLE, context())).toThrow("ended the model's host 2 times");
    expect(scheduler.queued).toBe(0);
    const other = scheduler.run(call([2]), BATCHABLE, context());
    await clock.turn();
    replica.echo();
    expect(valuesOf(await other)).toEqual([2]);
  });

  it("is not given a request again that was alone in one that died before", async () => {
    const first = scheduler.run(call([7]), BATCHABLE, context());
    await clock.turn();
    await die(true);
    replica.echo();
    expect(valuesOf(await first)).toEqual([7]);
    const second = scheduler.run(call([7]), BATCHABLE, context()).catch(({ code }: ServeError) => code);
    await clock.turn();
    await die(true);
    expect(await second).toBe("UNAVAILABLE");
    expect(replica.calls).toHaveLength(0);
    expect(scheduler.quarantined).toBe(1);
  });

  it("counts also against a request that nobody waits for any more", async () => {
    for (const _ of [1, 2]) {
      const outcome = scheduler.run(call([1]), BATCHABLE, context(100)).catch(({ code }: ServeError) => code);
      await clock.turn();
      await clock.advance(100);
      expect(await outcome).toBe("DEADLINE_EXCEEDED");
      await die(true);
    }
    expect(scheduler.quarantined).toBe(1);
  });

  it("is not what a model means that answers UNAVAILABLE: the replica stays, and the request is not tried again", async () => {
    const outcome = scheduler.run(call([1]), BATCHABLE, context());
    await clock.turn();
    replica.fail(new ServeError("UNAVAILABLE", "the feature store is away"));
    await expect(outcome).rejects.toThrow("feature store");
    const next = scheduler.run(call([2]), BATCHABLE, context());
    await clock.turn();
    replica.echo();
    expect(valuesOf(await next)).toEqual([2]);
  });

  it("ends its streams, which are not tried again, and refuses one that was alone in it twice", async () => {
    scheduler = createScheduler();
    for (let death = 0; death < 2; death++) {
      replica = new FakeReplica();
      scheduler.add(replica);
      // biome-ignore lint/correctness/useYield: it dies before it answers
      replica.stream = async function* () {
        throw lost(true);
      };
      await expect(scheduler.stream(call([1]), context()).next()).rejects.toMatchObject({ code: "UNAVAILABLE" });
    }
    await expect(scheduler.stream(call([1]), context()).next()).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
    expect(clock.timers).toBe(0);
  });
});
