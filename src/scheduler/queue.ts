import type { RequestContext } from "../core/context.ts";
import type { ReplicaCall, ReplicaResult } from "../core/replica.ts";
import type { Batchable } from "./batching.ts";

/** A request that waits for a replica, or is with one. */
export interface Entry extends Batchable {
  readonly call: ReplicaCall;
  readonly context: RequestContext;
  /** Clock milliseconds. */
  readonly enqueuedAt: number;
  /** True after a shared batch or its host has failed: the request has one more try, by itself. */
  retried: boolean;
  settled: boolean;
  resolve(result: ReplicaResult): void;
  reject(error: Error): void;
}

/** First in, first out, with counts that are right at once when somebody leaves from the middle. */
export class Queue {
  #entries: Entry[] = [];
  #requests = 0;
  #bytes = 0;

  get requests(): number {
    return this.#requests;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(entry: Entry): void {
    this.#entries.push(entry);
    this.#count(entry, 1);
  }

  /** Puts entries back before all others, in their order. */
  unshift(entries: readonly Entry[]): void {
    this.#entries.unshift(...entries);
    for (const entry of entries) this.#count(entry, 1);
  }

  /** Takes a batch out; the choice is the caller's policy over the entries that still wait. */
  take(choose: (waiting: Iterable<Entry>) => Entry[]): Entry[] {
    const chosen = choose(this.#entries);
    if (chosen.length === 0) return chosen;
    const set = chosen.length === this.#entries.length ? undefined : new Set(chosen);
    this.#entries = set === undefined ? [] : this.#entries.filter((entry) => !set.has(entry));
    for (const entry of chosen) this.#count(entry, -1);
    return chosen;
  }

  remove(entry: Entry): boolean {
    const index = this.#entries.indexOf(entry);
    if (index < 0) return false;
    this.#entries.splice(index, 1);
    this.#count(entry, -1);
    return true;
  }

  [Symbol.iterator](): IterableIterator<Entry> {
    return this.#entries.values();
  }

  #count(entry: Entry, sign: 1 | -1): void {
    this.#requests += sign;
    this.#bytes += sign * entry.bytes;
  }
}
