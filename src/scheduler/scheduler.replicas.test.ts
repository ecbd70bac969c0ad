import { beforeEach, describe, expect, it } from "vitest";
import { FakeClock, settle } from "../../test/fake-clock.ts";
import { FakeReplica } from "../../test/fake-replica.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import type { Payload } from "../core/inference.ts";
import type { ReplicaCall, ReplicaResult } from "../core/replica.ts";
import type { SchedulingSpec } from "../core/scheduling.ts";
import { Scheduler } from "./scheduler.ts";

const STATEFUL = { stateful: true };
const BATCHABLE = { batchable: true };
let clock: FakeClock;
let first: FakeReplica;
let second: FakeReplica;

beforeEach(() => {
  clock = new FakeClock();
  first = new FakeReplica(1, "r1");
  second = new FakeReplica(1, "r2");
});

function createScheduler(rules: SchedulingSpec = {}): Scheduler {
  const queueLimits = { maxRequests: 100, maxBytes: 1e6, maxStreams: 100 };
  const scheduler = new Scheduler({ clock, rules, queueLimits, batchLimits: { maxRows: 64, maxBytes: 1e6 } });
  scheduler.add(first);
  scheduler.add(second);
  return scheduler;
}

function context(): RequestContext {
  return new RequestContext({ deadline: clock.now() + 600_000, record: createRecord("test", "m", clock.now()) });
}

function call(parameters?: Record<string, string | boolean>): ReplicaCall {
  const tensors = [{ name: "x", datatype: "UINT8" as const, shape: [1], data: new Uint8Array(1) }];
  return { method: "predict", payload: { kind: "tensors", tensors }, ...(parameters === undefined ? {} : { parameters }) };
}

function send(scheduler: Scheduler, count: number): Promise<ReplicaResult>[] {
  return Array.from({ length: count }, () => scheduler.run(call(), BATCHABLE, context()));
}

/** Whether it has settled is in the list. */
function watch(drained: Promise<void>): string[] {
  const told: string[] = [];
  void drained.then(() => told.push("drained"));
  return told;
}

const rowsOf = ({ calls }: FakeReplica): number[] =>
  calls.map(({ call: { payload } }) => (payload.kind === "tensors" ? (payload.tensors[0]?.shape[0] ?? 0) : 0));

describe("a replica that is not ready", () => {
  const readiness = (obstacle?: string): { obstacle: string | undefined; watch(): () => void } => ({
    obstacle,
    watch: () => () => undefined,
  });

  it("is asked only where none is ready", async () => {
    const [one, other] = [readiness("503"), readiness()];
    const scheduler = createScheduler();
    Object.assign(first, { readiness: one });
    Object.assign(second, { readiness: other });
    void Promise.all([scheduler.run(call(), {}, context()), scheduler.run(call(), {}, context())]);
    await clock.turn();
    expect([first.calls.length, second.calls.length]).toEqual([0, 1]);
    // The second request waits for the one that is ready, as long as there is one.
    other.obstacle = "503";
    second.echo();
    await settle();
    expect(first.calls.length + second.calls.length).toBe(1);
  });
});

describe("a replica that leaves", () => {
  it("answers what it has, gets nothing new, and the other one takes all", async () => {
    const scheduler = createScheduler();
    const answers = send(scheduler, 1);
    await clock.turn();
    const told = watch(scheduler.drain(first));
    answers.push(...send(scheduler, 3));
    await clock.turn();
    await settle();
    expect([rowsOf(first), rowsOf(second), told]).toEqual([[1], [3], []]);
    first.echo();
    second.echo();
    await settle();
    expect(told).toEqual(["drained"]);
    answers.push(...send(scheduler, 2));
    await clock.turn();
    second.echo();
    await Promise.all(answers);
    expect(first.calls).toEqual([]);
  });

  it("is gone at once when it has nothing to do", async () => {
    const scheduler = createScheduler();
    const told = watch(scheduler.drain(first));
    await settle();
    expect(told).toEqual(["drained"]);
  });

  it("answers its sequences to their end, and gets no new one", async () => {
    const scheduler = createScheduler();
    const step = async (replica: FakeReplica, parameters: Record<string, string | boolean>): Promise<void> => {
      const answer = scheduler.run(call(parameters), STATEFUL, context());
      await clock.turn();
      replica.echo();
      await answer;
    };
    await step(first, { sequence_id: "a", sequence_start: true });
    await step(second, { sequence_id: "b", sequence_start: true });
    const told = watch(scheduler.drain(first));
    await step(second, { sequence_id: "c", sequence_start: true });
    await step(first, { sequence_id: "a" });
    expect(told).toEqual([]);
    await step(first, { sequence_id: "a", sequence_end: true });
    await settle();
    expect(told).toEqual(["drained"]);
  });

  it("does not wait for sequences that nobody goes on with", async () => {
    const scheduler = createScheduler();
    const answer = scheduler.run(call({ sequence_id: "a", sequence_start: true }), STATEFUL, context());
    await clock.turn();
    first.echo();
    await answer;
    const told = watch(scheduler.drain(first));
    for (let second = 0; second < 59; second++) await clock.advance(1_000);
    expect(told).toEqual([]);
    await clock.advance(1_000);
    expect(told).toEqual(["drained"]);
  });

  it("ends its streams", async () => {
    const scheduler = createScheduler();
    let end = (): void => undefined;
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    for (const replica of [first, second])
      replica.stream = async function* (): AsyncGenerator<Payload> {
        yield { kind: "json", value: replica.id };
        await over;
      };
    const streams = [0, 1].map(() => scheduler.stream(call(), context()));
    const firsts = await Promise.all(streams.map((stream) => stream.next()));
    // Each has one.
    expect(firsts.map(({ value }) => value)).toEqual([
      { kind: "json", value: "r1" },
      { kind: "json", value: "r2" },
    ]);
    const told = watch(scheduler.drain(first));
    await settle();
    expect(told).toEqual([]);
    end();
    await Promise.all(streams.map((stream) => stream.next()));
    await settle();
    expect(told).toEqual(["drained"]);
  });
});

describe("several free replicas", () => {
  /** Calls of one and of two requests that take so long; then what eight at once are given to the two. */
  async function shared(fixedMs: number, perRowMs: number): Promise<number[][]> {
    const scheduler = createScheduler();
    for (let round = 0; round < 20; round++) {
      const rows = 1 + (round % 4);
      const answers = send(scheduler, rows);
      await clock.turn();
      // Small as they are, they may have been shared out as well.
      while (first.calls.length + second.calls.length > 0) {
        await clock.advance(fixedMs + perRowMs * Math.max(0, ...rowsOf(first), ...rowsOf(second)));
        first.echo();
        second.echo();
        await settle();
        await clock.turn();
      }
      await Promise.all(answers);
    }
    void send(scheduler, 8);
    await clock.turn();
    return [rowsOf(first), rowsOf(second)];
  }

  it("share what waits when that is done sooner", async () => {
    expect(await shared(1, 10)).toEqual([[4], [4]]);
  });

  it("do not when a call costs much whatever is in it", async () => {
    expect((await shared(100, 1)).flat()).toEqual([8]);
  });
});

describe("containerConcurrency", () => {
  it("is the most requests that one replica has at once, however many would fit a batch", async () => {
    const scheduler = createScheduler({ requestsPerReplica: 3 });
    const answers = send(scheduler, 10);
    await clock.turn();
    expect([rowsOf(first), rowsOf(second), scheduler.queued, scheduler.inFlight]).toEqual([[3], [3], 4, 10]);
    while (first.calls.length + second.calls.length > 0) {
      first.echo();
      second.echo();
      await settle();
      await clock.turn();
      expect(Math.max(0, ...rowsOf(first), ...rowsOf(second))).toBeLessThanOrEqual(3);
    }
    await Promise.all(answers);
  });

  it("counts streams, and refuses one that no replica may have", async () => {
    const scheduler = createScheduler({ requestsPerReplica: 1 });
    for (const replica of [first, second])
      replica.stream = async function* (): AsyncGenerator<Payload> {
        yield { kind: "json", value: 1 };
        yield { kind: "json", value: 2 };
      };
    const streams = [0, 1].map(() => scheduler.stream(call(), context()));
    await Promise.all(streams.map((stream) => stream.next()));
    await expect(scheduler.stream(call(), context()).next()).rejects.toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      message: "each replica of the model has as many requests as its containerConcurrency allows; try again later",
    });
    const [waiting] = send(scheduler, 1);
    await clock.turn();
    expect(scheduler.queued).toBe(1);
    await streams[0]?.return();
    await clock.turn();
    first.echo();
    await waiting;
  });
});
