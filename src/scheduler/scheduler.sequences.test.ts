import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { FakeClock, settle } from "../../test/fake-clock.ts";
import { FakeReplica } from "../../test/fake-replica.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import type { Parameters, Payload } from "../core/inference.ts";
import { type ReplicaCall, ReplicaLostError, type ReplicaResult, type SequenceStep } from "../core/replica.ts";
import type { SequenceScheduling } from "../core/scheduling.ts";
import { bytesOf } from "../core/tensor.ts";
import { Scheduler } from "./scheduler.ts";

const SIGNATURE = { batchable: true, stateful: true, together: true };
const DIRECT: SequenceScheduling = { strategy: "direct", perReplica: 2, idleMs: 1000, maxDelayMs: 0 };
const OLDEST: SequenceScheduling = { strategy: "oldest", perReplica: 4, idleMs: 1000, maxDelayMs: 0 };

class SequenceReplica extends FakeReplica {
  readonly forgotten: (string | bigint)[] = [];

  endSequence(id: string | bigint): void {
    this.forgotten.push(id);
  }

  override async *stream(call: ReplicaCall): AsyncGenerator<Payload, void, undefined> {
    yield { kind: "json", value: shown([call])[0] ?? null };
    yield call.payload;
  }
}

let clock: FakeClock;
let replica: SequenceReplica;
let scheduler: Scheduler;

function start(sequences: SequenceScheduling = DIRECT, maxRows = 8): void {
  clock = new FakeClock();
  replica = new SequenceReplica();
  scheduler = new Scheduler({
    clock,
    modelName: "m",
    rules: { sequences },
    queueLimits: { maxRequests: 1000, maxBytes: 1e6, maxStreams: 2 },
    batchLimits: { maxRows, maxBytes: 1e6 },
  });
  scheduler.add(replica);
}

beforeEach(() => start());

function context(timeout = 10_000): RequestContext {
  return new RequestContext({ deadline: clock.now() + timeout, record: createRecord("test", "m", clock.now()) });
}

function call(parameters: Parameters, columns = 1): ReplicaCall {
  const data = bytesOf(new Float64Array(columns));
  return {
    method: "predict",
    payload: { kind: "tensors", tensors: [{ name: "x", datatype: "FP64", shape: [1, columns], data }] },
    parameters,
  };
}

/** "7<" begins sequence 7, "7" goes on and "7>" ends it. */
function step(text: string): Parameters {
  const { id, begins, ends } = /^(?<id>\w+)(?<begins><?)(?<ends>>?)$/.exec(text)?.groups ?? {};
  const number = Number(id);
  return { sequence_id: Number.isNaN(number) ? String(id) : number, sequence_start: begins === "<", sequence_end: ends === ">" };
}

function send(text: string, asking = context(), columns = 1): Promise<ReplicaResult> {
  const answer = scheduler.run(call({ ...step(text), text }, columns), SIGNATURE, asking);
  answer.catch(() => undefined);
  return answer;
}

function shown(calls: readonly ReplicaCall[]): string[] {
  return calls.map(({ parameters, sequence }) => `${String(parameters?.text)}${sequence?.slot === undefined ? "" : `@${sequence.slot}`}`);
}

/** What the replica has been given, by call. */
function given(of: FakeReplica = replica): string[][] {
  return of.together.map(({ calls }) => shown(calls));
}

async function echo(of: FakeReplica = replica): Promise<void> {
  of.echoTogether();
  await settle();
  await clock.turn();
}

describe("sequences with a slot each", () => {
  it("share calls, each in its slot from its start to its end, one request at a time", async () => {
    for (const text of ["1<", "1", "2<", "1>", "2"]) void send(text);
    await clock.turn();
    expect(given()).toEqual([["1<@0", "2<@1"]]);
    expect(replica.together[0]?.calls.map(({ sequence }) => sequence)).toEqual<SequenceStep[]>([
      { id: 1n, start: true, end: false, slot: 0 },
      { id: 2n, start: true, end: false, slot: 1 },
    ]);
    await echo();
    expect(given()).toEqual([["1@0", "2@1"]]);
    await echo();
    expect(given()).toEqual([["1>@0"]]);
    await echo();
    void send("2>");
    void send("x<");
    await clock.turn();
    expect(given()).toEqual([["x<@0", "2>@1"]]);
    expect(replica.forgotten).toEqual([]);
  });

  it("wait in their order when all slots are taken, and begin when an end has been answered", async () => {
    const answers = ["1<", "2<", "3<", "4<", "3"].map((text) => send(text));
    await clock.turn();
    await echo();
    expect(given()).toEqual([]);
    void send("2>");
    await clock.turn();
    expect(given()).toEqual([["2>@1"]]);
    await echo();
    expect(given()).toEqual([["3<@1"]]);
    await echo();
    expect(given()).toEqual([["3@1"]]);
    await echo();
    expect((await Promise.all([answers[0], answers[1], answers[2], answers[4]])).length).toBe(4);
    void send("1>");
    await clock.turn();
    await echo();
    expect(given()).toEqual([["4<@0"]]);
  });

  it("spread over replicas, and stay there", async () => {
    const other = new SequenceReplica(1, "other");
    scheduler.add(other);
    for (const text of ["1<", "2<", "3<", "4<", "5<"]) void send(text);
    await clock.turn();
    expect([given(), given(other)]).toEqual([[["1<@0", "3<@1"]], [["2<@0", "4<@1"]]]);
    await echo(other);
    void send("2");
    void send("1");
    await clock.turn();
    expect(given(other)).toEqual([["2@0"]]);
    await echo();
    expect(given()).toEqual([["1@0"]]);
  });

  it("wait for the slots that are wanted, but no longer than they may, nor than anybody has time", async () => {
    start({ ...DIRECT, perReplica: 4, maxDelayMs: 50, minimumSlotUtilization: 0.75 });
    for (const text of ["1<", "2<"]) void send(text);
    await clock.turn();
    expect(given()).toEqual([]);
    void send("3<");
    await clock.turn();
    expect(given()).toEqual([["1<@0", "2<@1", "3<@2"]]);
    await echo();
    void send("2");
    await clock.turn();
    await clock.advance(49);
    expect(given()).toEqual([]);
    await clock.advance(1);
    expect(given()).toEqual([["2@1"]]);
    await echo();
    void send("2", context(20));
    await clock.turn();
    expect(given()).toEqual([["2@1"]]);
  });

  it("do not share a call with what has other shapes, and nobody is forgotten for it", async () => {
    void send("1<", context(), 3);
    void send("2<", context(), 4);
    await clock.turn();
    expect(given()).toEqual([["1<@0"]]);
    await clock.advance(1);
    void send("1", context(), 3);
    await echo();
    expect(given()).toEqual([["2<@1"]]);
  });

  it("begin anew at a start, where they are", async () => {
    for (const text of ["1<", "1", "1<", "1>"]) void send(text);
    await clock.turn();
    for (const expected of ["1<@0", "1@0", "1<@0", "1>@0"]) {
      expect(given()).toEqual([[expected]]);
      await echo();
    }
    expect(replica.forgotten).toEqual([]);
  });

  it("that begin after another one of their id wait for its end, and behind others", async () => {
    for (const text of ["1<>", "2<", "1<", "3<"]) void send(text);
    await clock.turn();
    expect(given()).toEqual([["1<>@0", "2<@1"]]);
    await echo();
    expect(given()).toEqual([["3<@0"]]);
    void send("2>");
    await clock.turn();
    await echo();
    expect(given()).toEqual([["2>@1"]]);
    await echo();
    expect(given()).toEqual([["1<@1"]]);
  });
});

describe("the oldest requests of sequences", () => {
  beforeEach(() => start(OLDEST));

  it("make a call, never two of one sequence", async () => {
    replica = new SequenceReplica(2, "two");
    start(OLDEST);
    for (const text of ["1<", "1", "2<", "2>", "3<"]) void send(text);
    await clock.turn();
    expect(given()).toEqual([["1<", "2<", "3<"]]);
    expect(replica.together[0]?.calls[0]?.sequence).toEqual({ id: 1n, start: true, end: false });
    await echo();
    expect(given()).toEqual([["1", "2>"]]);
  });

  it("are no more than a batch may have rows", async () => {
    start(OLDEST, 2);
    for (const text of ["1<", "2<", "3<"]) void send(text);
    await clock.turn();
    expect(given()).toEqual([["1<", "2<"]]);
    await echo();
    expect(given()).toEqual([["3<"]]);
  });

  it("wait for one of the preferred sizes, but no longer than they may", async () => {
    start({ ...OLDEST, maxDelayMs: 50, preferredSizes: [2] });
    void send("1<");
    await clock.turn();
    expect(given()).toEqual([]);
    await clock.advance(30);
    for (const text of ["2<", "3<"]) void send(text);
    await clock.turn();
    expect(given()).toEqual([["1<", "2<"]]);
    await echo();
    await clock.advance(49);
    expect(given()).toEqual([]);
    await clock.advance(1);
    expect(given()).toEqual([["3<"]]);
  });

  it("have as many calls in a replica as that takes", async () => {
    const two = new SequenceReplica(2, "two");
    scheduler = new Scheduler({
      clock,
      rules: { sequences: OLDEST },
      queueLimits: { maxRequests: 9, maxBytes: 1e6, maxStreams: 1 },
      batchLimits: { maxRows: 8, maxBytes: 1e6 },
    });
    scheduler.add(two);
    void send("1<");
    await clock.turn();
    for (const text of ["2<", "1"]) void send(text);
    await clock.turn();
    expect(given(two)).toEqual([["1<"], ["2<"]]);
  });
});

describe("the end of a sequence", () => {
  it("comes after a while without requests; its slot is free then", async () => {
    for (const text of ["1<", "2<", "3<"]) void send(text);
    await clock.turn();
    await echo();
    await clock.advance(500);
    void send("2");
    await clock.turn();
    await echo();
    await clock.advance(499);
    expect(replica.forgotten).toEqual([]);
    await clock.advance(1);
    expect(replica.forgotten).toEqual([1n]);
    expect(given()).toEqual([["3<@0"]]);
    await expect(send("1")).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: "inference request for sequence 1 to model 'm' must specify the START flag on the first request of the sequence",
    });
  });

  it("does not come while a request waits or runs", async () => {
    void send("1<", context(5000));
    await clock.turn();
    await clock.advance(3000);
    void send("1", context(5000));
    await clock.turn();
    await echo();
    expect(given()).toEqual([["1@0"]]);
  });

  it("is told to clients whose replica is gone: those that run, wait and come later", async () => {
    const answers = ["1<", "1", "2<", "2>", "2<"].map((text) => send(text));
    await clock.turn();
    const other = new SequenceReplica(1, "other");
    scheduler.add(other);
    replica.together.shift()?.reject(new ReplicaLostError("gone"));
    await settle();
    await clock.turn();
    for (const answer of answers.slice(0, 4)) {
      await expect(answer).rejects.toMatchObject({ code: "ABORTED", message: expect.stringContaining("begin the sequence again") });
    }
    expect(given(other)).toEqual([["2<@0"]]);
    await expect(send("1")).rejects.toThrow("the replica that had the state of sequence 1 is gone");
    void send("1<");
    await clock.turn();
    await echo(other);
    expect(given(other)).toEqual([["1<@1"]]);
  });

  it("comes when nobody waits for one of its requests", async () => {
    const asking = context(100);
    const answers = [send("1<"), send("1", asking), send("1"), send("1<")];
    await clock.turn();
    await clock.advance(100);
    await expect(answers[1]).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
    await expect(answers[2]).rejects.toMatchObject({ code: "ABORTED" });
    await echo();
    expect(given()).toEqual([["1<@0"]]);
    await echo();
    const gone = context();
    const last = send("1", gone);
    await clock.turn();
    gone.abort(new ServeError("CANCELLED", "gone"));
    await expect(last).rejects.toThrow("gone");
    await expect(send("1")).rejects.toThrow("an earlier request of sequence 1 was not waited for");
    await echo();
    expect(replica.forgotten).toEqual([1n]);
    expect(scheduler.hasSequences("fake")).toBe(false);
  });

  it("does not come with a failure of the model", async () => {
    const failed = send("1<");
    await clock.turn();
    replica.together.shift()?.reject(new ServeError("INTERNAL", "bad"));
    await expect(failed).rejects.toThrow("bad");
    void send("1");
    await clock.turn();
    replica.echoTogether({ 0: new ServeError("INVALID_ARGUMENT", "worse") });
    await settle();
    void send("1");
    await clock.turn();
    expect(given()).toEqual([["1@0"]]);
  });
});

describe("refused", () => {
  it("are requests of no sequence, and of none that has begun", async () => {
    expect(() => scheduler.run(call({}), SIGNATURE, context())).toThrow(
      "inference request to model 'm' must specify a non-zero or non-empty correlation ID",
    );
    await expect(send("7>")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(scheduler.inFlight).toBe(0);
    void send("7<>");
    await clock.turn();
    await expect(send("7")).rejects.toThrow("must specify the START flag");
  });

  it("is what waits when the model stops; the sequences end", async () => {
    const answers = ["1<", "1", "2<", "3<", "3"].map((text) => send(text));
    await clock.turn();
    scheduler.rejectWaiting(new ServeError("UNAVAILABLE", "stopping"));
    for (const index of [1, 3, 4]) await expect(answers[index]).rejects.toThrow("stopping");
    await echo();
    await expect(answers[0]).resolves.toBeDefined();
    expect(scheduler.inFlight).toBe(0);
    scheduler.destroy(new ServeError("UNAVAILABLE", "stopped"));
    expect(clock.timers).toBe(0);
  });
});

describe("replicas that leave", () => {
  it("keep their sequences until these have ended, and get no new ones", async () => {
    void send("1<");
    await clock.turn();
    await echo();
    let isDrained = false;
    void scheduler.drain(replica).then(() => {
      isDrained = true;
    });
    const other = new SequenceReplica(1, "other");
    scheduler.add(other);
    void send("2<");
    void send("1");
    await clock.turn();
    expect([given(), given(other)]).toEqual([[["1@0"]], [["2<@0"]]]);
    await echo();
    expect(isDrained).toBe(false);
    void send("1<");
    await clock.turn();
    await clock.advance(1000);
    expect(isDrained).toBe(true);
    expect(replica.forgotten).toEqual([1n]);
    await echo(other);
    expect(given(other)).toEqual([["1<@1"]]);
  });
});

describe("streams of sequences", () => {
  const stream = async (text: string, asking = context()): Promise<unknown[]> => {
    const pieces: unknown[] = [];
    for await (const piece of scheduler.stream(call({ ...step(text), text }), asking))
      pieces.push(piece.kind === "json" ? piece.value : piece.kind);
    return pieces;
  };

  it("go to the sequence's slot, in its order", async () => {
    void send("2<");
    void send("1<");
    await clock.turn();
    const later = stream("1");
    await settle();
    expect(scheduler.inFlight).toBe(3);
    await echo();
    expect(await later).toEqual(["1@1", "tensors"]);
    expect(await Promise.all([stream("1>"), clock.turn()])).toMatchObject([["1>@1", "tensors"], undefined]);
    expect(scheduler.inFlight).toBe(0);
  });

  it("are given up while they wait, and refused beyond their number", async () => {
    for (const text of ["1<", "2<"]) void send(text);
    await clock.turn();
    const asking = context();
    const waiting = [stream("3<", asking), stream("4<", context(50)), stream("5<")];
    for (const each of waiting) each.catch(() => undefined);
    await settle();
    await expect(waiting[2]).rejects.toMatchObject({ code: "RESOURCE_EXHAUSTED" });
    asking.abort(new ServeError("CANCELLED", "gone"));
    await expect(waiting[0]).rejects.toThrow("gone");
    await Promise.all([expect(waiting[1]).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" }), clock.advance(50)]);
    await echo();
    expect(scheduler.inFlight).toBe(0);
  });

  it("keep nobody from the end when they are given up as the last", async () => {
    const asking = context();
    for (const text of ["1<", "2<"]) void send(text);
    await clock.turn();
    const waiting = stream("3<", asking);
    waiting.catch(() => undefined);
    await settle();
    await echo();
    let isClosed = false;
    void scheduler.close().then(() => {
      isClosed = true;
    });
    await settle();
    expect(isClosed).toBe(false);
    asking.abort(new ServeError("CANCELLED", "gone"));
    await settle();
    expect(isClosed).toBe(true);
  });
});

interface Sent {
  readonly id: number;
  readonly order: number;
  readonly start: boolean;
  readonly end: boolean;
}

describe("whatever comes", () => {
  it("keeps each sequence's order, replica and slot, shares no slot, loses nothing and answers everything", async () => {
    const action = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant("send" as const),
          id: fc.integer({ min: 1, max: 6 }),
          start: fc.boolean(),
          end: fc.boolean(),
        }),
      },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant("answer" as const), replica: fc.integer({ min: 0, max: 2 }) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("wait" as const), milliseconds: fc.integer({ min: 1, max: 700 }) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("lose" as const), replica: fc.integer({ min: 0, max: 2 }) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("cancel" as const), latest: fc.nat(6) }) },
    );
    const rules = fc.record({
      strategy: fc.constantFrom("direct" as const, "oldest" as const),
      perReplica: fc.integer({ min: 1, max: 3 }),
      idleMs: fc.constant(1000),
      maxDelayMs: fc.constantFrom(0, 20),
      minimumSlotUtilization: fc.constantFrom(0, 0.5, 1),
    });
    await fc.assert(
      fc.asyncProperty(rules, fc.array(action, { maxLength: 60 }), async (sequences, actions) => {
        start(sequences, 3);
        const replicas = [replica, new SequenceReplica(2, "r1"), new SequenceReplica(1, "r2")];
        const removals = replicas.map((each) => scheduler.add(each));
        let order = 0;
        const unsettled = new Set<number>();
        const asked: RequestContext[] = [];
        const seen = new Map<number, { order: number; place: string }>();
        const look = (): void => {
          for (const each of replicas) {
            const running = each.together.flatMap(({ calls }) => calls);
            const ids = running.map(({ sequence }) => sequence?.id);
            expect(new Set(ids).size).toBe(ids.length);
            if (sequences.strategy === "direct") expect(new Set(running.map(({ sequence }) => sequence?.slot)).size).toBe(running.length);
            for (const { parameters, sequence } of running) {
              const { id, order: at, start: begins } = JSON.parse(String(parameters?.text)) as Sent;
              const place = `${each.id} ${sequence?.slot}`;
              const last = seen.get(id);
              if (last?.order === at) continue;
              expect(last === undefined || last.order < at).toBe(true);
              if (!begins) expect(last?.place).toBe(place);
              seen.set(id, { order: at, place });
            }
          }
        };
        for (const each of actions) {
          if (each.kind === "send") {
            const sent: Sent = { id: each.id, order: order++, start: each.start, end: each.end };
            const asking = context();
            asked.push(asking);
            unsettled.add(sent.order);
            const parameters = { sequence_id: each.id, sequence_start: each.start, sequence_end: each.end, text: JSON.stringify(sent) };
            const done = (): boolean => unsettled.delete(sent.order);
            scheduler.run(call(parameters), SIGNATURE, asking).then(done, done);
          } else if (each.kind === "answer") replicas[each.replica]?.echoTogether();
          else if (each.kind === "wait") await clock.advance(each.milliseconds);
          else if (each.kind === "cancel") asked.at(-1 - each.latest)?.abort(new ServeError("CANCELLED", "gone"));
          else {
            const lost = replicas[each.replica] as SequenceReplica;
            removals[each.replica]?.();
            for (const pending of lost.together.splice(0)) pending.reject(new ReplicaLostError("gone"));
            replicas[each.replica] = new SequenceReplica(1, `${lost.id}'`);
            removals[each.replica] = scheduler.add(replicas[each.replica] as SequenceReplica);
          }
          await settle();
          await clock.turn();
          look();
        }
        for (let turn = 0; turn < 400 && (unsettled.size > 0 || replicas.some(({ together }) => together.length > 0)); turn++) {
          for (const each of replicas) while (each.together.length > 0) each.echoTogether();
          await settle();
          await clock.turn();
          await clock.advance(20);
          look();
        }
        expect(unsettled.size).toBe(0);
        await clock.advance(2000);
        expect(replicas.map(({ id }) => scheduler.hasSequences(id))).toEqual([false, false, false]);
      }),
      { numRuns: 100 },
    );
  });
});
