import { type Account, AccountHeap } from "./account-heap.ts";
import type { Flow, Waiting } from "./flow.ts";

/** How far an iteration has come in one flow, with the account that the flow would have if all up to there were taken. */
class Cursor<Item extends Waiting> implements Account {
  readonly flow: Flow<Item>;
  account: number;
  turn: number;
  place = -1;
  next: number;
  begun = false;

  constructor(flow: Flow<Item>) {
    this.flow = flow;
    this.account = flow.account;
    this.turn = flow.turn;
    this.next = flow.seek(0);
  }
}

/**
 * The order in which requests should go: each comes from the flow that would have been given least by then, at an estimated price for each
 * unit of cost. Changes nothing, and looks only at flows that get a turn: the flows' own heap is walked from its top. The flows must not change
 * meanwhile.
 */
export class FairOrder<Item extends Waiting> implements IterableIterator<Item> {
  /** Heaps of the levels that have not been reached, the last one next. */
  readonly #levels: AccountHeap<Flow<Item>>[];
  readonly #price: number;
  #flows: readonly Flow<Item>[] = [];
  #cursors = new AccountHeap<Cursor<Item>>();
  #turn: number;
  // One object for all results: this runs for every request, and a loop reads each result before it asks for the next.
  readonly #result: { done: boolean; value: Item | undefined } = { done: false, value: undefined };

  /** `levels` are the flows of each priority, the first one last; `price` is in milliseconds for each unit of cost; `turn` is later than all so far. */
  constructor(levels: AccountHeap<Flow<Item>>[], price: number, turn: number) {
    this.#turn = turn;
    this.#levels = levels;
    this.#price = price;
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<Item> {
    this.#result.value = this.#take();
    this.#result.done = this.#result.value === undefined;
    return this.#result as IteratorResult<Item>;
  }

  #take(): Item | undefined {
    let cursor = this.#cursors.nodes[0];
    while (cursor === undefined) {
      const heap = this.#levels.pop();
      if (heap === undefined) return undefined;
      this.#flows = heap.nodes;
      this.#open(0);
      cursor = this.#cursors.nodes[0];
    }
    const { flow } = cursor;
    const item = flow.at(cursor.next) as Item;
    cursor.next = flow.seek(cursor.next + 1);
    const hasMore = flow.at(cursor.next) !== undefined;
    if (hasMore && this.#flows.length === 1) return item;
    // The flows below this one in their heap were not to be looked at before it had its first turn.
    if (!cursor.begun) {
      cursor.begun = true;
      this.#open(2 * flow.place + 1);
      this.#open(2 * flow.place + 2);
    }
    if (!hasMore) {
      this.#cursors.remove(cursor);
    } else {
      cursor.account += item.cost * this.#price;
      cursor.turn = this.#turn++;
      this.#cursors.update(cursor);
    }
    return item;
  }

  #open(place: number): void {
    const flow = this.#flows[place];
    if (flow !== undefined) this.#cursors.push(new Cursor(flow));
  }
}
