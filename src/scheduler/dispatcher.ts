import type { BatchCut } from "../core/batch.ts";
import type { Clock } from "../core/clock.ts";
import type { Replica } from "../core/replica.ts";
import { timeFor, usable } from "./admission.ts";
import type { Alarm } from "./alarm.ts";
import type { BatchLimits, BatchPolicy } from "./batching.ts";
import type { Calls } from "./calls.ts";
import type { Entry } from "./entry.ts";
import type { Holder } from "./execution-limits.ts";
import type { FairQueue } from "./fair-queue.ts";
import { Returns } from "./returns.ts";

/** A batch is shared out among free replicas when each part takes at most so much of the time that the whole takes. */
const SOONER = 0.75;

export interface DispatcherOptions {
  readonly clock: Clock;
  readonly queue: FairQueue<Entry>;
  readonly calls: Calls;
  readonly alarm: Alarm;
  readonly policy: BatchPolicy;
  readonly batchLimits: BatchLimits;
  /** The named resources that each call holds, if it needs any. */
  readonly holder: Holder | undefined;
  /** Told of a request that has been taken out because it could no longer be answered in time. */
  readonly onShed: (entry: Entry) => void;
}

/** Looks for room in this process, one in each turn of the event loop, before they become rarer. */
const EAGER_LOOKS = 4;
/** Milliseconds between two of them at most. */
const LONGEST_PAUSE = 16;

/** Who gives replicas what waits. */
export interface Dispatching {
  /** A request waits from now on. @throws ServeError when it cannot */
  push(entry: Entry): void;
  /** A call of a host has been answered, for so many requests. */
  answered(requests: number): void;
  /** Looks at what there is to give, at once or at the end of this turn of the event loop. */
  flush(): void;
  flushLater(): void;
  /** Something has ended. */
  rest(): void;
}

/** Gives what waits to the replicas that have a free slot: which requests, and which replica, is decided at that moment and not before. */
export class Dispatcher implements Dispatching {
  readonly #options: DispatcherOptions;
  readonly #returns = new Returns();
  /** Whether requests have come that belong to one replica. */
  #hasPinned = false;
  #flushing = false;
  /** Whether the last flush ended for want of a named resource. */
  #wants = false;
  /** Looks for room in this process since some was found. */
  #looks = 0;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  push(entry: Entry): void {
    if (entry.replica !== undefined) this.#hasPinned = true;
    this.#returns.arrived(entry.enqueuedAt);
    this.#options.queue.push(entry);
    this.#options.alarm.watch(entry.deadline);
    this.flushLater();
  }

  answered(requests: number): void {
    const { calls, clock } = this.#options;
    this.#returns.answered(requests, calls.curve.fixed, clock.now());
  }

  /** All requests that arrived in one turn of the event loop are seen together. */
  flushLater(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.#options.clock.afterTurn(() => {
      this.#flushing = false;
      this.flush();
    });
  }

  flush(): void {
    this.#wants = false;
    while (this.#options.queue.requests > 0) {
      const now = this.#options.clock.now();
      const first = this.#shed(now);
      if (first === undefined || !this.#startNext(first, now)) break;
    }
    this.rest();
  }

  /** What is kept for a model that waits for named resources, no other model gets: one that could not use them waits no longer. */
  rest(): void {
    if (!this.#wants || this.#options.queue.requests === 0) this.#options.holder?.withdraw();
  }

  /** Gives a replica its next batch; false when none has a free slot, or nothing is to be sent yet. */
  #startNext(first: Entry, now: number): boolean {
    const { slots } = this.#options.calls;
    if (this.#hasPinned) return this.#startNextOfPinned(now);
    const inline = slots.roomiest();
    // More than it has room for is better done in one call of a host than in many pieces here, if there is a host.
    const rows = slots.leastLoaded() === undefined ? first.rows : this.#options.queue.rows;
    if (inline !== undefined && rows <= inline.rows) {
      this.#looks = 0;
      return this.#start(inline.replica, now, (waiting) => waiting, inline.rows);
    }
    const replica = slots.freest();
    if (replica !== undefined) return !this.#waitsForReturns(first, now) && this.#start(replica, now, (waiting) => waiting, this.#share());
    if (slots.hasInline) this.#lookAgain(now);
    return false;
  }

  /**
   * What runs in this process may have room again in the next turn of the event loop. It may also have none for long, as other models
   * take it or it has become slow, and an event loop that is kept busy by looking looks too busy for that to change.
   */
  #lookAgain(now: number): void {
    const pause = 2 ** (this.#looks - EAGER_LOOKS);
    if (pause < 1) this.flushLater();
    else this.#options.alarm.watch(now + Math.min(LONGEST_PAUSE, pause));
    this.#looks++;
  }

  /** Rows for one of several free replicas: all of them, unless the work is done clearly sooner when each does its part. */
  #share(): number {
    const { queue, calls } = this.#options;
    const { freeCount } = calls.slots;
    if (freeCount < 2) return Number.POSITIVE_INFINITY;
    const together = calls.curve.predict(queue.cost);
    const apart = calls.curve.predict(queue.cost / freeCount);
    if (together === undefined || apart === undefined || apart > SOONER * together) return Number.POSITIVE_INFINITY;
    return Math.ceil(queue.rows / freeCount);
  }

  /** Whether the batch that would begin with this request has more company to expect at once, and all time to wait for it. */
  #waitsForReturns(first: Entry, now: number): boolean {
    const { queue, calls, batchLimits, alarm } = this.#options;
    // With several replicas each has a crowd of its own.
    if (calls.slots.count > 1) return false;
    if (first.key === undefined || queue.rows >= batchLimits.maxRows) return false;
    const until = this.#returns.waitUntil(now);
    if (until <= now || until - now > (batchLimits.maxAddedMs ?? Number.POSITIVE_INFINITY)) return false;
    const soonest = until + (calls.curve.predict(queue.cost) ?? 0);
    let isInTime = true;
    queue.forEach(({ deadline }) => {
      if (deadline < soonest) isInTime = false;
    });
    if (!isInTime) return false;
    alarm.watch(until);
    return true;
  }

  /** Some requests belong to one replica: the first one that a free replica can answer goes, with what may run there as well. */
  #startNextOfPinned(now: number): boolean {
    const { slots } = this.#options.calls;
    if (!slots.hasFree) return false;
    const freest = slots.freest();
    for (const { replica: wanted } of this.#options.queue) {
      const replica = wanted === undefined ? freest : slots.freeOf(wanted);
      if (replica === undefined) continue;
      const isLeaving = slots.isLeaving(replica);
      return this.#start(replica, now, (waiting) => runnableOn(replica, isLeaving, waiting));
    }
    return false;
  }

  #start(replica: Replica, now: number, among: (waiting: Iterable<Entry>) => Iterable<Entry>, room = Number.POSITIVE_INFINITY): boolean {
    const { batchLimits, queue } = this.#options;
    const mostRows = Math.min(room, mostRowsOf(replica));
    const limits = mostRows < batchLimits.maxRows ? { ...batchLimits, maxRows: mostRows } : batchLimits;
    const moment = { now, curve: this.#options.calls.curve, rowsWaiting: queue.rows, costWaiting: queue.cost };
    if (this.#options.holder?.tryHold() === false) {
      this.#wants = true;
      return false;
    }
    let holdUntil = Number.POSITIVE_INFINITY;
    let cut: BatchCut = "drained";
    const requests = this.#options.calls.slots.room(replica);
    const entries = queue.take((waiting) => {
      const possible = Number.isFinite(requests) ? firstOf(among(waiting), requests) : among(waiting);
      const choice = this.#options.policy(possible, limits, moment);
      if ("batch" in choice) {
        cut = choice.cut;
        return choice.batch;
      }
      holdUntil = choice.holdUntil;
      return [];
    });
    if (entries.length === 0) {
      this.#options.holder?.release();
      this.#options.alarm.watch(holdUntil);
      return false;
    }
    for (const { context, enqueuedAt } of entries) {
      const { record } = context;
      record.stage = "running";
      record.queueMs = now - enqueuedAt;
    }
    this.#options.alarm.watch(this.#options.calls.start(replica, entries, cut, now));
    return true;
  }

  /**
   * Takes out those that are next and could not be answered in time any more: they would only make others late. One that is alone is
   * always tried. Returns the one that is next then.
   */
  #shed(now: number): Entry | undefined {
    const { queue, calls, onShed } = this.#options;
    for (;;) {
      const { first } = queue;
      if (first === undefined || queue.requests === 1) return first;
      const expected = timeFor(calls.curve, first.cost);
      if (expected === undefined || now + expected <= first.enqueuedAt + usable(first.deadline - first.enqueuedAt)) return first;
      queue.remove(first);
      onShed(first);
    }
  }
}

/** A replica that is leaving gets only what no other can answer. */
function* runnableOn({ id }: Replica, isLeaving: boolean, waiting: Iterable<Entry>): Generator<Entry> {
  for (const entry of waiting) if (entry.replica === id || (entry.replica === undefined && !isLeaving)) yield entry;
}

function* firstOf(waiting: Iterable<Entry>, count: number): Generator<Entry> {
  let left = count;
  for (const entry of waiting) {
    if (left-- <= 0) return;
    yield entry;
  }
}

/** What one request may have at most is what its model takes at once, which may be known only since it was loaded. */
function mostRowsOf({ description }: Replica): number {
  let most = 0;
  // For each call, so nothing is made for it.
  for (const name in description.methods) most = Math.max(most, description.methods[name]?.maxRows ?? Number.POSITIVE_INFINITY);
  return most === 0 ? Number.POSITIVE_INFINITY : most;
}
