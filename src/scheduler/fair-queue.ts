import type { Priority } from "../core/scheduling.ts";
import { FairLevel } from "./fair-level.ts";
import { FairOrder } from "./fair-order.ts";
import { type Flow, NOT_WAITING, type Waiting } from "./flow.ts";

/** A batch moves the learned price of a unit of cost by no more than this factor: one slow call says little about the next. */
const LARGEST_STEP = 1.25;

/**
 * Requests by priority level and, within a level, by deficit round robin over principals, with measured compute time as the cost. As that is
 * known only afterwards, each request is charged an estimate when it is taken, and `charge` corrects it; and as no quantum suits all models,
 * a round gives everybody the least with which somebody may go: who has been given least is next.
 *
 * A level goes before the next one, and a principal's requests of one level in their order; only requests that cannot join the batch are
 * passed over, and later ones of the same key may ride along in a batch that others of a higher level have begun. They are charged as well.
 */
export class FairQueue<Item extends Waiting> {
  readonly #now: () => number;
  readonly #levels: (FairLevel<Item> | undefined)[] = [];
  #requests = 0;
  #rows = 0;
  #cost = 0;
  #bytes = 0;
  #turn = 0;
  /** Milliseconds that a unit of cost takes; undefined before the first charge. */
  #price: number | undefined;

  /** `now` gives clock milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Requests that wait. */
  get requests(): number {
    return this.#requests;
  }

  get rows(): number {
    return this.#rows;
  }

  /** What they cost, without padding. */
  get cost(): number {
    return this.#cost;
  }

  /** Their bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Requests of one principal that wait, of all levels. */
  requestsOf(principal: string): number {
    return this.#levels.reduce((sum, level) => sum + (level?.requestsOf(principal) ?? 0), 0);
  }

  /** Requests of one priority that wait. */
  requestsAt(priority: Priority): number {
    const levels = [levelOf({ priority, late: false }), levelOf({ priority, late: true })];
    let requests = 0;
    for (const level of levels) for (const flow of this.#levels[level]?.waiting.nodes ?? []) requests += flow.length;
    return requests;
  }

  /** Cost of what goes before one more request, as far as is known now; for predicting its wait. Takes time linear in the principals that wait. */
  costBefore(principal: string, priority: Priority): number {
    const own = levelOf({ priority, late: false });
    let cost = this.#levels[own]?.costBefore(principal, this.#price || 1) ?? 0;
    for (let above = 0; above < own; above++) {
      for (const flow of this.#levels[above]?.waiting.nodes ?? []) cost += flow.cost;
    }
    return cost;
  }

  /** Principals that take memory, at all levels: those that wait and those that owe. */
  get principals(): number {
    return this.#levels.reduce((sum, level) => sum + (level?.principals ?? 0), 0);
  }

  push(item: Item): void {
    const level = this.#levelOf(item);
    const flow = level.flowOf(item.principal);
    flow.push(item);
    if (flow.length === 1) level.wake(flow, this.#price ?? 0);
    this.#count(item, 1);
  }

  /** Puts requests back before all others of their principal and level, in their order. */
  unshift(items: readonly Item[]): void {
    for (const item of items.toReversed()) {
      const level = this.#levelOf(item);
      const flow = level.flowOf(item.principal);
      flow.unshift(item);
      if (flow.length === 1) level.wake(flow, this.#price ?? 0);
      this.#count(item, 1);
    }
  }

  /** Takes a batch out; the choice is the caller's policy over the requests in the order in which they should go. */
  take(choose: (waiting: Iterable<Item>) => Item[]): Item[] {
    const chosen = choose(this);
    const price = this.#price ?? 1;
    let level: FairLevel<Item> | undefined;
    let flow: Flow<Item> | undefined;
    let previous: Item | undefined;
    for (const item of chosen) {
      if (level === undefined || flow === undefined || !isSameFlow(item, previous)) {
        if (flow !== undefined) level?.settle(flow);
        const itsLevel = this.#levelOf(item);
        flow = itsLevel.flowOf(item.principal);
        if (itsLevel !== level) itsLevel.serve(flow);
        level = itsLevel;
        previous = item;
      }
      flow.remove(item);
      item.charged = item.cost * price;
      flow.account += item.charged;
      flow.turn = this.#turn++;
      this.#count(item, -1);
    }
    if (flow !== undefined) level?.settle(flow);
    return chosen;
  }

  /** Takes out one that nobody waits for any more; false when it does not wait here. Constant time, or logarithmic for a principal's last. */
  remove(item: Item): boolean {
    if (item.slot === NOT_WAITING) return false;
    const level = this.#levelOf(item);
    const flow = level.flowOf(item.principal);
    flow.remove(item);
    if (flow.length === 0) level.settle(flow);
    this.#count(item, -1);
    return true;
  }

  /** A batch has run, well or not, for so many milliseconds: each principal pays its part, by the cost of its requests. */
  charge(batch: readonly Item[], milliseconds: number): void {
    let cost = 0;
    for (const item of batch) cost += item.cost;
    if (cost === 0) return;
    const price = milliseconds / cost;
    this.#learn(price);
    let level: FairLevel<Item> | undefined;
    let flow: Flow<Item> | undefined;
    let previous: Item | undefined;
    for (const item of batch) {
      if (flow === undefined || !isSameFlow(item, previous)) {
        if (flow !== undefined) level?.settle(flow);
        level = this.#levelOf(item);
        flow = level.flowOf(item.principal);
        previous = item;
      }
      const paid = item.charged;
      item.charged = item.cost * price;
      flow.account += item.charged - paid;
    }
    if (flow !== undefined) level?.settle(flow);
  }

  /** Clock milliseconds at which the one that has waited for longest came; undefined when nobody waits. Looks at all of them. */
  get since(): number | undefined {
    let oldest: number | undefined;
    this.forEach(({ enqueuedAt }) => {
      if (oldest === undefined || enqueuedAt < oldest) oldest = enqueuedAt;
    });
    return oldest;
  }

  /** In no order, which costs less. The queue must not change meanwhile. */
  forEach(callback: (item: Item) => void): void {
    for (const level of this.#levels) for (const flow of level?.waiting.nodes ?? []) flow.forEach(callback);
  }

  /** The one that should go next, without what it takes to know the others' order. */
  get first(): Item | undefined {
    for (let index = this.#levels.length - 1; index >= 0; index--) {
      const first = this.#levels[index]?.waiting.nodes[0]?.at(0);
      if (first !== undefined) return first;
    }
    return undefined;
  }

  /** In the order in which they should go. The queue must not change meanwhile. */
  [Symbol.iterator](): IterableIterator<Item> {
    const levels = [];
    for (let index = this.#levels.length - 1; index >= 0; index--) {
      const level = this.#levels[index];
      if (level !== undefined) levels.push(level.waiting);
    }
    return new FairOrder(levels, this.#price ?? 1, this.#turn);
  }

  /** What one more request of the principal finds waiting. */
  waiting(principal: string): { requests: number; bytes: number; own: number; principals: number } {
    const own = this.requestsOf(principal);
    const principals = this.#levels.reduce((sum, level) => sum + (level?.waiting.nodes.length ?? 0), own === 0 ? 1 : 0);
    return { requests: this.#requests, bytes: this.#bytes, own, principals };
  }

  #count(item: Item, sign: 1 | -1): void {
    this.#requests += sign;
    this.#rows += sign * item.rows;
    this.#cost += sign * item.cost;
    this.#bytes += sign * item.bytes;
  }

  #levelOf(item: Item): FairLevel<Item> {
    const index = levelOf(item);
    const known = this.#levels[index];
    if (known !== undefined) return known;
    const level = new FairLevel<Item>(this.#now);
    this.#levels[index] = level;
    return level;
  }

  #learn(price: number): void {
    const known = this.#price;
    this.#price = known === undefined || known === 0 ? price : Math.min(known * LARGEST_STEP, Math.max(known / LARGEST_STEP, price));
  }
}

function isSameFlow(item: Waiting, other: Waiting | undefined): boolean {
  return item.principal === other?.principal && levelOf(item) === levelOf(other);
}

/** Two for each priority: the second one is of those that are late. */
function levelOf({ priority, late }: Pick<Waiting, "priority" | "late">): number {
  return 2 * priority + (late ? 1 : 0);
}
