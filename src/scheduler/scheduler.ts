import type { RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import type { Payload } from "../core/inference.ts";
import type { Replica, ReplicaCall, ReplicaResult } from "../core/replica.ts";
import { DEFAULT_PRIORITY } from "../core/scheduling.ts";
import type { Sharing } from "../core/sizing.ts";
import { Alarm } from "./alarm.ts";
import { AnswerOrder } from "./answer-order.ts";
import { batchWhileBusy, payloadBytes } from "./batching.ts";
import { Calls } from "./calls.ts";
import { Departures } from "./departures.ts";
import { Dispatcher, type Dispatching } from "./dispatcher.ts";
import { dueAt } from "./due.ts";
import { Endings } from "./endings.ts";
import { createEntry, type Entry, failEntry, measure } from "./entry.ts";
import { registerNeeds } from "./execution-limits.ts";
import { FairQueue } from "./fair-queue.ts";
import { Gate } from "./gate.ts";
import { Outcomes } from "./outcomes.ts";
import { Quarantine } from "./quarantine.ts";
import { QueueKeeper } from "./queue-keeper.ts";
import { deadlineExceeded } from "./refusals.ts";
import type { SchedulerOptions } from "./scheduler-options.ts";
import { SequenceBatcher } from "./sequence-batcher.ts";
import { Sequences } from "./sequences.ts";
import { StreamCalls } from "./stream-calls.ts";
import { Streams } from "./streams.ts";

const SEQUENCE_LIMITS = { maxSequences: 4096, idleMs: 60_000 };

/**
 * Queue of one model version and the replicas that empty it. A batch forms from what arrived while the replicas were busy, or within
 * one turn of the event loop; it waits for company only when those who have just been answered are known to come back.
 * What is decided is decided by pure policies beside this file; the parts that it puts together here have the state that moves.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #dispatcher: Dispatching;
  readonly #queue: FairQueue<Entry>;
  readonly #calls: Calls;
  readonly #gate: Gate;
  readonly #keeper: QueueKeeper;
  readonly #order: AnswerOrder | undefined;
  readonly #alarm: Alarm;
  readonly #quarantine = new Quarantine();
  readonly #streams: Streams;
  readonly #streamCalls: StreamCalls;
  readonly #sequences = new Sequences(SEQUENCE_LIMITS);
  /** Of a model whose owner said how sequences share its calls; it is the dispatcher then. */
  readonly #sequenced: SequenceBatcher | undefined;
  readonly #departures: Departures;
  readonly #endings: Endings;
  #stopped: ServeError | undefined;

  constructor(options: SchedulerOptions) {
    const { clock, policy = batchWhileBusy, rules = {}, modelName: model = "the model" } = options;
    this.#options = options;
    this.#queue = new FairQueue(() => clock.now());
    this.#streams = new Streams(clock, options.queueLimits, deadlineExceeded);
    const holder = registerNeeds(options, () => this.#dispatcher.flush());
    const outcomes = new Outcomes({
      clock,
      queue: this.#queue,
      quarantine: this.#quarantine,
      retry: rules.retry !== false,
      onBatch: (batch) => {
        options.onBatch?.(batch);
        if (!batch.inline) this.#dispatcher.answered(batch.size);
      },
      onGivenUp: (entry, reason) => this.#giveUp(entry, reason),
    });
    this.#calls = new Calls({
      clock,
      rules,
      holder,
      onAnswer: (batch, results) => {
        outcomes.answered(batch, results);
        this.#sequenced?.finish(batch.entries);
      },
      onFailure: (batch, error) => {
        outcomes.failed(batch, error);
        this.#sequenced?.finish(batch.entries);
      },
      onLost: (replica) => this.#departures.lose(replica),
      onFree: () => this.#goOn(),
    });
    const queue = this.#queue;
    const maxBatchRows = Math.min(options.batchLimits.maxRows, rules.requestsPerReplica ?? Number.POSITIVE_INFINITY);
    this.#alarm = new Alarm(clock, () => this.#ring());
    const parts = { clock, queue, calls: this.#calls, alarm: this.#alarm, holder };
    this.#sequenced = rules.sequences && new SequenceBatcher({ ...parts, rules: rules.sequences, model, maxBatchRows });
    this.#dispatcher =
      this.#sequenced ??
      new Dispatcher({
        ...parts,
        policy,
        batchLimits: options.batchLimits,
        onShed: (entry) => failEntry(entry, deadlineExceeded(entry.context)),
      });
    this.#departures = new Departures(clock, this.#calls.slots, queue, this.#sequenced ?? this.#sequences);
    this.#gate = new Gate({
      ...parts,
      queueLimits: options.queueLimits,
      maxBatchRows,
      priority: rules.priority ?? DEFAULT_PRIORITY,
    });
    const giveUp = (entry: Entry, reason: Error): void => this.#giveUp(entry, reason);
    this.#keeper = new QueueKeeper({ rules, model, queue, giveUp, flush: () => this.#dispatcher.flush() });
    if (rules.preserveOrder === true) this.#order = new AnswerOrder();
    this.#streamCalls = new StreamCalls({
      calls: this.#calls,
      streams: this.#streams,
      departures: this.#departures,
      quarantine: this.#quarantine,
      sequenced: this.#sequenced,
      onFree: () => this.#goOn(),
    });
    this.#endings = new Endings(this, () => this.#alarm.stop());
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
    return this.#queue.requests > 0 || this.#openStreams > 0 || this.#calls.wanted;
  }

  /** Requests that wait or run. */
  get inFlight(): number {
    return this.#queue.requests + this.#calls.requests + this.#openStreams;
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
      this.#goOn();
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
    return (this.#sequenced ?? this.#sequences).openOn(id) > 0;
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
    this.#assertOpen();
    const sequence = this.#sequenced?.stepOf(call);
    const measured = measure(call, signature, sequence);
    this.#gate.admit(measured, context);
    this.#quarantine.check(call);
    const priority = this.#gate.priorityOf(context);
    this.#keeper.assertRoom(priority);
    const now = this.#options.clock.now();
    const isKept = signature.stateful === true && sequence === undefined;
    const replica = isKept ? this.#sequences.replicaOf(call, this.#calls.slots, now) : undefined;
    return new Promise((resolve, reject) => {
      const waitUntil = this.#keeper.waitUntil(priority, context.timeoutMs, now);
      const arrival = { call, context, replica, sequence, priority, waitUntil, now };
      const [onAnswer, onFailure] = this.#order?.place(context, resolve, reject) ?? [resolve, reject];
      const entry = createEntry(measured, arrival, onAnswer, onFailure);
      this.#alarm.watch(waitUntil);
      context.record.stage = "queued";
      context.record.queuedAt = now;
      try {
        this.#dispatcher.push(entry);
      } catch (error) {
        return failEntry(entry, ServeError.from(error));
      }
      context.onAbort((reason) => this.#giveUp(entry, reason));
    });
  }

  /** Answers of a streaming method. A stream runs beside the calls and ends with its request. @throws ServeError as {@link run} does */
  async *stream(call: ReplicaCall, context: RequestContext): AsyncGenerator<Payload, void, undefined> {
    this.#assertOpen();
    this.#gate.admitUnread(payloadBytes(call.payload), context);
    this.#quarantine.check(call);
    yield* this.#streamCalls.run(call, context);
  }

  /** Takes nothing new; settles when what is under way has ended. */
  close(): Promise<void> {
    this.#stopped ??= new ServeError("UNAVAILABLE", "the model is being unloaded", { retryAfter: 1, refusal: "not_ready" });
    return this.#endings.close();
  }

  /** Settles when nothing waits or runs that somebody wants. What comes is taken all the same. */
  idle(): Promise<void> {
    return this.#endings.idle();
  }

  /** What waits fails now; what comes later is taken. */
  rejectWaiting(reason: ServeError): void {
    this.#sequenced?.rejectWaiting(reason);
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
    this.#sequenced?.stop();
    this.#alarm.stop();
    this.#rest();
  }

  /** With those that wait for their turn. */
  get #openStreams(): number {
    return this.#streams.open + (this.#sequenced?.waitingStreams ?? 0);
  }

  #assertOpen(): void {
    if (this.#stopped !== undefined) throw this.#stopped;
  }

  #giveUp(entry: Entry, reason: Error): void {
    const waited = this.#queue.remove(entry);
    failEntry(entry, reason);
    if (!waited) this.#calls.giveUp(entry, reason);
    this.#sequenced?.giveUp(entry);
    this.#rest();
  }

  /** Gives up whatever is past its deadline, and sends what was held back; returns the earliest moment at which there is more to do. */
  #ring(): number {
    const now = this.#options.clock.now();
    const { expired, waitedTooLong, next } = dueAt(now, this.#queue, this.#calls.running);
    for (const { context } of expired) context.abort(deadlineExceeded(context));
    for (const entry of waitedTooLong) this.#keeper.endWait(entry, now);
    const hedgeAt = this.#calls.hedge(now);
    this.#dispatcher.flush();
    this.#departures.look();
    const heldUntil = this.#order?.expire(now) ?? Number.POSITIVE_INFINITY;
    return Math.min(next, hedgeAt, heldUntil, this.#departures.lookAt);
  }

  /** Somebody has room, or is gone. */
  #goOn(): void {
    this.#dispatcher.flush();
    this.#rest();
  }

  /** After something has ended: what nobody needs any more is given back. */
  #rest(): void {
    this.#dispatcher.rest();
    this.#departures.look();
    this.#endings.look();
  }
}
