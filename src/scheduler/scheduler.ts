import type { BatchRecord } from "../core/batch.ts";
import type { Clock } from "../core/clock.ts";
import type { RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import type { Payload } from "../core/inference.ts";
import { type Replica, type ReplicaCall, ReplicaLostError, type ReplicaResult } from "../core/replica.ts";
import { DEFAULT_PRIORITY, type SchedulingSpec } from "../core/scheduling.ts";
import { type Sharing, sizingOf } from "../core/sizing.ts";
import type { QueueLimits } from "./admission.ts";
import { Alarm } from "./alarm.ts";
import { type BatchLimits, type BatchPolicy, batchWhileBusy, payloadBytes, rowsOf } from "./batching.ts";
import { Calls } from "./calls.ts";
import { Departures } from "./departures.ts";
import { Dispatcher } from "./dispatcher.ts";
import { createEntry, type Entry, failEntry } from "./entry.ts";
import { type ExecutionResources, registerNeeds } from "./execution-limits.ts";
import { FairQueue } from "./fair-queue.ts";
import { Gate } from "./gate.ts";
import { Outcomes } from "./outcomes.ts";
import { Quarantine } from "./quarantine.ts";
import { cannotStream, deadlineExceeded } from "./refusals.ts";
import { Sequences, sequenceOf } from "./sequences.ts";
import { Streams } from "./streams.ts";

export interface SchedulerOptions {
  readonly clock: Clock;
  readonly queueLimits: QueueLimits;
  readonly batchLimits: BatchLimits;
  /** What the model's owner said. */
  readonly rules?: SchedulingSpec;
  readonly policy?: BatchPolicy;
  /** What the machine has of the resources that the rules name. */
  readonly resources?: ExecutionResources;
  /** The model, for messages. */
  readonly name?: string;
  /** A call has been answered. */
  readonly onBatch?: (batch: BatchRecord) => void;
}

const SEQUENCE_LIMITS = { maxSequences: 4096, idleMs: 60_000 };

/**
 * Queue of one model version and the replicas that empty it. A batch forms from what arrived while the replicas were busy, or within
 * one turn of the event loop; it waits for company only when those who have just been answered are known to come back.
 * What is decided is decided by pure policies beside this file; the parts that it puts together here have the state that moves.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #dispatcher: Dispatcher;
  readonly #queue: FairQueue<Entry>;
  readonly #calls: Calls;
  readonly #gate: Gate;
  readonly #alarm: Alarm;
  readonly #quarantine = new Quarantine();
  readonly #streams: Streams;
  readonly #sequences = new Sequences(SEQUENCE_LIMITS);
  readonly #departures: Departures;
  #stopped: ServeError | undefined;
  #closed: Promise<void> | undefined;
  /** Set while somebody waits for the end of all work, and after it. */
  #onIdle: (() => void) | undefined;
  #awaitingIdle: Array<() => void> = [];

  constructor(options: SchedulerOptions) {
    const { clock, policy = batchWhileBusy } = options;
    this.#options = options;
    this.#queue = new FairQueue(() => clock.now());
    this.#streams = new Streams(clock, options.queueLimits, deadlineExceeded);
    const holder = registerNeeds(options, () => this.#dispatcher.flush());
    const outcomes = new Outcomes({
      clock,
      queue: this.#queue,
      quarantine: this.#quarantine,
      retry: options.rules?.retry !== false,
      onBatch: (batch) => {
        options.onBatch?.(batch);
        if (!batch.inline) this.#dispatcher.answered(batch.size);
      },
      onGivenUp: (entry, reason) => this.#giveUp(entry, reason),
    });
    this.#calls = new Calls({
      clock,
      rules: options.rules ?? {},
      holder,
      onAnswer: (batch, result) => outcomes.answered(batch, result),
      onFailure: (batch, error) => outcomes.failed(batch, error),
      onLost: (replica) => this.#departures.lose(replica),
      onFree: () => {
        this.#dispatcher.flush();
        this.#rest();
      },
    });
    this.#departures = new Departures(clock, this.#calls.slots, this.#queue, this.#sequences);
    this.#gate = new Gate({
      clock,
      queue: this.#queue,
      calls: this.#calls,
      queueLimits: options.queueLimits,
      maxBatchRows: Math.min(options.batchLimits.maxRows, options.rules?.requestsPerReplica ?? Number.POSITIVE_INFINITY),
      priority: options.rules?.priority ?? DEFAULT_PRIORITY,
    });
    this.#alarm = new Alarm(clock, () => this.#ring());
    this.#dispatcher = new Dispatcher({
      clock,
      policy,
      batchLimits: options.batchLimits,
      queue: this.#queue,
      calls: this.#calls,
      alarm: this.#alarm,
      holder,
      onShed: (entry) => failEntry(entry, deadlineExceeded(entry.context)),
    });
  }

  get queued(): number {
    return this.#queue.requests;
  }

  /** Clock milliseconds at which the one that has waited for longest came; undefined when nobody waits. Looks at all of them. */
  get queuedSince(): number | undefined {
    return this.#queue.since;
  }

  /** Something waits or runs that somebody wants. */
  get busy(): boolean {
    return this.#queue.requests > 0 || this.#streams.open > 0 || this.#calls.wanted;
  }

  /** Requests that wait or run. */
  get inFlight(): number {
    return this.#queue.requests + this.#calls.requests + this.#streams.open;
  }

  /** Requests that are refused because they ended hosts. */
  get quarantined(): number {
    return this.#quarantine.size;
  }

  /** From now on the replica gets work; returns the function that takes it out again, for when it has died. */
  add(replica: Replica): () => void {
    this.#calls.slots.add(replica);
    this.#dispatcher.flushLater();
    return () => {
      this.#departures.lose(replica);
      this.#dispatcher.flush();
      this.#rest();
    };
  }

  /**
   * The replica gets nothing new, but for the sequences whose state it has; settles when it has answered all of it. It is still to be
   * taken out then.
   */
  drain(replica: Replica): Promise<void> {
    const drained = this.#departures.begin(replica);
    this.#rest();
    this.#alarm.watch(this.#departures.lookAt);
    return drained;
  }

  /** Whether a replica has the state of any sequence. */
  hasSequences(id: string): boolean {
    return this.#sequences.openOn(id) > 0;
  }

  /**
   * Whether a request of so many bytes would be taken now and answered in time, as far as is known before it has been read.
   * @throws ServeError RESOURCE_EXHAUSTED, or why the model takes nothing any more
   */
  admit(bytes: number, context: RequestContext): void {
    this.#assertOpen();
    // Who finds nothing before him is always tried, but not who has given no time at all.
    if (context.deadline <= context.record.startedAt) throw deadlineExceeded(context);
    this.#gate.admitUnread(bytes, context);
  }

  /**
   * Answers one call of a method. It may share a batch with others when the method is batchable; when it is stateful, requests with one
   * `sequence_id` go to one replica, in their order.
   * @throws ServeError RESOURCE_EXHAUSTED, FAILED_PRECONDITION for a request that ended hosts, or why nothing is taken any more
   */
  run(call: ReplicaCall, signature: Sharing, context: RequestContext): Promise<ReplicaResult> {
    const { batchable, stateful } = signature;
    const bytes = payloadBytes(call.payload);
    const rows = batchable === true && stateful !== true ? rowsOf(call) : undefined;
    const sizing = sizingOf(signature);
    const cost = sizing === undefined ? Math.max(1, rows ?? 1) : sizing.costOf(call.payload, rows ?? 1);
    this.#assertOpen();
    this.#gate.admit({ bytes, cost, shares: rows !== undefined }, context);
    this.#quarantine.check(call);
    const replica = stateful === true ? this.#replicaOf(call) : undefined;
    return new Promise((resolve, reject) => {
      const now = this.#options.clock.now();
      const priority = this.#gate.priorityOf(context);
      const entry = createEntry({ call, context, rows, cost, sizing, bytes, replica, priority, now }, resolve, reject);
      context.record.stage = "queued";
      context.record.queuedAt = now;
      this.#dispatcher.push(entry);
      context.onAbort((reason) => this.#giveUp(entry, reason));
    });
  }

  /** Answers of a streaming method. A stream runs beside the calls and ends with its request. @throws ServeError as {@link run} does */
  async *stream(call: ReplicaCall, context: RequestContext): AsyncGenerator<Payload, void, undefined> {
    this.#assertOpen();
    this.#gate.admitUnread(payloadBytes(call.payload), context);
    this.#quarantine.check(call);
    const { slots } = this.#calls;
    const replica = slots.freestForStream();
    if (replica === undefined) throw cannotStream(slots.leastLoaded() !== undefined);
    slots.changeStreams(replica, 1);
    try {
      yield* this.#streams.run(replica, call, context);
    } catch (error) {
      if (error instanceof ReplicaLostError) {
        this.#departures.lose(replica);
        if (error.alone) this.#quarantine.recordDeath(call);
      }
      throw error;
    } finally {
      slots.changeStreams(replica, -1);
      // With a limit for each replica calls may have waited for it.
      this.#dispatcher.flush();
      this.#rest();
    }
  }

  /** Takes nothing new; settles when what is under way has ended. */
  close(): Promise<void> {
    this.#stopped ??= new ServeError("UNAVAILABLE", "the model is being unloaded", { retryAfter: 1, refusal: "not_ready" });
    this.#closed ??= new Promise((resolve) => {
      this.#onIdle = resolve;
    });
    this.#rest();
    return this.#closed;
  }

  /** Settles when nothing waits or runs that somebody wants. What comes is taken all the same. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#awaitingIdle.push(resolve);
      this.#rest();
    });
  }

  /** What waits fails now; what comes later is taken. */
  rejectWaiting(reason: ServeError): void {
    // Nobody is charged for what does not run.
    for (const entry of [...this.#queue]) {
      this.#queue.remove(entry);
      failEntry(entry, reason);
    }
    this.#rest();
  }

  /** Takes nothing new, and everything that waits or runs fails now. */
  destroy(reason: ServeError): void {
    this.#stopped = reason;
    this.rejectWaiting(reason);
    for (const batch of this.#calls.running) {
      for (const entry of batch.entries) failEntry(entry, reason);
      batch.abort(reason);
    }
    this.#streams.abort(reason);
    this.#alarm.stop();
    this.#rest();
  }

  /** The replica that has the state of the call's sequence, if it has one. @throws ServeError as {@link Sequences.assign} does */
  #replicaOf(call: ReplicaCall): string | undefined {
    const sequence = sequenceOf(call);
    const { ids: replicas, leavingIds: leaving } = this.#calls.slots;
    return sequence && this.#sequences.assign(sequence.id, sequence, { replicas, leaving }, this.#options.clock.now());
  }

  #assertOpen(): void {
    if (this.#stopped !== undefined) throw this.#stopped;
  }

  #giveUp(entry: Entry, reason: Error): void {
    const waited = this.#queue.remove(entry);
    failEntry(entry, reason);
    if (!waited) this.#calls.giveUp(entry, reason);
    this.#rest();
  }

  /** Gives up whatever is past its deadline, and sends what was held back; returns the earliest moment at which there is more to do. */
  #ring(): number {
    const now = this.#options.clock.now();
    let earliest = Number.POSITIVE_INFINITY;
    const late: Entry[] = [];
    const look = (entry: Entry): void => {
      if (entry.settled) return;
      if (entry.deadline <= now) late.push(entry);
      else earliest = Math.min(earliest, entry.deadline);
    };
    this.#queue.forEach(look);
    for (const { entries } of this.#calls.running) entries.forEach(look);
    for (const { context } of late) context.abort(deadlineExceeded(context));
    earliest = Math.min(earliest, this.#calls.hedge(now));
    this.#dispatcher.flush();
    this.#departures.look();
    return Math.min(earliest, this.#departures.lookAt);
  }

  /** After something has ended: what nobody needs any more is given back. */
  #rest(): void {
    this.#dispatcher.rest();
    this.#departures.look();
    if ((this.#onIdle === undefined && this.#awaitingIdle.length === 0) || this.busy) return;
    for (const resolve of this.#awaitingIdle.splice(0)) resolve();
    if (this.#onIdle === undefined) return;
    this.#alarm.stop();
    this.#onIdle();
  }
}
