import { AccountHeap } from "./account-heap.ts";
import { Flow, type Waiting } from "./flow.ts";

/** Milliseconds for which a principal that has stopped asking still owes what it was given more than others. */
const DEBT_MS = 60_000;
/** Principals that are remembered for their debts alone; beyond it the smallest debts are forgiven. */
const MOST_DEBTORS = 1024;
const FIRST_SWEEP = 64;

/** The principals of one priority level: those with requests that wait, in the order of their accounts, and those that only owe. */
export class FairLevel<Item extends Waiting> {
  readonly waiting = new AccountHeap<Flow<Item>>();
  readonly #now: () => number;
  readonly #flows = new Map<string, Flow<Item>>();
  #latest: Flow<Item> | undefined;
  #sweepAt = FIRST_SWEEP;
  /** The account at which the flow that was served last stood before it. */
  #floor = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Principals that take memory. */
  get principals(): number {
    return this.#flows.size;
  }

  requestsOf(principal: string): number {
    return this.#flows.get(principal)?.length ?? 0;
  }

  /** Cost of what goes before one more request of the principal. `price` is in milliseconds for each of it. */
  costBefore(principal: string, price: number): number {
    const own = this.#flows.get(principal);
    const account = own === undefined ? this.#base() - price / 2 : own.length > 0 ? own.account : this.#accountOnWaking(own, price);
    const end = account + (own?.cost ?? 0) * price;
    let cost = own?.cost ?? 0;
    for (const flow of this.waiting.nodes) {
      if (flow !== own) cost += Math.min(flow.cost, Math.max(0, Math.ceil((end - flow.account) / price)));
    }
    return cost;
  }

  flowOf(principal: string): Flow<Item> {
    if (this.#latest?.principal === principal) return this.#latest;
    let flow = this.#flows.get(principal);
    if (flow === undefined) {
      if (this.#flows.size >= this.#sweepAt) this.#sweep();
      flow = new Flow(principal);
      // Until it wakes: it owes nothing.
      flow.account = Number.NEGATIVE_INFINITY;
      flow.idleSince = this.#now();
      this.#flows.set(principal, flow);
    }
    this.#latest = flow;
    return flow;
  }

  /** The flow has got its first request: it starts beside the one that is next, or behind by what it owes. Being away saves nothing up. */
  wake(flow: Flow<Item>, price: number): void {
    flow.account = this.#accountOnWaking(flow, price);
    this.waiting.push(flow);
  }

  /** It is the flow's turn, before anything has been taken from it. */
  serve(flow: Flow<Item>): void {
    this.#floor = Math.max(this.#floor, flow.account);
  }

  /** Puts the flow where its account and its requests say. */
  settle(flow: Flow<Item>): void {
    if (flow.length > 0) {
      this.waiting.update(flow);
      return;
    }
    if (flow.place >= 0) this.waiting.remove(flow);
    flow.idleSince = this.#now();
  }

  #accountOnWaking(flow: Flow<Item>, price: number): number {
    // A little before the one that is next: what runs now may turn out to have cost less than its principal was charged for it.
    const base = this.#base() - price / 2;
    return flow.account > base && this.#now() - flow.idleSince <= DEBT_MS ? flow.account : base;
  }

  #base(): number {
    return this.waiting.nodes[0]?.account ?? this.#floor;
  }

  /** Each sweep is paid for by the flows that have been added since the last one. */
  #sweep(): void {
    const base = this.#base();
    const now = this.#now();
    const debtors: Flow<Item>[] = [];
    for (const flow of this.#flows.values()) {
      if (flow.length > 0) continue;
      if (flow.account > base && now - flow.idleSince <= DEBT_MS) debtors.push(flow);
      else this.#flows.delete(flow.principal);
    }
    if (debtors.length > MOST_DEBTORS) {
      debtors.sort((one, other) => other.account - one.account);
      for (const flow of debtors.slice(MOST_DEBTORS)) this.#flows.delete(flow.principal);
    }
    this.#sweepAt = Math.max(FIRST_SWEEP, 2 * this.#flows.size);
  }
}
