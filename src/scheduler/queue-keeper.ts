import { ServeError } from "../core/errors.ts";
import type { Priority, QueueRules, SchedulingSpec } from "../core/scheduling.ts";
import type { Entry } from "./entry.ts";
import type { FairQueue } from "./fair-queue.ts";

export interface QueueKeeperOptions {
  readonly rules: SchedulingSpec;
  /** The model's name, for messages. */
  readonly model: string;
  readonly queue: FairQueue<Entry>;
  /** Gives what waits to replicas that have room. */
  readonly flush: () => void;
  readonly giveUp: (entry: Entry, reason: ServeError) => void;
}

/** Keeps what the model's owner said about requests that wait: how many may, for how long, and what happens then. */
export class QueueKeeper {
  readonly #options: QueueKeeperOptions;

  constructor(options: QueueKeeperOptions) {
    this.#options = options;
  }

  /** @throws ServeError UNAVAILABLE when as many of the priority wait as may */
  assertRoom(priority: Priority): void {
    const { queue, rules, model, flush } = this.#options;
    const { maxQueueRequests } = this.#rulesFor(priority);
    if (maxQueueRequests === undefined) return;
    const count = (): number => (rules.byPriority === undefined ? queue.requests : queue.requestsAt(priority));
    if (count() < maxQueueRequests) return;
    // Those that have come in this turn of the event loop may have room with a replica.
    flush();
    const waiting = count();
    if (waiting >= maxQueueRequests) throw queueFull(model, waiting);
  }

  /** Clock milliseconds until which a request that comes now may wait, when it asks for so many; Infinity for as long as it has time. */
  waitUntil(priority: Priority, asked: number | undefined, now: number): number {
    const { maxWaitMs, fixedTimeout } = this.#rulesFor(priority);
    if (maxWaitMs === undefined) return Number.POSITIVE_INFINITY;
    return now + Math.min(maxWaitMs, fixedTimeout === true ? maxWaitMs : (asked ?? maxWaitMs));
  }

  /** A request has waited for as long as it may. */
  endWait(entry: Entry, now: number): void {
    const { queue, model, giveUp } = this.#options;
    entry.waitUntil = Number.POSITIVE_INFINITY;
    if (this.#rulesFor(entry.priority).lateRequestsWait !== true) {
      giveUp(entry, waitedTooLong(model, now - entry.enqueuedAt));
    } else if (queue.remove(entry)) {
      entry.late = true;
      queue.push(entry);
    }
  }

  #rulesFor(priority: Priority): QueueRules {
    const { rules } = this.#options;
    return rules.byPriority?.[priority] ?? rules;
  }
}

/** A request that finds so many waiting as may. */
function queueFull(model: string, waiting: number): ServeError {
  return new ServeError(
    "UNAVAILABLE",
    `inference request to model '${model}': Exceeds maximum queue size: ${waiting} requests are waiting, and its configuration allows no more; try again later`,
    { retryAfter: 1, refusal: "queue_full" },
  );
}

/** A request that no replica had room for in the time that it might wait. */
function waitedTooLong(model: string, waitedMs: number): ServeError {
  return new ServeError(
    "UNAVAILABLE",
    `inference request to model '${model}': Request timeout expired: it waited ${Math.round(waitedMs)} ms for a replica, and may not wait longer; try again later`,
    { retryAfter: 1, refusal: "deadline" },
  );
}
