/**
 * After so many milliseconds a request counts half as much. In bench/eviction.ts a minute makes `cost` little better than `lru` where each
 * model is asked for every few minutes; from five minutes to an hour and a half it hardly matters.
 */
const HALF_LIFE_MS = 600_000;
const DECAY_PER_MS = Math.LN2 / HALF_LIFE_MS;

/** How often and when a model was asked: what eviction and idle time-outs go by. Times are clock milliseconds. */
export class Usage {
  #uses = 0;
  #usedAt: number | undefined;
  /** Sum over all requests, each fading from 1. */
  #recent = 0;

  note(now: number): void {
    this.#recent = this.#faded(now) + 1;
    this.#usedAt = now;
    this.#uses++;
  }

  get uses(): number {
    return this.#uses;
  }

  /** Undefined when it never was. */
  get usedAt(): number | undefined {
    return this.#usedAt;
  }

  /** Requests per second, as seen now. */
  rate(now: number): number {
    return this.#faded(now) * DECAY_PER_MS * 1000;
  }

  #faded(now: number): number {
    return this.#usedAt === undefined ? 0 : this.#recent * Math.exp((this.#usedAt - now) * DECAY_PER_MS);
  }
}
