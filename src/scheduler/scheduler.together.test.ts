import { beforeEach, describe, expect, it } from "vitest";
import { FakeClock, settle } from "../../test/fake-clock.ts";
import { FakeReplica } from "../../test/fake-replica.ts";
import type { BatchRecord } from "../core/batch.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import { type ReplicaCall, ReplicaLostError, type ReplicaResult } from "../core/replica.ts";
import type { Sharing } from "../core/sizing.ts";
import { bytesOf } from "../core/tensor.ts";
import { Scheduler } from "./scheduler.ts";

const TOGETHER = { batchable: true, together: true };
let clock: FakeClock;
let replica: FakeReplica;
let scheduler: Scheduler;
let batches: BatchRecord[];

function start(maxRows = 8): void {
  clock = new FakeClock();
  replica = new FakeReplica();
  batches = [];
  scheduler = new Scheduler({
    clock,
    queueLimits: { maxRequests: 100, maxBytes: 1e6, maxStreams: 1 },
    batchLimits: { maxRows, maxBytes: 1e6 },
    onBatch: (batch) => batches.push(batch),
  });
  scheduler.add(replica);
}

beforeEach(() => start());

/** `shape` begins with the rows; what the request asks for besides is different for each. */
function call(shape: readonly number[], name = "x", parameters = {}): ReplicaCall {
  const elements = shape.reduce((product, size) => product * size, 1);
  const tensor = { name, datatype: "FP64", shape, data: bytesOf(new Float64Array(elements)) } as const;
  return { method: "predict", payload: { kind: "tensors", tensors: [tensor] }, parameters };
}

function context(): RequestContext {
  return new RequestContext({ deadline: clock.now() + 1000, record: createRecord("test", "m", clock.now()) });
}

function run(request: ReplicaCall, signature: Sharing = TOGETHER, asking = context()): Promise<ReplicaResult> {
  const answer = scheduler.run(request, signature, asking);
  answer.catch(() => undefined);
  return answer;
}

describe("requests that go together", () => {
  it("reach the replica as they came, and each has its own answer", async () => {
    const requests = [call([1, 2]), { ...call([2, 2]), outputs: ["y"] }, call([1, 2], "x", { scale: 2 })];
    const answers = requests.map((request) => run(request));
    await clock.turn();
    expect(replica.together.map(({ calls }) => calls)).toEqual([requests]);
    expect(replica.together[0]?.calls[1]).toBe(requests[1]);
    replica.echoTogether({}, 7);
    expect(await Promise.all(answers)).toEqual(requests.map(({ payload }) => ({ payload, computeMs: 7 })));
    expect(replica.calls).toHaveLength(0);
  });

  it("are not more than the loaded model takes", async () => {
    const signature = { accepts: "tensors", inputs: [], outputs: [], ...TOGETHER, maxRows: 2 } as const;
    Object.assign(replica, { description: { ...replica.description, methods: { predict: signature } } });
    for (let count = 0; count < 3; count++) void run(call([1, 2]));
    await clock.turn();
    expect(replica.together[0]?.calls).toHaveLength(2);
  });

  it("have tensors of the same names, datatypes and sizes, but for what is ragged", async () => {
    const inputs = [
      { name: "x", datatype: "FP64", shape: [-1, -1] },
      { name: "r", datatype: "FP64", shape: [-1, -1], ragged: true },
    ] as const;
    for (const request of [call([1, 2]), call([1, 3]), call([1, 2], "r"), call([2, 3], "r"), call([3, 2])]) {
      void run(request, { ...TOGETHER, inputs });
    }
    await clock.turn();
    const groups: unknown[] = [];
    while (replica.together.length > 0) {
      groups.push(
        ...replica.together.map(({ calls }) =>
          calls.map(({ payload }) => (payload.kind === "tensors" ? payload.tensors[0]?.shape : undefined)),
        ),
      );
      replica.echoTogether();
      await settle();
    }
    expect(groups).toEqual([
      [
        [1, 2],
        [3, 2],
      ],
      [[1, 3]],
      [
        [1, 2],
        [2, 3],
      ],
    ]);
  });

  it("do so when they are alone", async () => {
    const answer = run(call([1, 2]));
    await clock.turn();
    expect(replica.together).toHaveLength(1);
    replica.echoTogether();
    expect((await answer).computeMs).toBe(1);
    expect(batches).toMatchObject([{ size: 1, rows: 1 }]);
  });

  it("do so alone when they share no calls", async () => {
    void run(call([1, 2]), { batchable: false, together: true });
    void run(call([1, 2]), { batchable: false, together: true });
    await clock.turn();
    expect(replica.together.map(({ calls }) => calls.length)).toEqual([1]);
    replica.echoTogether();
    await settle();
    expect(replica.together.map(({ calls }) => calls.length)).toEqual([1]);
  });

  it("have no more rows in a call than a batch may", async () => {
    start(4);
    for (const shape of [
      [2, 1],
      [1, 1],
      [2, 1],
      [1, 1],
    ])
      void run(call(shape));
    await clock.turn();
    expect(replica.together.map(({ calls }) => calls.length)).toEqual([3]);
    replica.echoTogether();
    await settle();
    expect(replica.together.map(({ calls }) => calls.length)).toEqual([1]);
    replica.echoTogether();
    await settle();
    expect(batches).toMatchObject([{ rows: 4 }, { rows: 2 }]);
  });

  it("never meet another method's", async () => {
    void run(call([1, 1]));
    void run({ ...call([1, 1]), method: "other" });
    await clock.turn();
    expect(replica.together.map(({ calls }) => calls.length)).toEqual([1]);
  });

  it("fail each for itself, and are not tried again for that", async () => {
    const asking = context();
    const answers = [run(call([1, 1])), run(call([3, 1]), TOGETHER, asking), run(call([2, 1]))];
    await clock.turn();
    replica.echoTogether({ 1: new ServeError("INVALID_ARGUMENT", "bad") });
    await settle();
    await expect(answers[1]).rejects.toThrow("bad");
    expect((await Promise.all([answers[0], answers[2]])).length).toBe(2);
    expect(replica.together).toHaveLength(0);
    expect(asking.record).toMatchObject({ batchSize: 3, retries: 0 });
    expect(batches).toMatchObject([{ size: 3, rows: 6, failedRows: 3 }]);
  });

  it("are tried alone when nothing is known of any, or the answers are too few", async () => {
    for (const end of [
      () => replica.together.shift()?.reject(new ServeError("INTERNAL", "bad")),
      () => replica.together.shift()?.resolve([{ payload: call([1, 1]).payload, computeMs: 1 }]),
    ]) {
      start();
      const answers = [run(call([1, 1])), run(call([2, 1]))];
      await clock.turn();
      end();
      await settle();
      for (const count of [1, 1]) {
        expect(replica.together.map(({ calls }) => calls.length)).toEqual([count]);
        replica.echoTogether();
        await settle();
      }
      expect((await Promise.all(answers)).length).toBe(2);
    }
  });

  it("are given to another replica when their host is gone", async () => {
    const other = new FakeReplica(1, "other");
    const answers = [run(call([1, 1])), run(call([2, 1]))];
    await clock.turn();
    scheduler.add(other);
    replica.together.shift()?.reject(new ReplicaLostError("gone"));
    await settle();
    other.echoTogether();
    await settle();
    other.echoTogether();
    expect((await Promise.all(answers)).length).toBe(2);
  });

  it("go on without one that nobody waits for any more, and are cancelled when all have gone", async () => {
    const [one, other] = [context(), context()];
    const answers = [run(call([1, 1]), TOGETHER, one), run(call([1, 1]), TOGETHER, other)];
    await clock.turn();
    const signal = replica.together[0]?.signal;
    one.abort(new ServeError("CANCELLED", "gone"));
    await expect(answers[0]).rejects.toThrow("gone");
    expect(signal?.aborted).toBe(false);
    other.abort(new ServeError("CANCELLED", "gone"));
    await expect(answers[1]).rejects.toThrow("gone");
    expect(signal?.aborted).toBe(true);
  });

  it("fail clearly where the replica takes only one at a time", async () => {
    Object.assign(replica, { runTogether: undefined });
    const answer = run(call([1, 1]));
    await clock.turn();
    await expect(answer).rejects.toThrow("takes only one at a time");
  });
});
