interface Bucket {
  /** Clock milliseconds at which it begins. */
  readonly at: number;
  sum: number;
  count: number;
}

/** What was measured lately, so that it can be averaged over the last seconds. */
export class LoadWindow {
  readonly #lengthMs: number;
  readonly #bucketMs: number;
  /** The oldest first. */
  readonly #buckets: Bucket[] = [];

  /** @param bucketMs measurements so close together are kept as one */
  constructor(lengthMs: number, bucketMs: number) {
    this.#lengthMs = lengthMs;
    this.#bucketMs = bucketMs;
  }

  /** `now` in clock milliseconds, never before the one before. */
  add(value: number, now: number): void {
    const last = this.#buckets.at(-1);
    if (last !== undefined && now < last.at + this.#bucketMs) {
      last.sum += value;
      last.count++;
    } else this.#buckets.push({ at: now, sum: value, count: 1 });
    while (this.#buckets[0] !== undefined && this.#buckets[0].at <= now - this.#lengthMs) this.#buckets.shift();
  }

  /** Of what was measured in the last so many milliseconds, of less when there is not so much; 0 when there is nothing. */
  average(overMs: number, now: number): number {
    let sum = 0;
    let count = 0;
    for (let index = this.#buckets.length - 1; index >= 0; index--) {
      const bucket = this.#buckets[index] as Bucket;
      if (bucket.at <= now - overMs) break;
      sum += bucket.sum;
      count += bucket.count;
    }
    return count === 0 ? 0 : sum / count;
  }
}
