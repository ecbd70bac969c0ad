import type { Clock } from "../core/clock.ts";
import type { RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import type { Payload } from "../core/inference.ts";
import { type Replica, type ReplicaCall, ReplicaLostError, type ReplicaResult } from "../core/replica.ts";
import { DEFAULT_PRIORITY, type Priority, type SchedulingSpec } from "../core/scheduling.ts";
import { admit, admitInTime, admitStream, type QueueLimits } from "./admission.ts";
import { Alarm } from "./alarm.ts";
import { splitPayload } from "./assemble.ts";
import type { Batch } from "./batch.ts";
import { type BatchLimits, type BatchPolicy, batchWhileBusy, payloadBytes, rowsOf } from "./batching.ts";
import { Calls } from "./calls.ts";
import { again, createEntry, type Entry } from "./entry.ts";
import { ExecutionResources, type Holder } from "./execution-limits.ts";
import { FairQueue } from "./fair-queue.ts";
import { Quarantine } from "./quarantine.ts";

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
  readonly onBatch?: (size: number, rows: number) => void;
}

/**
 * Queue of one model version and the replicas that empty it. A batch forms from what arrived while the replicas were busy, or within
 * one turn of the event loop; nobody ever waits for company. The policies are pure functions beside this file; this is the only place
 * with state that moves, and with a timer.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #policy: BatchPolicy;
  readonly #queue: FairQueue<Entry>;
  readonly #calls: Calls;
  readonly #holder: Holder | undefined;
  readonly #alarm: Alarm;
  readonly #quarantine = new Quarantine();
  /** Whether the last request could share a call. */
  #batches = true;
  #streams = 0;
  #flushing = false;
  #stopped: ServeError | undefined;
  #idle: (() => void) | undefined;

  constructor(options: SchedulerOptions) {
    const { clock, policy = batchWhileBusy } = options;
    this.#options = options;
    this.#policy = policy;
    this.#queue = new FairQueue(() => clock.now());
    this.#holder = this.#registerNeeds();
    this.#calls = new Calls({
      clock,
      rules: options.rules ?? {},
      holder: this.#holder,
      onAnswer: (batch, result) => this.#answered(batch, result),
      onFailure: (batch, error) => this.#failed(batch, error),
      onLost: () => undefined,
      onFree: () => {
        this.#flush();
        this.#settleIdle();
      },
    });
    this.#alarm = new Alarm(clock, () => this.#ring());
  }

  get queued(): number {
    return this.#queue.requests;
  }

  /** Requests that are refused because they ended hosts. */
  get quarantined(): number {
    return this.#quarantine.size;
  }

  /** From now on the replica gets work; returns the function that takes it out again, for when it has died. */
  add(replica: Replica): () => void {
    this.#calls.slots.add(replica);
    this.#flushLater();
    return () => this.#calls.slots.delete(replica);
  }

  /**
   * Whether a request of so many bytes would be taken now and answered in time, as far as is known before it has been read.
   * @throws ServeError RESOURCE_EXHAUSTED, or why the model takes nothing any more
   */
  admit(bytes: number, context: RequestContext): void {
    this.#admit(bytes, 1, context);
  }

  /**
   * Answers one call; it may share a batch with others when `batchable`.
   * @throws ServeError RESOURCE_EXHAUSTED, FAILED_PRECONDITION for a request that ended hosts, or why nothing is taken any more
   */
  run(call: ReplicaCall, batchable: boolean, context: RequestContext): Promise<ReplicaResult> {
    const bytes = payloadBytes(call.payload);
    const rows = batchable ? rowsOf(call) : undefined;
    this.#batches = rows !== undefined;
    this.#admit(bytes, rows ?? 1, context);
    this.#quarantine.check(call);
    return new Promise((resolve, reject) => {
      const now = this.#options.clock.now();
      const entry = createEntry({ call, context, rows, bytes, priority: this.#priorityOf(context), now }, resolve, reject);
      context.record.stage = "queued";
      this.#queue.push(entry);
      context.onAbort((reason) => this.#giveUp(entry, reason));
      this.#alarm.watch(entry.deadline);
      this.#flushLater();
    });
  }

  /** Answers of a streaming method. A stream runs beside the calls and ends with its request. */
  async *stream(call: ReplicaCall, context: RequestContext): AsyncGenerator<Payload, void, undefined> {
    this.#admit(payloadBytes(call.payload), 1, context);
    this.#quarantine.check(call);
    admitStream(this.#streams, this.#options.queueLimits);
    const replica = this.#calls.slots.leastLoaded();
    if (replica === undefined) throw new ServeError("UNAVAILABLE", "no replica of the model is running", { retryAfter: 1 });
    const { clock } = this.#options;
    const started = clock.now();
    const remaining = Math.max(0, context.deadline - started);
    const cancelTimer = clock.after(remaining, () => context.abort(deadlineExceeded()));
    this.#streams++;
    context.record.stage = "running";
    context.record.batchSize = 1;
    try {
      yield* replica.stream(call, context.signal);
    } catch (error) {
      if (error instanceof ReplicaLostError) {
        this.#calls.slots.delete(replica);
        if (error.alone) this.#quarantine.recordDeath(call);
      }
      throw error;
    } finally {
      cancelTimer();
      context.record.computeMs = clock.now() - started;
      this.#streams--;
      this.#settleIdle();
    }
  }

  /** Takes nothing new; settles when what is under way has ended. */
  async close(): Promise<void> {
    this.#stopped ??= new ServeError("UNAVAILABLE", "the model is being unloaded", { retryAfter: 1 });
    if (!this.#busy()) {
      this.#alarm.stop();
      return;
    }
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
  }

  /** What waits fails now; what comes later is taken. */
  rejectWaiting(reason: ServeError): void {
    for (const entry of this.#queue.take((waiting) => [...waiting])) this.#reject(entry, reason);
    this.#settleIdle();
  }

  /** Takes nothing new, and everything that waits or runs fails now. */
  destroy(reason: ServeError): void {
    this.#stopped = reason;
    this.rejectWaiting(reason);
    for (const batch of this.#calls.running) {
      for (const entry of batch.entries) this.#reject(entry, reason);
      batch.abort(reason);
    }
    this.#alarm.stop();
    this.#settleIdle();
  }

  /** @throws ServeError FAILED_PRECONDITION for needs that can never be met */
  #registerNeeds(): Holder | undefined {
    const { rules: { resources: needs, priority = DEFAULT_PRIORITY } = {}, resources, name = "the model" } = this.#options;
    if (needs === undefined || Object.keys(needs).length === 0) return undefined;
    return (resources ?? new ExecutionResources({}, () => 0)).register({ name, needs, priority, wake: () => this.#flush() });
  }

  #priorityOf({ priority }: RequestContext): Priority {
    return priority ?? this.#options.rules?.priority ?? DEFAULT_PRIORITY;
  }

  #admit(bytes: number, rows: number, context: RequestContext): void {
    if (this.#stopped !== undefined) throw this.#stopped;
    // Nothing is before it: nothing to reckon with.
    if (this.#queue.requests === 0 && this.#calls.running.size === 0) return;
    admit(this.#queue.waiting(context.principal), bytes, this.#options.queueLimits);
    const now = this.#options.clock.now();
    const rowsAhead = this.#queue.rowsBefore(context.principal, this.#priorityOf(context));
    const outlook = {
      curve: this.#calls.curve,
      slots: this.#calls.slots.total,
      underWay: this.#calls.underWay(now),
      callsAhead: this.#batches ? Math.ceil(rowsAhead / this.#options.batchLimits.maxRows) : rowsAhead,
      rowsAhead,
    };
    admitInTime(outlook, rows, context.deadline - now);
  }

  /** All requests that arrived in one turn of the event loop are seen together. */
  #flushLater(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.#options.clock.afterTurn(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#queue.requests > 0) {
      const now = this.#options.clock.now();
      this.#shed(now);
      if (!this.#startNext(now)) return;
    }
    this.#holder?.withdraw();
  }

  /** Gives a replica its next batch; false when none has a free slot, or nothing is to be sent yet. */
  #startNext(now: number): boolean {
    const { slots } = this.#calls;
    const [first] = this.#queue;
    if (first === undefined) return false;
    const inline = slots.roomiest();
    if (inline !== undefined && first.rows <= inline.rows) return this.#start(inline.replica, now, inline.rows);
    const replica = slots.freest();
    if (replica !== undefined) return this.#start(replica, now, Number.POSITIVE_INFINITY);
    // What runs in this process has room again in the next turn of the event loop.
    if (inline === undefined && slots.hasInline) this.#flushLater();
    return false;
  }

  #start(replica: Replica, now: number, room: number): boolean {
    const { batchLimits } = this.#options;
    const limits = room < batchLimits.maxRows ? { ...batchLimits, maxRows: room } : batchLimits;
    const moment = { now, curve: this.#calls.curve, rowsWaiting: this.#queue.rows };
    if (this.#holder?.tryHold() === false) return false;
    let holdUntil = Number.POSITIVE_INFINITY;
    const entries = this.#queue.take((waiting) => {
      const choice = this.#policy(waiting, limits, moment);
      if ("batch" in choice) return choice.batch;
      holdUntil = choice.holdUntil;
      return [];
    });
    if (entries.length === 0) {
      this.#holder?.release();
      this.#alarm.watch(holdUntil);
      return false;
    }
    for (const { context, enqueuedAt } of entries) {
      const { record } = context;
      record.stage = "running";
      record.queueMs = now - enqueuedAt;
      record.batchSize = entries.length;
    }
    this.#alarm.watch(this.#calls.start(replica, entries, now));
    return true;
  }

  /** Those that are next and could not be answered in time any more only make others late. One that is alone is always tried. */
  #shed(now: number): void {
    for (;;) {
      if (this.#queue.requests <= 1) return;
      const [first] = this.#queue;
      const expected = first === undefined ? undefined : this.#calls.curve.predict(first.rows);
      if (first === undefined || expected === undefined || now + expected <= first.deadline) return;
      this.#queue.remove(first);
      this.#reject(first, deadlineExceeded());
    }
  }

  #answered({ entries, rows }: Batch, { payload, computeMs }: ReplicaResult): void {
    const payloads = splitPayload(payload, entries);
    this.#queue.charge(entries, computeMs);
    this.#options.onBatch?.(entries.length, rows);
    for (let index = 0; index < entries.length; index++) {
      const entry = entries[index] as Entry;
      const { record } = entry.context;
      record.computeMs = computeMs;
      record.stage = "answering";
      this.#resolve(entry, { payload: payloads[index] as Payload, computeMs });
    }
  }

  /**
   * One bad request must not fail its neighbours: each gets one more try by itself. So it does when the host died, unless it is refused
   * from now on.
   */
  #failed({ entries, call }: Batch, error: ServeError): void {
    const died = error instanceof ReplicaLostError;
    const refused = died && error.alone && entries.length === 1 && this.#quarantine.recordDeath(call);
    const worthATry = died ? !refused && this.#options.rules?.retry !== false : entries.length > 1;
    const retries: Entry[] = [];
    for (const entry of entries) {
      if (entry.settled) continue;
      if (!worthATry || entry.retried || this.#stopped?.code === "CANCELLED") this.#reject(entry, error);
      else retries.push(again(entry));
    }
    for (const entry of retries) {
      entry.context.record.stage = "queued";
      entry.context.record.retried = true;
      entry.context.onAbort((reason) => this.#giveUp(entry, reason));
    }
    this.#queue.unshift(retries);
  }

  #resolve(entry: Entry, result: ReplicaResult): void {
    if (entry.settled) return;
    entry.settled = true;
    entry.context.onAbort(undefined);
    entry.resolve(result);
  }

  #reject(entry: Entry, error: Error): void {
    if (entry.settled) return;
    entry.settled = true;
    entry.context.onAbort(undefined);
    entry.reject(error);
  }

  #giveUp(entry: Entry, reason: Error): void {
    const waited = this.#queue.remove(entry);
    this.#reject(entry, reason);
    if (!waited) this.#calls.giveUp(entry, reason);
    this.#settleIdle();
  }

  /** Gives up whatever is past its deadline, and sends what was held back; returns the earliest moment at which there is more to do. */
  #ring(): number {
    const now = this.#options.clock.now();
    let earliest = Number.POSITIVE_INFINITY;
    const held = [...this.#queue, ...[...this.#calls.running].flatMap(({ entries }) => entries)];
    for (const entry of held) {
      if (entry.settled) continue;
      if (entry.deadline <= now) entry.context.abort(deadlineExceeded());
      else earliest = Math.min(earliest, entry.deadline);
    }
    earliest = Math.min(earliest, this.#calls.hedge(now));
    this.#flush();
    return earliest;
  }

  #busy(): boolean {
    return this.#queue.requests > 0 || this.#streams > 0 || this.#calls.wanted;
  }

  #settleIdle(): void {
    if (this.#idle === undefined || this.#busy()) return;
    this.#alarm.stop();
    this.#idle();
    this.#idle = undefined;
  }
}

function deadlineExceeded(): ServeError {
  return new ServeError("DEADLINE_EXCEEDED", "the request's time is over");
}
