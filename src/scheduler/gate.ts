import type { Clock } from "../core/clock.ts";
import type { RequestContext } from "../core/context.ts";
import type { Priority } from "../core/scheduling.ts";
import { admit, isInTime, type Outlook, type QueueLimits, tooLate, usable } from "./admission.ts";
import type { Calls } from "./calls.ts";
import type { Entry, Measured } from "./entry.ts";
import type { FairQueue } from "./fair-queue.ts";

export interface GateOptions {
  readonly clock: Clock;
  readonly queue: FairQueue<Entry>;
  readonly calls: Calls;
  readonly queueLimits: QueueLimits;
  readonly maxBatchRows: number;
  /** Of requests that name none. */
  readonly priority: Priority;
}

/** Lets a request in, or refuses it, by what waits and runs at that moment. */
export class Gate {
  readonly #options: GateOptions;
  /** Whether the last request could share a call. */
  #shares = true;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  priorityOf({ priority }: RequestContext): Priority {
    return priority ?? this.#options.priority;
  }

  /** For a request that has not been read. @throws ServeError RESOURCE_EXHAUSTED */
  admitUnread(bytes: number, context: RequestContext): void {
    this.#admit(bytes, 1, context);
  }

  /** @throws ServeError RESOURCE_EXHAUSTED */
  admit({ bytes, cost, rows }: Measured, context: RequestContext): void {
    this.#shares = rows !== undefined;
    this.#admit(bytes, cost, context);
  }

  #admit(bytes: number, cost: number, context: RequestContext): void {
    const { clock, queue, calls, queueLimits } = this.#options;
    // Nothing is before it: nothing to reckon with. What is believed of the model may be wrong, and only answers can correct it.
    if (queue.requests === 0 && (calls.running.size === 0 || calls.slots.freest() !== undefined)) return;
    // Whose requests wait matters only where there is no room for all.
    if (queue.requests >= queueLimits.maxRequests || queue.bytes + bytes > queueLimits.maxBytes)
      admit(queue.waiting(context.principal), bytes, queueLimits);
    const now = clock.now();
    const left = usable(context.deadline - now);
    // Even if all that wait were before it: who is, is known only after a look at all principals.
    if (isInTime(this.#outlook(queue.cost, now), cost, left)) return;
    const outlook = this.#outlook(queue.costBefore(context.principal, this.priorityOf(context)), now);
    if (!isInTime(outlook, cost, left)) throw tooLate(outlook, cost, left);
  }

  #outlook(costAhead: number, now: number): Outlook {
    const { calls, queue, maxBatchRows } = this.#options;
    const rowsAhead = costAhead === 0 ? 0 : costAhead * (queue.rows / queue.cost);
    return {
      curve: calls.curve,
      slots: calls.slots.total,
      underWay: calls.underWay(now),
      // Those that do not fill a call share the request's own.
      callsAhead: this.#shares ? Math.floor(rowsAhead / maxBatchRows) : rowsAhead,
      costAhead,
    };
  }
}
