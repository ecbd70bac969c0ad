import type { Clock } from "../core/clock.ts";
import type { RequestContext } from "../core/context.ts";
import type { ServeError } from "../core/errors.ts";
import type { Replica, ReplicaCall, SequenceStep } from "../core/replica.ts";
import type { SequenceScheduling } from "../core/scheduling.ts";
import type { Alarm } from "./alarm.ts";
import type { Calls } from "./calls.ts";
import type { OpenSequences } from "./departures.ts";
import type { Dispatching } from "./dispatcher.ts";
import { type Entry, failEntry } from "./entry.ts";
import type { Holder } from "./execution-limits.ts";
import type { FairQueue } from "./fair-queue.ts";
import { OwnIds } from "./own-ids.ts";
import { deadlineExceeded } from "./refusals.ts";
import { chooseOfSequences, type SequenceCandidate } from "./sequence-choice.ts";
import { ofTheServer, withoutSequence } from "./sequence-refusals.ts";
import { type Sequence, SequenceTable, type Turn } from "./sequence-table.ts";
import { keyOf, sequenceOf } from "./sequences.ts";

export interface SequenceBatcherOptions {
  readonly clock: Clock;
  readonly rules: SequenceScheduling;
  /** The model's name, for messages. */
  readonly model: string;
  readonly maxBatchRows: number;
  readonly queue: FairQueue<Entry>;
  readonly calls: Calls;
  readonly alarm: Alarm;
  readonly holder: Holder | undefined;
}

/** A stream that may begin now: where, and what its replica is told. */
export interface StreamTurn {
  readonly replica: Replica;
  readonly call: ReplicaCall;
  /** To be called when it has ended; `isGivenUp`: nobody waited for its end. */
  end(isGivenUp: boolean): void;
}

interface EntryTurn extends Turn {
  readonly kind: "entry";
  readonly entry: Entry;
}

interface WaitingStream extends Turn {
  readonly kind: "stream";
  begin(replica: Replica, slot: number): void;
  fail(reason: Error): void;
}

type AnyTurn = EntryTurn | WaitingStream;

/**
 * Gives replicas the requests of sequences, after Triton's sequence batcher: each sequence has a slot of one replica, its requests go one by
 * one, and those of different sequences share calls. What waits is in the queue, which counts it; the order is that of the sequences.
 */
export class SequenceBatcher implements Dispatching, OpenSequences {
  readonly #options: SequenceBatcherOptions;
  readonly #table: SequenceTable<AnyTurn>;
  readonly #turns = new Map<Entry, EntryTurn>();
  readonly #streams = new Set<WaitingStream>();
  /** Of an iterative model: what requests without an id of their own are called. */
  readonly #ownIds: OwnIds | undefined;
  #flushing = false;
  #stopped = false;
  /** Whether the last flush ended for want of a named resource. */
  #wants = false;

  constructor(options: SequenceBatcherOptions) {
    const { rules, model, queue, calls } = options;
    this.#options = options;
    if (rules.iterative === true) this.#ownIds = new OwnIds(rules.idBits ?? 64);
    this.#table = new SequenceTable({
      model,
      perReplica: rules.perReplica,
      idleMs: rules.idleMs,
      onFailed: (turn, reason) => {
        if (turn.kind === "stream") return turn.fail(reason);
        this.#turns.delete(turn.entry);
        queue.remove(turn.entry);
        failEntry(turn.entry, reason);
      },
      onForgotten: (replica, id) => calls.slots.of(replica)?.endSequence?.(id),
    });
  }

  /** Streams that wait for their turn. */
  get waitingStreams(): number {
    return this.#streams.size;
  }

  /** Where a call stands in its sequence; of an iterative model each is one by itself. @throws ServeError INVALID_ARGUMENT */
  stepOf(call: ReplicaCall): SequenceStep {
    const sequence = sequenceOf(call);
    if (sequence === undefined) {
      if (this.#ownIds === undefined) throw withoutSequence(this.#options.model);
      return { id: this.#ownIds.take((id) => this.#table.has(id)), start: true, end: false };
    }
    const id = keyOf(sequence.id);
    if (this.#ownIds?.has(id) === true) throw ofTheServer(id, this.#options.model, this.#ownIds.range);
    return { id, start: sequence.start, end: sequence.end };
  }

  push(entry: Entry): void {
    const { queue, alarm } = this.#options;
    const { id, start, end } = entry.sequence ?? this.stepOf(entry.call);
    const turn: EntryTurn = { kind: "entry", id, start, end: end || this.#isIterative, entry };
    this.#arrive(turn);
    this.#turns.set(entry, turn);
    queue.push(entry);
    alarm.watch(entry.deadline);
  }

  /** Settles when it is the stream's turn. @throws ServeError as {@link push} does, or why it was given up */
  awaitStream(call: ReplicaCall, context: RequestContext): Promise<StreamTurn> {
    const { clock } = this.#options;
    const step = this.stepOf(call);
    return new Promise((resolve, reject) => {
      let stopTimer: (() => void) | undefined;
      const settle = (): void => {
        this.#streams.delete(turn);
        stopTimer?.();
        context.onAbort(undefined);
      };
      const turn: WaitingStream = {
        kind: "stream",
        id: step.id,
        start: step.start,
        end: step.end || this.#isIterative,
        begin: (replica, slot) => {
          settle();
          const sequence = this.#placed(step, slot);
          resolve({ replica, call: { ...call, sequence }, end: (isGivenUp) => this.#endStream(turn, isGivenUp) });
        },
        fail: (reason) => {
          settle();
          reject(reason);
        },
      };
      this.#arrive(turn);
      this.#streams.add(turn);
      stopTimer = clock.after(Math.max(0, context.deadline - clock.now()), () => context.abort(deadlineExceeded(context)));
      context.onAbort((reason) => {
        this.#table.giveUp(turn, clock.now());
        turn.fail(reason);
        this.flush();
      });
    });
  }

  /** Nobody waits for the request any more. */
  giveUp(entry: Entry): void {
    const turn = this.#turns.get(entry);
    if (turn === undefined) return;
    this.#table.giveUp(turn, this.#options.clock.now());
    // Its sequence's slot is free only when its call has ended.
    if (entry.replica === undefined) this.#turns.delete(entry);
    this.flushLater();
  }

  /** A call has been answered, well or not. */
  finish(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const turn = this.#turns.get(entry);
      this.#turns.delete(entry);
      if (turn !== undefined) this.#table.finish(turn, this.#options.clock.now());
    }
  }

  /** Nobody comes back sooner for an answer of a sequence than its client does. */
  answered(): void {}

  flushLater(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.#options.clock.afterTurn(() => {
      this.#flushing = false;
      this.flush();
    });
  }

  flush(): void {
    if (this.#stopped) return;
    const { clock, calls, alarm } = this.#options;
    const now = clock.now();
    this.#wants = false;
    this.#table.expire(now);
    this.#table.place(calls.slots.ids);
    for (const id of [...calls.slots.ids, ...calls.slots.leavingIds]) {
      const replica = calls.slots.of(id);
      if (replica === undefined) continue;
      for (const sequence of this.#table.ready(id)) this.#startStream(replica, sequence);
      while (this.#startNext(replica, now));
    }
    alarm.watch(this.#table.expiresAt);
    this.rest();
  }

  rest(): void {
    if (!this.#wants || this.#options.queue.requests === 0) this.#options.holder?.withdraw();
  }

  openOn(replica: string): number {
    return this.#table.openOn(replica);
  }

  expire(now: number): void {
    this.#table.expire(now);
  }

  lose(replica: string): void {
    this.#table.lose(replica, this.#options.clock.now());
  }

  /** What waits fails now. */
  rejectWaiting(reason: ServeError): void {
    this.#table.rejectWaiting(reason, this.#options.clock.now());
  }

  /** Nothing more is given to anybody. */
  stop(): void {
    this.#stopped = true;
  }

  get #isIterative(): boolean {
    return this.#ownIds !== undefined;
  }

  #arrive(turn: AnyTurn): void {
    const { clock, calls } = this.#options;
    this.#table.arrive(turn, calls.slots.leavingIds, clock.now());
    this.flushLater();
  }

  #endStream(turn: WaitingStream, isGivenUp: boolean): void {
    const now = this.#options.clock.now();
    if (isGivenUp) this.#table.giveUp(turn, now);
    this.#table.finish(turn, now);
  }

  #startStream(replica: Replica, sequence: Sequence<AnyTurn>): void {
    const turn = sequence.waiting[0];
    if (turn?.kind !== "stream") return;
    this.#table.begin(sequence);
    turn.begin(replica, sequence.place?.slot ?? 0);
  }

  /** Gives the replica its next call; false when there is none for it now. */
  #startNext(replica: Replica, now: number): boolean {
    const { rules, queue, calls, alarm, holder, maxBatchRows } = this.#options;
    const room = calls.slots.room(replica);
    if (room === 0 || (rules.strategy === "direct" && !this.#isIterative && this.#isCalled(replica))) return false;
    const ready = [...this.#table.ready(replica.id)].flatMap(candidateOf);
    if (ready.length === 0) return false;
    const choice = chooseOfSequences(ready, rules, this.#isIterative ? 1 : Math.min(room, maxBatchRows), now);
    if ("holdUntil" in choice) {
      alarm.watch(choice.holdUntil);
      return false;
    }
    if (holder?.tryHold() === false) {
      this.#wants = true;
      return false;
    }
    for (const { sequence, entry } of choice.batch) {
      this.#table.begin(sequence);
      entry.replica = replica.id;
      if (entry.sequence !== undefined) entry.sequence = this.#placed(entry.sequence, sequence.place?.slot ?? 0);
      entry.context.record.stage = "running";
      entry.context.record.queueMs = now - entry.enqueuedAt;
    }
    const entries = queue.take(() => choice.batch.map(({ entry }) => entry));
    alarm.watch(calls.start(replica, entries, choice.cut, now));
    return true;
  }

  /** Whether the replica works on a call that is no stream. */
  #isCalled({ id }: Replica): boolean {
    for (const { kind } of this.#table.running(id)) if (kind === "entry") return true;
    return false;
  }

  #placed({ id, start, end }: SequenceStep, slot: number): SequenceStep {
    const hasRow = this.#options.rules.strategy === "direct" && !this.#isIterative;
    return hasRow ? { id, start, end, slot } : { id, start, end };
  }
}

interface Candidate extends SequenceCandidate {
  readonly sequence: Sequence<AnyTurn>;
  readonly entry: Entry;
}

function candidateOf(sequence: Sequence<AnyTurn>): Candidate[] {
  const turn = sequence.waiting[0];
  if (turn?.kind !== "entry") return [];
  const { entry } = turn;
  return [{ sequence, entry, key: entry.key, enqueuedAt: entry.enqueuedAt, deadline: entry.deadline }];
}
