/** Requests of a trace: at a millisecond from its beginning, to one of the models by its number. */
export interface Ask {
  readonly at: number;
  readonly model: number;
}

export interface TraceShape {
  readonly models: number;
  readonly requests: number;
  /** Requests per second. */
  readonly rate: number;
}

/** Numbers from 0 to below 1, the same for the same seed: mulberry32. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}

/** The first place at which the weights up to it are more than the number. */
export function drawn(weights: readonly number[], number: number): number {
  let left = number;
  for (const [index, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return index;
  }
  return weights.length - 1;
}

/** Popularity falls with the rank (Zipf, exponent 1), arrivals are random, and every so often two ranks change places. */
export function traceOf(random: () => number, { models, requests, rate }: TraceShape): Ask[] {
  const ranks = Array.from({ length: models }, (_, index) => index).sort(() => random() - 0.5);
  const weights = ranks.map((_, rank) => 1 / (rank + 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let now = 0;
  return Array.from({ length: requests }, (_, index) => {
    now += (-Math.log(1 - random()) / rate) * 1000;
    if (index % 50 === 49) {
      const [left, right] = [Math.floor(random() * models * 0.2), Math.floor(random() * models)];
      [ranks[left], ranks[right]] = [ranks[right] as number, ranks[left] as number];
    }
    return { at: now, model: ranks[drawn(weights, random() * total)] as number };
  });
}
