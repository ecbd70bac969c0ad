import type { Clock } from "../core/clock.ts";
import type { RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import type { Payload } from "../core/inference.ts";
import { type Replica, type ReplicaCall, ReplicaLostError, type ReplicaResult } from "../core/replica.ts";
import { admit, admitStream, type QueueLimits } from "./admission.ts";
import { joinCalls, splitPayload } from "./assemble.ts";
import { type BatchLimits, batchKey, chooseBatch, payloadBytes, rowsOf } from "./batching.ts";
import { Deadlines } from "./deadlines.ts";
import { Quarantine } from "./quarantine.ts";
import { type Entry, Queue } from "./queue.ts";

export interface SchedulerOptions {
  readonly clock: Clock;
  readonly queueLimits: QueueLimits;
  readonly batchLimits: BatchLimits;
  readonly onBatch?: (size: number, rows: number) => void;
}

interface Running {
  readonly entries: readonly Entry[];
  readonly controller: AbortController;
}

/**
 * Queue of one model version and the replicas that empty it. A batch forms from what arrived while the replicas were
 * busy, or within one turn of the event loop; nobody ever waits for company.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #queue = new Queue();
  readonly #free = new Map<Replica, number>();
  readonly #running = new Set<Running>();
  readonly #deadlines: Deadlines;
  readonly #quarantine = new Quarantine();
  #streams = 0;
  #flushing = false;
  #stopped: ServeError | undefined;
  #idle: (() => void) | undefined;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#deadlines = new Deadlines(options.clock, () => this.#expire());
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
    this.#free.set(replica, replica.credit);
    this.#flushLater();
    return () => {
      this.#free.delete(replica);
    };
  }

  /** @throws ServeError RESOURCE_EXHAUSTED, or why the model takes nothing any more */
  admit(bytes: number): void {
    if (this.#stopped !== undefined) throw this.#stopped;
    admit(this.#queue, bytes, this.#options.queueLimits);
  }

  /**
   * Answers one call; it may share a batch with others when `batchable`.
   * @throws ServeError RESOURCE_EXHAUSTED, FAILED_PRECONDITION for a request that ended hosts, or why nothing is taken any more
   */
  run(call: ReplicaCall, batchable: boolean, context: RequestContext): Promise<ReplicaResult> {
    const bytes = payloadBytes(call.payload);
    this.admit(bytes);
    this.#quarantine.check(call);
    const rows = batchable ? rowsOf(call) : undefined;
    return new Promise((resolve, reject) => {
      const entry: Entry = {
        call,
        context,
        rows: rows ?? 1,
        key: rows === undefined || rows === 0 ? undefined : batchKey(call),
        bytes,
        enqueuedAt: this.#options.clock.now(),
        retried: false,
        settled: false,
        resolve,
        reject,
      };
      this.#queue.push(entry);
      context.onAbort((reason) => this.#giveUp(entry, reason));
      this.#deadlines.watch(context.deadline);
      this.#flushLater();
    });
  }

  /** Answers of a streaming method. A stream runs beside the calls and ends with its request. */
  async *stream(call: ReplicaCall, context: RequestContext): AsyncGenerator<Payload, void, undefined> {
    this.admit(payloadBytes(call.payload));
    this.#quarantine.check(call);
    admitStream(this.#streams, this.#options.queueLimits);
    const replica = this.#freest(false);
    if (replica === undefined) throw new ServeError("UNAVAILABLE", "no replica of the model is running", { retryAfter: 1 });
    const { clock } = this.#options;
    const started = clock.now();
    const remaining = Math.max(0, context.deadline - started);
    const cancelTimer = clock.after(remaining, () => context.abort(deadlineExceeded()));
    this.#streams++;
    context.record.batchSize = 1;
    try {
      yield* replica.stream(call, context.signal);
    } catch (error) {
      if (error instanceof ReplicaLostError) this.#lose(replica, error, call);
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
      this.#deadlines.stop();
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
    for (const running of this.#running) {
      for (const entry of running.entries) this.#reject(entry, reason);
      running.controller.abort(reason);
    }
    this.#deadlines.stop();
    this.#settleIdle();
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
      const replica = this.#freest(true);
      if (replica === undefined) return;
      const batch = this.#queue.take((waiting) => chooseBatch(waiting, this.#options.batchLimits));
      void this.#dispatch(replica, batch);
    }
  }

  async #dispatch(replica: Replica, entries: readonly Entry[]): Promise<void> {
    const running: Running = { entries, controller: new AbortController() };
    this.#running.add(running);
    this.#free.set(replica, (this.#free.get(replica) ?? 1) - 1);
    const now = this.#options.clock.now();
    for (const { context, enqueuedAt } of entries) {
      context.record.queueMs = now - enqueuedAt;
      context.record.batchSize = entries.length;
    }
    try {
      const result = await replica.run(joinCalls(entries.map((entry) => entry.call)), running.controller.signal);
      const rows = entries.map((entry) => entry.rows);
      const payloads = splitPayload(result.payload, rows);
      this.#options.onBatch?.(
        entries.length,
        rows.reduce((sum, count) => sum + count, 0),
      );
      entries.forEach((entry, index) => {
        entry.context.record.computeMs = result.computeMs;
        this.#resolve(entry, { payload: payloads[index] as Payload, computeMs: result.computeMs });
      });
    } catch (thrown) {
      const error = ServeError.from(thrown);
      const only = entries.length === 1 ? entries[0]?.call : undefined;
      const refused = error instanceof ReplicaLostError && this.#lose(replica, error, only);
      this.#failed(entries, error, refused);
    } finally {
      this.#running.delete(running);
      const free = this.#free.get(replica);
      if (free !== undefined) this.#free.set(replica, free + 1);
      this.#flush();
      this.#settleIdle();
    }
  }

  /**
   * A replica that is gone must not be given its own requests back before its owner has noticed. True when the call that was alone in it
   * is refused from now on.
   */
  #lose(replica: Replica, { alone }: ReplicaLostError, only: ReplicaCall | undefined): boolean {
    this.#free.delete(replica);
    return alone && only !== undefined && this.#quarantine.recordDeath(only);
  }

  /**
   * One bad request must not fail its neighbours: each gets one more try by itself. So it does when the host died, unless it is `refused`
   * from now on.
   */
  #failed(entries: readonly Entry[], error: ServeError, refused: boolean): void {
    const again: Entry[] = [];
    for (const entry of entries) {
      if (entry.settled) continue;
      const worthATry = entries.length > 1 || error instanceof ReplicaLostError;
      if (!worthATry || refused || entry.retried || this.#stopped?.code === "CANCELLED") this.#reject(entry, error);
      else again.push({ ...entry, key: undefined, retried: true });
    }
    for (const entry of again) entry.context.onAbort((reason) => this.#giveUp(entry, reason));
    this.#queue.unshift(again);
  }

  /** The replica with the most free credit; with `must`, only one that has any. */
  #freest(must: boolean): Replica | undefined {
    let best: Replica | undefined;
    let most = must ? 0 : Number.NEGATIVE_INFINITY;
    for (const [replica, free] of this.#free) {
      if (free > most) {
        most = free;
        best = replica;
      }
    }
    return best;
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
    this.#queue.remove(entry);
    this.#reject(entry, reason);
    for (const running of this.#running) {
      if (running.entries.includes(entry) && running.entries.every((other) => other.settled)) running.controller.abort(reason);
    }
    this.#settleIdle();
  }

  /** Gives up whatever is past its deadline; returns the earliest deadline of the rest. */
  #expire(): number {
    const now = this.#options.clock.now();
    let earliest = Number.POSITIVE_INFINITY;
    const held = [...this.#queue, ...[...this.#running].flatMap((running) => running.entries)];
    for (const entry of held) {
      if (entry.settled) continue;
      if (entry.context.deadline <= now) entry.context.abort(deadlineExceeded());
      else earliest = Math.min(earliest, entry.context.deadline);
    }
    return earliest;
  }

  /** A call that nobody waits for any more keeps nobody: its host may never answer. */
  #busy(): boolean {
    const isWanted = ({ entries }: Running): boolean => entries.some((entry) => !entry.settled);
    return this.#queue.requests > 0 || this.#streams > 0 || [...this.#running].some(isWanted);
  }

  #settleIdle(): void {
    if (this.#idle === undefined || this.#busy()) return;
    this.#deadlines.stop();
    this.#idle();
    this.#idle = undefined;
  }
}

function deadlineExceeded(): ServeError {
  return new ServeError("DEADLINE_EXCEEDED", "the request's time is over");
}
