import type { RateLimit } from "../core/rate-limit.ts";

/** Milliseconds by which sums of fractions may be wrong. */
const ROUNDING = 0.001;

/**
 * Token buckets by name. A bucket is one number, the time from which it is full again (the generic cell rate algorithm), so that nothing
 * has to be refilled. At least the `capacity` buckets that were used last are remembered, and at most twice as many: a bucket that is
 * forgotten is full again.
 */
export class TokenBuckets {
  readonly #capacity: number;
  #young = new Map<string, number>();
  #old = new Map<string, number>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** Takes a token. Returns 0, or the milliseconds until there is one, which is then not taken. `now` in milliseconds. */
  take(name: string, { intervalMs, burst }: Pick<RateLimit, "intervalMs" | "burst">, now: number): number {
    const fullFrom = Math.max(this.#find(name) ?? now, now) + intervalMs;
    const wait = fullFrom - now - burst * intervalMs;
    if (wait > ROUNDING) return wait;
    this.#young.set(name, fullFrom);
    if (this.#young.size >= this.#capacity) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    return 0;
  }

  #find(name: string): number | undefined {
    const young = this.#young.get(name);
    if (young !== undefined) return young;
    const old = this.#old.get(name);
    // One that refuses counts as used, too.
    if (old !== undefined) {
      this.#old.delete(name);
      this.#young.set(name, old);
    }
    return old;
  }
}
