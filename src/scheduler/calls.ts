import type { Clock } from "../core/clock.ts";
import { ServeError } from "../core/errors.ts";
import { LatencyCurve } from "../core/latency-curve.ts";
import type { Replica, ReplicaResult } from "../core/replica.ts";
import { type Attempt, Batch } from "./batch.ts";
import type { Entry } from "./entry.ts";
import { Slots } from "./slots.ts";

/** Who hears how the calls end. */
export interface CallsListener {
  onAnswer(batch: Batch, result: ReplicaResult): void;
  /** Nobody will answer the batch; `replica` is the one that failed last. */
  onFailure(batch: Batch, replica: Replica, error: ServeError): void;
  /** A slot has become free. */
  onFree(): void;
}

/** The calls that replicas work on, and what they cost. */
export class Calls {
  readonly slots = new Slots();
  /** What a call of a host costs, with the way there and back. */
  readonly curve = new LatencyCurve();
  readonly #clock: Clock;
  readonly #listener: CallsListener;
  readonly #running = new Set<Batch>();

  constructor(clock: Clock, listener: CallsListener) {
    this.#clock = clock;
    this.#listener = listener;
  }

  get running(): ReadonlySet<Batch> {
    return this.#running;
  }

  /** A call that nobody waits for any more keeps nobody: its host may never answer. */
  get wanted(): boolean {
    for (const batch of this.#running) if (batch.wanted) return true;
    return false;
  }

  /** Milliseconds that the calls under way are expected to take still, all together. */
  underWay(now: number): number {
    let sum = 0;
    for (const { rows, startedAt } of this.#running) {
      const expected = this.curve.predict(rows) ?? 0;
      // One that takes longer than expected is not over for that.
      sum += Math.max(expected - (now - startedAt), expected / 10);
    }
    return sum;
  }

  start(replica: Replica, entries: readonly Entry[], now: number): void {
    const batch = new Batch(entries, now);
    this.#running.add(batch);
    void this.#attempt(batch, batch.begin(replica));
  }

  /** Ends the calls of which nobody waits any more, after one who waited has gone. */
  giveUp(entry: Entry, reason: Error): void {
    for (const batch of this.#running) {
      if (batch.entries.includes(entry) && !batch.wanted) batch.abort(reason);
    }
  }

  async #attempt(batch: Batch, attempt: Attempt): Promise<void> {
    const { replica, cancellation } = attempt;
    this.slots.take(replica);
    try {
      const result = await replica.run(batch.call, cancellation);
      // What runs in this process has a price of its own, and says itself how much it takes.
      if (replica.roomForRows === undefined) this.curve.observe(batch.rows, this.#clock.now() - batch.startedAt);
      this.#listener.onAnswer(batch, result);
    } catch (thrown) {
      this.#listener.onFailure(batch, replica, ServeError.from(thrown));
    } finally {
      batch.end(attempt);
      if (batch.attempts.length === 0) this.#running.delete(batch);
      this.slots.give(replica);
      this.#listener.onFree();
    }
  }
}
