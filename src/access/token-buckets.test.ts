import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TokenBuckets } from "./token-buckets.ts";

const limits = fc.record({
  intervalMs: fc.double({ min: 0.01, max: 10_000, noNaN: true }),
  burst: fc.integer({ min: 1, max: 50 }),
});
/** Pauses in intervals, so that bursts and waits are both there. */
const pauses = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 3, noNaN: true })), { minLength: 1, maxLength: 200 });
const starts = fc.double({ min: 0, max: 1e9, noNaN: true });

describe("a token bucket", () => {
  it("never lets more through than burst + rate × time, in whatever stretch", () => {
    fc.assert(
      fc.property(limits, pauses, starts, (limit, steps, start) => {
        const buckets = new TokenBuckets(10);
        let now = start;
        const taken: number[] = [];
        for (const step of steps) {
          now += step * limit.intervalMs;
          if (buckets.take("a", limit, now) === 0) taken.push(now);
        }
        taken.forEach((from, first) => {
          taken.slice(first).forEach((until, more) => {
            const allowed = limit.burst + (until - from + 0.002) / limit.intervalMs;
            expect(more + 1).toBeLessThanOrEqual(allowed + 1e-6);
          });
        });
      }),
    );
  });

  it("has its whole burst after a pause, and a token exactly when it says", () => {
    fc.assert(
      fc.property(limits, pauses, starts, (limit, steps, start) => {
        const buckets = new TokenBuckets(10);
        let now = start;
        for (const step of steps) {
          now += step * limit.intervalMs;
          const wait = buckets.take("a", limit, now);
          if (wait === 0) continue;
          expect(wait).toBeLessThanOrEqual(limit.intervalMs + 0.001);
          expect(buckets.take("a", limit, now + wait / 2 - 0.001)).toBeGreaterThan(0);
          now += wait;
          expect(buckets.take("a", limit, now)).toBe(0);
        }
        now += limit.burst * limit.intervalMs;
        for (let count = 0; count < limit.burst; count++) expect(buckets.take("a", limit, now)).toBe(0);
      }),
    );
  });

  it("is one for each name", () => {
    const buckets = new TokenBuckets(10);
    const limit = { intervalMs: 1000, burst: 1 };
    expect(["a", "b", "a", "b"].map((name) => buckets.take(name, limit, 0))).toEqual([0, 0, 1000, 1000]);
  });

  it("is remembered while it is used, however many others come, and their number is bounded", () => {
    const buckets = new TokenBuckets(10);
    const limit = { intervalMs: 1e6, burst: 1 };
    expect(buckets.take("busy", limit, 0)).toBe(0);
    for (let index = 0; index < 1000; index++) {
      expect(buckets.take(`other-${index}`, limit, 0)).toBe(0);
      expect(buckets.size).toBeLessThanOrEqual(20);
      if (index % 9 === 0) expect(buckets.take("busy", limit, 0)).toBe(1e6);
    }
  });
});
