import type { RecentFigures } from "../core/statistics.ts";

/** Parts into which each power of two of microseconds is cut: a latency is told to within 1/16. */
const PARTS = 16;
const PART_BITS = 4;
/** The last bucket begins at 2^26 µs, about 67 s. */
const BUCKETS = (26 - PART_BITS + 1) * PARTS + 1;
const LONGEST_US = 2 ** 26;
const SLOT_MS = 2_000;
/** Whole slots that a look goes back, besides the one that is under way. */
const WINDOW_SLOTS = 5;
const SLOTS = WINDOW_SLOTS + 1;

/**
 * What one model version was asked in the last ten to twelve seconds: a log-linear histogram for each two seconds, in a ring. To note a
 * request takes no memory and well under a microsecond (bench/recent-traffic.ts).
 */
export class RecentTraffic {
  /** Answered requests by their latency, one slot after the other. */
  readonly #latencies = new Uint32Array(SLOTS * BUCKETS);
  readonly #requests = new Float64Array(SLOTS);
  readonly #failures = new Float64Array(SLOTS);
  /** Requests that reached a replica, and the calls that they were: of each its part. */
  readonly #called = new Float64Array(SLOTS);
  readonly #calls = new Float64Array(SLOTS);
  /** The newest slot, counted from the clock's zero; -1 before the first note. */
  #slot = -1;
  /** Clock milliseconds. */
  #since = Number.POSITIVE_INFINITY;

  /**
   * @param now clock milliseconds
   * @param durationMs from the request's head to its answer
   * @param batchSize requests that shared its call; 0 when it never reached a replica
   */
  note(now: number, durationMs: number, answered: boolean, batchSize: number): void {
    const place = this.#placeAt(now);
    this.#requests[place] = (this.#requests[place] as number) + 1;
    if (answered) {
      const index = place * BUCKETS + bucketOf(durationMs * 1000);
      this.#latencies[index] = (this.#latencies[index] as number) + 1;
    } else this.#failures[place] = (this.#failures[place] as number) + 1;
    if (batchSize === 0) return;
    this.#called[place] = (this.#called[place] as number) + 1;
    this.#calls[place] = (this.#calls[place] as number) + 1 / batchSize;
  }

  /** Of several together, as seen at clock milliseconds `now`. */
  static figures(all: readonly RecentTraffic[], now: number): RecentFigures {
    const latencies = new Float64Array(BUCKETS);
    let [answered, called, calls] = [0, 0, 0];
    const rates = { requestsPerSecond: 0, failuresPerSecond: 0 };
    for (const traffic of all) {
      const seconds = traffic.#advance(now);
      rates.requestsPerSecond += sum(traffic.#requests) / seconds;
      rates.failuresPerSecond += sum(traffic.#failures) / seconds;
      called += sum(traffic.#called);
      calls += sum(traffic.#calls);
      answered += traffic.#addLatencies(latencies);
    }
    return {
      ...rates,
      meanBatchSize: calls === 0 ? undefined : called / calls,
      p50Ms: answered === 0 ? undefined : quantile(latencies, answered * 0.5) / 1000,
      p99Ms: answered === 0 ? undefined : quantile(latencies, answered * 0.99) / 1000,
    };
  }

  /** Forgets what is too long ago; returns the seconds that are remembered. */
  #advance(now: number): number {
    this.#placeAt(now);
    const start = Math.max((this.#slot - WINDOW_SLOTS) * SLOT_MS, this.#since);
    // A second at least, or the first request of a model would be a thousand a second.
    return Math.max(1, (now - start) / 1000);
  }

  /** Returns their number. */
  #addLatencies(sums: Float64Array): number {
    let total = 0;
    for (let index = 0; index < this.#latencies.length; index++) {
      const count = this.#latencies[index] as number;
      const bucket = index % BUCKETS;
      sums[bucket] = (sums[bucket] as number) + count;
      total += count;
    }
    return total;
  }

  /** The slot of a moment in the ring, after those that lie between it and the newest one have been emptied. Late notes count as new. */
  #placeAt(now: number): number {
    const slot = Math.floor(now / SLOT_MS);
    if (slot > this.#slot) {
      if (this.#slot < 0) this.#since = now;
      for (let each = Math.max(this.#slot + 1, slot - SLOTS + 1); each <= slot; each++) this.#empty(each % SLOTS);
      this.#slot = slot;
    }
    return this.#slot % SLOTS;
  }

  #empty(place: number): void {
    this.#latencies.fill(0, place * BUCKETS, (place + 1) * BUCKETS);
    for (const counts of [this.#requests, this.#failures, this.#called, this.#calls]) counts[place] = 0;
  }
}

function bucketOf(microseconds: number): number {
  const value = microseconds >= LONGEST_US ? LONGEST_US : microseconds > 0 ? Math.floor(microseconds) : 0;
  if (value < PARTS) return value;
  const power = 31 - Math.clz32(value) - PART_BITS;
  return power * PARTS + (value >>> power);
}

/** Microseconds in the middle of a bucket. */
function middleOf(bucket: number): number {
  if (bucket < PARTS) return bucket + 0.5;
  const power = Math.floor(bucket / PARTS) - 1;
  return (PARTS + (bucket % PARTS) + 0.5) * 2 ** power;
}

function quantile(counts: Float64Array, rank: number): number {
  let seen = 0;
  for (let bucket = 0; bucket < counts.length; bucket++) {
    seen += counts[bucket] as number;
    if (seen >= rank) return middleOf(bucket);
  }
  return middleOf(counts.length - 1);
}

function sum(counts: Float64Array): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}
