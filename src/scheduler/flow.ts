import type { Priority } from "../core/scheduling.ts";
import type { Account } from "./account-heap.ts";
import type { Batchable } from "./batching.ts";

/** What a fair queue needs to know of a request that waits, and two numbers that it keeps there. */
export interface Waiting extends Batchable {
  /** Who pays for it. */
  readonly principal: string;
  readonly priority: Priority;
  /** It goes behind all of its priority that are not. Changes only while it does not wait. */
  readonly late: boolean;
  /** Where it waits in its flow; NOT_WAITING when it does not. Written by the queue only. */
  slot: number;
  /** Milliseconds that its principal has been charged for it so far. Written by the queue only. */
  charged: number;
}

export const NOT_WAITING = -1;

const SMALLEST = 16;
/** An empty flow gives back what is larger. */
const LARGEST_KEPT = 256;

/** Requests of one principal at one priority: a ring in which those that left early are holes. */
export class Flow<Item extends Waiting> implements Account {
  readonly principal: string;
  account = 0;
  turn = 0;
  place = -1;
  /** Clock milliseconds at which it was last served, while nothing waits. */
  idleSince = 0;
  /** Requests that wait. */
  length = 0;
  /** What they cost. */
  cost = 0;
  #ring: (Item | undefined)[] = emptyRing(SMALLEST);
  #head = 0;
  /** Slots in use from the head on, with holes. */
  #span = 0;

  constructor(principal: string) {
    this.principal = principal;
  }

  push(item: Item): void {
    if (this.#span === this.#ring.length) this.#makeRoom();
    this.#put(item, (this.#head + this.#span) & (this.#ring.length - 1));
  }

  unshift(item: Item): void {
    if (this.#span === this.#ring.length) this.#makeRoom();
    this.#head = (this.#head - 1) & (this.#ring.length - 1);
    this.#put(item, this.#head);
  }

  /** For one that waits here. Constant time: each hole is passed over once. */
  remove(item: Item): void {
    const ring = this.#ring;
    const mask = ring.length - 1;
    ring[item.slot] = undefined;
    item.slot = NOT_WAITING;
    this.length--;
    this.cost -= item.cost;
    while (this.#span > 0 && ring[this.#head] === undefined) {
      this.#head = (this.#head + 1) & mask;
      this.#span--;
    }
    while (this.#span > 0 && ring[(this.#head + this.#span - 1) & mask] === undefined) this.#span--;
    if (this.#span === 0 && ring.length > LARGEST_KEPT) this.#ring = emptyRing(SMALLEST);
    if (this.#span === 0) this.#head = 0;
  }

  /** First place at or after `from`, counted from the head, at which something waits; the number of places when there is none. */
  seek(from: number): number {
    let place = from;
    while (place < this.#span && this.#ring[(this.#head + place) & (this.#ring.length - 1)] === undefined) place++;
    return place;
  }

  at(place: number): Item | undefined {
    return place < this.#span ? this.#ring[(this.#head + place) & (this.#ring.length - 1)] : undefined;
  }

  forEach(callback: (item: Item) => void): void {
    for (let place = 0; place < this.#span; place++) {
      const item = this.at(place);
      if (item !== undefined) callback(item);
    }
  }

  #put(item: Item, slot: number): void {
    this.#ring[slot] = item;
    item.slot = slot;
    this.#span++;
    this.length++;
    this.cost += item.cost;
  }

  /** Closes the holes; in a ring of twice the size unless half of it were holes. */
  #makeRoom(): void {
    const old = this.#ring;
    const ring = emptyRing<Item>(this.length > old.length / 2 ? old.length * 2 : old.length);
    let count = 0;
    for (let place = 0; place < old.length; place++) {
      const item = old[(this.#head + place) & (old.length - 1)];
      if (item === undefined) continue;
      item.slot = count;
      ring[count++] = item;
    }
    this.#ring = ring;
    this.#head = 0;
    this.#span = count;
  }
}

/** Sizes are powers of two, so that a place becomes a slot by masking. */
function emptyRing<Item>(size: number): (Item | undefined)[] {
  return new Array<Item | undefined>(size).fill(undefined);
}
