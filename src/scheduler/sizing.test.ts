import { beforeEach, describe, expect, it } from "vitest";
import { FakeClock, settle } from "../../test/fake-clock.ts";
import { FakeReplica } from "../../test/fake-replica.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import type { ReplicaCall, ReplicaResult } from "../core/replica.ts";
import type { Signature } from "../core/signature.ts";
import { bytesOf, elementsOf, type NumericTensor } from "../core/tensor.ts";
import { Scheduler } from "./scheduler.ts";

const signature: Signature = {
  accepts: "tensors",
  inputs: [{ name: "tokens", datatype: "INT32", shape: [-1, -1] }],
  outputs: [{ name: "tokens", datatype: "INT32", shape: [-1, -1] }],
  batchable: true,
  sizing: { padding: { tokens: 0 }, unpad: { tokens: "tokens" }, cost: "tokens" },
};

let clock: FakeClock;
let replica: FakeReplica;

beforeEach(() => {
  clock = new FakeClock();
  replica = new FakeReplica();
});

function createScheduler(maxRows = 8): Scheduler {
  const queueLimits = { maxRequests: 100, maxBytes: 1e6, maxStreams: 1 };
  const scheduler = new Scheduler({ clock, queueLimits, batchLimits: { maxRows, maxBytes: 1e6 } });
  scheduler.add(replica);
  return scheduler;
}

function call(...tokens: number[]): ReplicaCall {
  const tensor = { name: "tokens", datatype: "INT32", shape: [1, tokens.length], data: bytesOf(Int32Array.from(tokens)) } as const;
  return { method: "predict", payload: { kind: "tensors", tensors: [tensor] } };
}

const long = (length: number): ReplicaCall => call(...new Array<number>(length).fill(1));

function context(timeout = 1000, principal = ""): RequestContext {
  const made = new RequestContext({ deadline: clock.now() + timeout, record: createRecord("test", "m", clock.now()) });
  made.principal = principal;
  return made;
}

function valuesOf(result: ReplicaResult): number[] {
  if (result.payload.kind !== "tensors") throw new Error("expected tensors");
  return Array.from(elementsOf(result.payload.tensors[0] as NumericTensor) as Int32Array);
}

/** The replica works for one millisecond on each token, and answers with what it was given. */
async function work(): Promise<void> {
  const { payload } = replica.calls[0]?.call ?? {};
  const [rows = 0, length = 0] = (payload?.kind === "tensors" && payload.tensors[0]?.shape) || [];
  await clock.advance(rows * length);
  const pending = replica.calls.shift();
  if (payload !== undefined) pending?.resolve({ payload, computeMs: rows * length });
  await settle();
}

describe("requests of different sizes", () => {
  it("share a call, and each gets its own back", async () => {
    const scheduler = createScheduler();
    const answers = [call(1, 2), call(3, 4, 5), call(6, 7)].map((each) => scheduler.run(each, signature, context()));
    await clock.turn();
    expect(replica.calls[0]?.call.lengths).toEqual({
      tokens: [
        [1, 2],
        [1, 3],
        [1, 2],
      ],
    });
    replica.echo();
    expect((await Promise.all(answers)).map(valuesOf)).toEqual([
      [1, 2],
      [3, 4, 5],
      [6, 7],
    ]);
  });

  it("do not share one when their model declares nothing", async () => {
    const scheduler = createScheduler();
    for (const each of [call(1, 2), call(3, 4, 5)]) void scheduler.run(each, { batchable: true }, context());
    await clock.turn();
    expect(replica.calls[0]?.call).not.toHaveProperty("lengths");
    expect(scheduler.queued).toBe(1);
  });

  it("are tried alone as they came when their batch fails", async () => {
    const scheduler = createScheduler();
    const sent = [call(1, 2), call(3, 4, 5)];
    const answers = sent.map((each) => scheduler.run(each, signature, context()));
    await clock.turn();
    replica.fail(new ServeError("INTERNAL", "bad"));
    await settle();
    expect(replica.calls[0]?.call).toBe(sent[0]);
    replica.echo();
    await settle();
    replica.echo();
    expect((await Promise.all(answers)).map(valuesOf)).toEqual([
      [1, 2],
      [3, 4, 5],
    ]);
  });
});

describe("a declared cost", () => {
  it("is what a request's time is predicted by", async () => {
    const scheduler = createScheduler();
    for (const length of [10, 40, 20, 60, 30, 50]) {
      const answer = scheduler.run(long(length), signature, context());
      await clock.turn();
      await work();
      await answer;
    }
    void scheduler.run(long(10), signature, context());
    await clock.turn();
    expect(() => scheduler.run(long(100), signature, context(60))).toThrow("the answer would come too late");
    void scheduler.run(long(5), signature, context(60));
    expect(scheduler.queued).toBe(1);
  });

  it.each([[signature], [{ ...signature, batchable: false, sizing: { cost: "tokens" } }]])(
    "is what a principal is charged by, whether or not requests are batched",
    async (declared) => {
      const scheduler = createScheduler(1);
      const order: string[] = [];
      const send = (principal: string, length: number): void => {
        void scheduler.run(long(length), declared, context(100_000, principal)).then(() => order.push(principal));
      };
      send("first", 1);
      await clock.turn();
      for (let index = 0; index < 3; index++) send("long", 40);
      for (let index = 0; index < 12; index++) send("short", 10);
      while (replica.calls.length > 0) await work();
      // Who has had forty tokens lets the other have as many.
      const inTurn = order.slice(1, 12).filter((principal) => principal === "short").length;
      expect([inTurn >= 8, inTurn <= 9]).toEqual([true, true]);
      expect(order).toHaveLength(16);
    },
  );
});
