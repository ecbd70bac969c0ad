/** Finished calls that pay for one hedge: 5 % of the calls may be hedged. */
const CALLS_PER_HEDGE = 20;
/** Hedges that can be saved up for a bad moment. */
const MOST_SAVED = 10;
/** Observations beyond the percentile that are needed before it is believed. */
const FEWEST_BEYOND = 5;
/** Calls after which an observation weighs 1/e of a new one. */
const MEMORY = 1000;
/** A latency is known to the width of its bucket. */
const BUCKET_RATIO = 1.05;
const LOG_RATIO = Math.log(BUCKET_RATIO);
const SHORTEST_MS = 0.01;
const LONGEST_MS = 3_600_000;
const BUCKETS = Math.ceil(Math.log(LONGEST_MS / SHORTEST_MS) / LOG_RATIO) + 1;
/** Weights grow instead of all others fading; before they are too large for a double, all are scaled down. */
const LARGEST_WEIGHT = 1e100;
/** Observations after which the percentile is computed anew. */
const REFRESH = 16;

/**
 * When a second replica should be asked for a call as well: after a percentile of the model's own latency, and for at most 5 % of the
 * calls. The percentile comes from a histogram with logarithmic buckets, because its relative error is bounded whatever the distribution,
 * and it can fade so that a model that has changed is followed; P² can do neither.
 */
export class Hedging {
  readonly #percentile: number;
  readonly #counts = new Float64Array(BUCKETS);
  #observations = 0;
  #weight = 1;
  #total = 0;
  #delay: number | undefined;
  /** In finished calls. */
  #savings = 0;

  /** `percentile` is between 0 and 1, such as 0.95. */
  constructor(percentile: number) {
    this.#percentile = percentile;
  }

  /**
   * A call has been answered, so many milliseconds after it was first given to a replica. Once for each call, hedged or not: that a hedge has
   * made a slow one quicker does not move the percentile, as both times are beyond it.
   */
  observe(milliseconds: number): void {
    this.#savings = Math.min(MOST_SAVED * CALLS_PER_HEDGE, this.#savings + 1);
    this.#observations++;
    this.#weight *= 1 + 1 / MEMORY;
    const bucket = bucketOf(milliseconds);
    this.#counts[bucket] = (this.#counts[bucket] as number) + this.#weight;
    this.#total += this.#weight;
    if (this.#weight > LARGEST_WEIGHT) this.#scaleDown();
    if (this.#observations % REFRESH === 0) this.#delay = undefined;
  }

  /** Clock milliseconds at which a call that began then should be given to a second replica; undefined while too few calls are known. */
  hedgeAt(startedAt: number): number | undefined {
    if (this.#observations * (1 - this.#percentile) < FEWEST_BEYOND) return undefined;
    this.#delay ??= this.#quantile();
    return startedAt + this.#delay;
  }

  /** Takes what one hedge costs; false when the budget has no more. */
  tryTake(): boolean {
    if (this.#savings < CALLS_PER_HEDGE) return false;
    this.#savings -= CALLS_PER_HEDGE;
    return true;
  }

  #scaleDown(): void {
    for (let bucket = 0; bucket < BUCKETS; bucket++) this.#counts[bucket] = (this.#counts[bucket] as number) / this.#weight;
    this.#total /= this.#weight;
    this.#weight = 1;
  }

  /** Upper end of the bucket that the percentile falls into, in milliseconds: a hedge is rather late than early. */
  #quantile(): number {
    const wanted = this.#percentile * this.#total;
    let sum = 0;
    let bucket = 0;
    for (; bucket < BUCKETS - 1; bucket++) {
      sum += this.#counts[bucket] as number;
      if (sum >= wanted) break;
    }
    return SHORTEST_MS * BUCKET_RATIO ** bucket;
  }
}

/** Bucket 0 is for all up to the shortest latency, and bucket n for those up to the shortest × ratio ** n. */
function bucketOf(milliseconds: number): number {
  if (!(milliseconds > SHORTEST_MS)) return 0;
  return Math.min(BUCKETS - 1, Math.ceil(Math.log(milliseconds / SHORTEST_MS) / LOG_RATIO));
}
