import { beforeEach, expect, it } from "vitest";
import { FakeClock, settle } from "../../test/fake-clock.ts";
import { FakeReplica } from "../../test/fake-replica.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import type { Parameters, Payload } from "../core/inference.ts";
import { type ReplicaCall, ReplicaLostError, type ReplicaResult, type SequenceStep } from "../core/replica.ts";
import type { SequenceScheduling } from "../core/scheduling.ts";
import { Scheduler } from "./scheduler.ts";

const SIGNATURE = { batchable: true, stateful: true, together: true };
/** The first id that the server gives. */
const FIRST = 2n ** 64n - 2n ** 20n;
const RULES: SequenceScheduling = { strategy: "direct", perReplica: 2, idleMs: 1000, maxDelayMs: 50, iterative: true };

class IterativeReplica extends FakeReplica {
  readonly streamed: (SequenceStep | undefined)[] = [];
  release: () => void = () => undefined;

  constructor() {
    super(2);
  }

  override async *stream({ sequence, payload }: ReplicaCall): AsyncGenerator<Payload, void, undefined> {
    this.streamed.push(sequence);
    yield payload;
    await new Promise<void>((resolve) => {
      this.release = resolve;
    });
  }
}

let clock: FakeClock;
let replica: IterativeReplica;
let scheduler: Scheduler;

beforeEach(() => {
  clock = new FakeClock();
  replica = new IterativeReplica();
  scheduler = new Scheduler({
    clock,
    modelName: "m",
    rules: { sequences: RULES },
    queueLimits: { maxRequests: 1000, maxBytes: 1e6, maxStreams: 10 },
    batchLimits: { maxRows: 8, maxBytes: 1e6 },
  });
  scheduler.add(replica);
});

function context(timeout = 10_000): RequestContext {
  return new RequestContext({ deadline: clock.now() + timeout, record: createRecord("test", "m", clock.now()) });
}

function call(parameters: Parameters): ReplicaCall {
  return { method: "predict", payload: { kind: "tensors", tensors: [] }, parameters };
}

function send(parameters: Parameters = {}, asking = context()): Promise<ReplicaResult> {
  const answer = scheduler.run(call(parameters), SIGNATURE, asking);
  answer.catch(() => undefined);
  return answer;
}

function given(): (SequenceStep | undefined)[][] {
  return replica.together.map(({ calls }) => calls.map(({ sequence }) => sequence));
}

async function end(index: number): Promise<void> {
  const [ended] = replica.together.splice(index, 1);
  ended?.resolve([{ payload: { kind: "json", value: null }, computeMs: 1 }]);
  await settle();
  await clock.turn();
}

it("gives each request to its replica at once and alone, and the next one when any of them is over", async () => {
  void send();
  const second = send();
  void send();
  await clock.turn();
  expect(given()).toEqual([[{ id: FIRST, start: true, end: false }], [{ id: FIRST + 1n, start: true, end: false }]]);
  await end(1);
  await second;
  expect(given()).toEqual([[{ id: FIRST, start: true, end: false }], [{ id: FIRST + 2n, start: true, end: false }]]);
});

it("keeps the ids that clients give, and gives none of them to anybody else", async () => {
  void send({ sequence_id: 1, sequence_start: true });
  void send();
  await clock.turn();
  expect(given()).toEqual([[{ id: 1n, start: true, end: false }], [{ id: FIRST, start: true, end: false }]]);
  for (const id of [FIRST, String(FIRST)]) {
    expect(() => send({ sequence_id: id, sequence_start: true })).toThrow("are for requests that have none of their own");
  }
});

it("ends a sequence with its request", async () => {
  const first = send({ sequence_id: 5, sequence_start: true });
  await expect(send({ sequence_id: 5 })).rejects.toThrow("must specify the START flag");
  await clock.turn();
  expect(scheduler.hasSequences(replica.id)).toBe(true);
  await end(0);
  await first;
  expect(scheduler.hasSequences(replica.id)).toBe(false);
  await expect(send({ sequence_id: 5 })).rejects.toThrow("must specify the START flag");
});

it("gives up what takes longer than its client waits, and only that", async () => {
  const late = send({}, context(100));
  void send();
  await clock.turn();
  await clock.advance(100);
  await expect(late).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
  expect(replica.together.map(({ signal }) => signal?.aborted)).toEqual([true, false]);
});

it("tells the clients of a replica that is gone, and gives what waits to another one", async () => {
  const under = send();
  const way = send();
  const waits = send();
  await clock.turn();
  for (const each of replica.together.splice(0)) each.reject(new ReplicaLostError("its host is gone"));
  await expect(under).rejects.toMatchObject({ code: "ABORTED" });
  await expect(way).rejects.toMatchObject({ code: "ABORTED" });
  const other = new FakeReplica(2, "other");
  scheduler.add(other);
  await clock.turn();
  expect(other.together.map(({ calls }) => calls[0]?.sequence?.id)).toEqual([FIRST + 2n]);
  other.echoTogether();
  await waits;
});

it("has as many streams under way as requests", async () => {
  const streams = [1, 2, 3].map(() => scheduler.stream(call({}), context()));
  const answers = streams.map((stream) => stream.next());
  await clock.turn();
  expect(replica.streamed).toEqual([
    { id: FIRST, start: true, end: false },
    { id: FIRST + 1n, start: true, end: false },
  ]);
  await answers[0];
  await streams[0]?.return();
  await clock.turn();
  expect(replica.streamed.length).toBe(3);
});
