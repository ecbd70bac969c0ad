import { beforeEach, describe, expect, it } from "vitest";
import { FakeClock, settle } from "../../test/fake-clock.ts";
import { FakeReplica } from "../../test/fake-replica.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import { type ReplicaCall, ReplicaLostError, type ReplicaResult } from "../core/replica.ts";
import type { SchedulingSpec } from "../core/scheduling.ts";
import { ExecutionResources } from "./execution-limits.ts";
import { Scheduler } from "./scheduler.ts";

const GONE = new ServeError("CANCELLED", "the client went away");
const ALONE = { batchable: false };
let clock: FakeClock;
let resources: ExecutionResources;

beforeEach(() => {
  clock = new FakeClock();
  resources = new ExecutionResources({ gpu: 2 }, () => clock.now());
});

function createScheduler(rules: SchedulingSpec = {}): { scheduler: Scheduler; replica: FakeReplica; remove: () => void } {
  const queueLimits = { maxRequests: 100, maxBytes: 1e6, maxStreams: 1 };
  const scheduler = new Scheduler({ clock, rules, resources, queueLimits, batchLimits: { maxRows: 8, maxBytes: 1e6 } });
  const replica = new FakeReplica();
  return { scheduler, replica, remove: scheduler.add(replica) };
}

function context(timeout = 60_000): RequestContext {
  return new RequestContext({ deadline: clock.now() + timeout, record: createRecord("test", "m", clock.now()) });
}

function call(...rows: number[]): ReplicaCall {
  const tensors = rows.map((count) => ({ name: "x", datatype: "UINT8" as const, shape: [count], data: new Uint8Array(count) }));
  return { method: "predict", payload: { kind: "tensors", tensors } };
}

function outcome(answer: Promise<ReplicaResult>): Promise<string> {
  return answer.then(
    () => "OK",
    (error: ServeError) => error.code,
  );
}

describe("close", () => {
  it("settles for everybody who waits for it", async () => {
    const { scheduler, replica } = createScheduler();
    void scheduler.run(call(1), ALONE, context());
    await clock.turn();
    let closed = 0;
    for (const _ of [1, 2]) void scheduler.close().then(() => closed++);
    replica.echo();
    await settle();
    expect(closed).toBe(2);
  });

  it("leaves no timer of a hedge that nobody needs any more", async () => {
    const { scheduler, replica } = createScheduler({ idempotent: true, hedgePercentile: 0.5 });
    for (let count = 0; count < 40; count++) {
      void scheduler.run(call(1), ALONE, context());
      await clock.turn();
      await clock.advance(100);
      replica.echo();
      await settle();
    }
    const answer = outcome(scheduler.run(call(1), ALONE, context(50)));
    await clock.turn();
    const closing = scheduler.close();
    await clock.advance(50);
    await closing;
    expect(await answer).toBe("DEADLINE_EXCEEDED");
    expect(clock.timers).toBe(0);
  });

  it("does not wait for the sequences of a replica that has been taken out", async () => {
    const { scheduler, remove } = createScheduler();
    const step = (parameters: Record<string, number | boolean>): Promise<string> =>
      outcome(scheduler.run({ ...call(1), parameters: { sequence_id: 1, ...parameters } }, { stateful: true }, context()));
    const waiting = step({ sequence_start: true });
    const closing = scheduler.close();
    remove();
    await closing;
    expect(await waiting).toBe("ABORTED");
    expect(clock.timers).toBe(0);
  });
});

describe("destroy", () => {
  it("ends streams as well as calls", async () => {
    const { scheduler, replica } = createScheduler();
    replica.stream = async function* (_call?: ReplicaCall, signal?: AbortSignal) {
      await new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    };
    const next = scheduler.stream(call(1), context()).next();
    const reason = new ServeError("UNAVAILABLE", "the server is shutting down");
    scheduler.destroy(reason);
    await expect(next).rejects.toBe(reason);
    await scheduler.close();
    expect(clock.timers).toBe(0);
  });
});

describe("a batch that there is no memory for", () => {
  it("is tried again request by request", async () => {
    const { scheduler, replica } = createScheduler({ resources: { gpu: 1 } });
    const data = new Uint8Array(1);
    const payload = { kind: "tensors", tensors: [{ name: "x", datatype: "UINT8", shape: [1], data }] } as const;
    const ask = (): Promise<string> => outcome(scheduler.run({ method: "predict", payload }, { batchable: true }, context()));
    const answers = [ask(), ask()];
    // More than an array can have.
    Object.defineProperty(data, "byteLength", { value: 2 ** 53 });
    await clock.turn();
    for (const _ of answers) {
      replica.echo();
      await settle();
    }
    expect(await Promise.all(answers)).toEqual(["OK", "OK"]);
    expect(resources.free).toEqual({ gpu: 2 });
  });
});

describe("a sequence", () => {
  it("ends when its replica dies under a stream", async () => {
    const { scheduler, replica } = createScheduler();
    // biome-ignore lint/correctness/useYield: it dies before it answers
    replica.stream = async function* () {
      throw new ReplicaLostError("the model's host process ended");
    };
    const step = { ...call(1), parameters: { sequence_id: 1, sequence_start: true } };
    const waiting = outcome(scheduler.run(step, { stateful: true }, context()));
    await expect(scheduler.stream(call(1), context()).next()).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await settle();
    expect(scheduler.queued).toBe(0);
    expect(await waiting).toBe("ABORTED");
  });
});

describe("named resources that a model waits for", () => {
  const ONE = { resources: { gpu: 1 } };
  const BOTH = { resources: { gpu: 2 } };

  /** One model runs for long, another waits for more than is left, and a third needs no more than is left. */
  async function crowd(): Promise<{
    large: ReturnType<typeof createScheduler>;
    small: ReturnType<typeof createScheduler>;
    gone: RequestContext;
    waiting: Promise<string>;
  }> {
    const running = createScheduler(ONE);
    const [large, small] = [createScheduler(BOTH), createScheduler(ONE)];
    void running.scheduler.run(call(1), ALONE, context());
    await clock.turn();
    const gone = context();
    const waiting = outcome(large.scheduler.run(call(1), ALONE, gone));
    await clock.turn();
    void outcome(small.scheduler.run(call(1), ALONE, context()));
    await clock.turn();
    expect([large.replica.calls.length, small.replica.calls.length]).toEqual([0, 0]);
    return { large, small, gone, waiting };
  }

  it("are kept no longer when its client has gone", async () => {
    const { small, gone, waiting } = await crowd();
    gone.abort(GONE);
    expect(await waiting).toBe("CANCELLED");
    expect(small.replica.calls).toHaveLength(1);
  });

  it("are kept no longer when it is unloaded", async () => {
    const { large, small, waiting } = await crowd();
    large.scheduler.destroy(new ServeError("UNAVAILABLE", "unloaded"));
    expect(await waiting).toBe("UNAVAILABLE");
    expect(small.replica.calls).toHaveLength(1);
  });

  it("are kept no longer when it has no replica that could use them", async () => {
    const { large, small } = await crowd();
    large.remove();
    expect(small.replica.calls).toHaveLength(1);
    expect(large.scheduler.queued).toBe(1);
  });
});
