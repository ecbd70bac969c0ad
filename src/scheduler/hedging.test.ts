import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Hedging } from "./hedging.ts";

function learned(percentile: number, latencies: Iterable<number>): number | undefined {
  const hedging = new Hedging(percentile);
  for (const latency of latencies) hedging.observe(latency);
  return hedging.hedgeAt(0);
}

/** The same numbers each time, evenly spread in [0, 1). */
function* spread(count: number): Generator<number> {
  for (let index = 0; index < count; index++) yield (index * 0.6180339887498949) % 1;
}

describe("when a call is hedged", () => {
  it("is unknown until enough calls are known", () => {
    expect(
      learned(
        0.95,
        Array.from({ length: 90 }, () => 10),
      ),
    ).toBeUndefined();
    expect(
      learned(
        0.95,
        Array.from({ length: 110 }, () => 10),
      ),
    ).toBeDefined();
    expect(
      learned(
        0.99,
        Array.from({ length: 110 }, () => 10),
      ),
    ).toBeUndefined();
  });

  it("is the percentile after the start", () => {
    const hedging = new Hedging(0.9);
    for (const part of spread(500)) hedging.observe(100 * part);
    const at = hedging.hedgeAt(5000) as number;
    expect(at - 5000).toBeGreaterThan(88);
    expect(at - 5000).toBeLessThan(97);
  });

  it("follows a model that has become faster, and one that has become slower", () => {
    const slow = Array.from({ length: 20_000 }, () => 100);
    const fast = Array.from({ length: 8000 }, () => 1);
    expect(learned(0.95, [...slow, ...fast])).toBeLessThan(1.06);
    expect(learned(0.95, [...fast, ...slow])).toBeGreaterThan(99);
  });

  it("stays right over very many calls", () => {
    const hedging = new Hedging(0.95);
    for (let call = 0; call < 300_000; call++) hedging.observe(call % 10);
    expect(hedging.hedgeAt(0)).toBeGreaterThanOrEqual(9);
    expect(hedging.hedgeAt(0)).toBeLessThan(9.5);
  });

  it("is within a bucket of the true percentile, whatever the distribution", () => {
    const latency = fc.oneof(fc.double({ min: 0.02, max: 10, noNaN: true }), fc.double({ min: 10, max: 100_000, noNaN: true }));
    fc.assert(
      fc.property(fc.array(latency, { minLength: 30, maxLength: 200 }), fc.constantFrom(0.5, 0.75, 0.8), (latencies, percentile) => {
        const at = learned(percentile, latencies) as number;
        const sorted = [...latencies].sort((one, other) => one - other);
        // What fades moves the percentile a little among so few: by less than a tenth of the weight.
        const low = sorted[Math.floor((percentile - 0.1) * sorted.length)] as number;
        const high = sorted[Math.min(sorted.length - 1, Math.ceil((percentile + 0.1) * sorted.length))] as number;
        expect(at).toBeGreaterThanOrEqual(low * 0.999);
        expect(at).toBeLessThanOrEqual(high * 1.051);
      }),
    );
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e12])("bears a latency of %s", (latency) => {
    expect(
      Number.isFinite(
        learned(
          0.95,
          Array.from({ length: 110 }, () => latency),
        ),
      ),
    ).toBe(true);
  });
});

describe("budget", () => {
  it("has nothing before calls have finished, and a twentieth of them afterwards", () => {
    const hedging = new Hedging(0.95);
    expect(hedging.tryTake()).toBe(false);
    for (let call = 0; call < 40; call++) hedging.observe(1);
    expect([hedging.tryTake(), hedging.tryTake(), hedging.tryTake()]).toEqual([true, true, false]);
  });

  it("never lets more than a twentieth of the calls be hedged, nor more than ten at once", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 2000 }), (steps) => {
        const hedging = new Hedging(0.95);
        let calls = 0;
        let hedges = 0;
        for (const finished of steps) {
          if (finished) {
            hedging.observe(1);
            calls++;
          } else if (hedging.tryTake()) {
            hedges++;
          }
          expect(hedges).toBeLessThanOrEqual(calls / 20);
        }
        for (let call = 0; call < 1000; call++) hedging.observe(1);
        let atOnce = 0;
        while (hedging.tryTake()) atOnce++;
        expect(atOnce).toBe(10);
      }),
    );
  });
});
