/**
 * Numbers from 0 up to and not including 1, the same ones for the same seed: loads and models of a measurement can be made again.
 * Source: Tommy Ettinger's mulberry32, which is in the public domain.
 */
export function createRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
