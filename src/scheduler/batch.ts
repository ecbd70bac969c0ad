import type { BatchRecord } from "../core/batch.ts";
import { Cancellation } from "../core/cancellation.ts";
import { ServeError } from "../core/errors.ts";
import type { Replica, ReplicaCall } from "../core/replica.ts";
import { joinCalls } from "./assemble.ts";
import { callOf, type Entry } from "./entry.ts";
import { largestSizes } from "./padding.ts";

/** One call of one replica for a batch; a batch has a second one when the first is slow. */
export interface Attempt {
  readonly replica: Replica;
  readonly cancellation: Cancellation;
}

/** Requests that left the queue together, until each has been answered or is tried again. */
export class Batch {
  readonly entries: readonly Entry[];
  readonly record: BatchRecord;
  /** The work of the call, with what padding adds to it. */
  readonly cost: number;
  /** Those under way. */
  readonly attempts: Attempt[] = [];
  first: Attempt | undefined;
  /** Clock milliseconds at which a second replica is asked; Infinity for never. */
  hedgeAt = Number.POSITIVE_INFINITY;
  /** It has been answered, or has failed. */
  over = false;
  #call: ReplicaCall | undefined;

  constructor(entries: readonly Entry[], { startedAt, cut, inline }: Pick<BatchRecord, "startedAt" | "cut" | "inline">) {
    let rows = 0;
    let cost = 0;
    for (const entry of entries) {
      rows += entry.rows;
      cost += entry.cost;
    }
    this.entries = entries;
    this.cost = paddedCost(entries, rows) ?? cost;
    this.record = { size: entries.length, rows, startedAt, cut, inline, computeMs: 0 };
  }

  /** All requests as one call. It is put together when it is first asked for: there may not be memory enough, and then the batch fails like any other. */
  get call(): ReplicaCall {
    this.#call ??= this.entries.length === 1 ? callOf(this.entries[0] as Entry) : joinCalls(this.entries);
    return this.#call;
  }

  /** The replica is given the requests as they are. */
  get together(): boolean {
    return this.entries[0]?.together === true;
  }

  /** Whether anybody waits for its answer. */
  get wanted(): boolean {
    return this.entries.some((entry) => !entry.settled);
  }

  begin(replica: Replica): Attempt {
    const attempt = { replica, cancellation: new Cancellation() };
    this.first ??= attempt;
    this.attempts.push(attempt);
    return attempt;
  }

  end(attempt: Attempt): void {
    this.attempts.splice(this.attempts.indexOf(attempt), 1);
  }

  /** Tells the other replicas that work on it that there is an answer. */
  abortOthers(answered: Attempt): void {
    if (this.attempts.length === 1) return;
    for (const attempt of this.attempts) {
      if (attempt !== answered) attempt.cancellation.abort(new ServeError("CANCELLED", "another replica has answered"));
    }
  }

  /** Tells the replicas that work on it that nobody waits any more. */
  abort(reason: Error): void {
    for (const { cancellation } of this.attempts) cancellation.abort(reason);
  }
}

/** Undefined where padding costs nothing. */
function paddedCost(entries: readonly Entry[], rows: number): number | undefined {
  if (entries.length === 1 || entries[0]?.padded === undefined) return undefined;
  const costOfRow = entries[0].padded.sizing.costOfRow(largestSizes(entries.map(({ padded }) => ({ rows, sizes: padded?.sizes ?? [] }))));
  return costOfRow === undefined ? undefined : Math.max(1, rows * costOfRow);
}
