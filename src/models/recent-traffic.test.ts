import fc from "fast-check";
import { expect, it } from "vitest";
import { RecentTraffic } from "./recent-traffic.ts";

it("tells quantiles of what was answered to within a sixteenth", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.02, max: 60_000, noNaN: true }), { minLength: 1, maxLength: 300 }), (latencies) => {
      const traffic = new RecentTraffic();
      for (const latency of latencies) traffic.note(1, latency, true, 1);
      const sorted = [...latencies].sort((left, right) => left - right);
      const { p50Ms = 0, p99Ms = 0 } = RecentTraffic.figures([traffic], 1);
      for (const [told, share] of [
        [p50Ms, 0.5],
        [p99Ms, 0.99],
      ] as const) {
        const exact = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] as number;
        expect(Math.abs(told - exact) / exact).toBeLessThan(1 / 16);
      }
    }),
  );
});

it("forgets what is longer ago than its window, a slot at a time", () => {
  const traffic = new RecentTraffic();
  for (let second = 0; second < 60; second++) for (let each = 0; each < 10; each++) traffic.note(second * 1000, 5, each > 0, 1);
  const busy = RecentTraffic.figures([traffic], 60_000);
  expect(busy.requestsPerSecond).toBeCloseTo(10, 5);
  expect(busy.failuresPerSecond).toBeCloseTo(1, 5);
  expect(RecentTraffic.figures([traffic], 66_000).requestsPerSecond).toBeLessThan(10);
  expect(RecentTraffic.figures([traffic], 66_000).requestsPerSecond).toBeGreaterThan(0);
  expect(RecentTraffic.figures([traffic], 75_000)).toEqual({
    requestsPerSecond: 0,
    failuresPerSecond: 0,
    meanBatchSize: undefined,
    p50Ms: undefined,
    p99Ms: undefined,
  });
  traffic.note(200_000, 1, true, 1);
  expect(RecentTraffic.figures([traffic], 200_001).requestsPerSecond).toBeGreaterThan(0);
});

it("counts the rate of a model that is asked for the first time from then on, over a second at least", () => {
  const traffic = new RecentTraffic();
  for (let each = 0; each < 100; each++) traffic.note(500_100, 1, true, 1);
  expect(RecentTraffic.figures([traffic], 500_101).requestsPerSecond).toBe(100);
  expect(RecentTraffic.figures([traffic], 504_100).requestsPerSecond).toBe(25);
});

it("has the mean size of recent calls, and takes latencies and moments of any size", () => {
  const traffic = new RecentTraffic();
  for (const size of [1, 3, 3, 3, 0]) traffic.note(0, 1, true, size);
  expect(RecentTraffic.figures([traffic], 20).meanBatchSize).toBeCloseTo(2);
  for (const odd of [0, 1e12]) traffic.note(odd, odd, true, 1);
  expect(RecentTraffic.figures([traffic], 1e12).p99Ms).toBeGreaterThan(60_000);
  // A request that ended a moment before the newest slot began.
  traffic.note(1e12 - 5_000, 1, true, 7);
  expect(RecentTraffic.figures([traffic], 1e12).requestsPerSecond).toBeGreaterThan(0);
});

it("adds up several", () => {
  const [one, other] = [new RecentTraffic(), new RecentTraffic()];
  for (let each = 0; each < 30; each++) one.note(100, 1, true, 1);
  for (let each = 0; each < 10; each++) other.note(100, 100, true, 2);
  const { requestsPerSecond, meanBatchSize, p50Ms = 0, p99Ms = 0 } = RecentTraffic.figures([one, other], 100);
  expect([requestsPerSecond, meanBatchSize]).toEqual([40, 40 / 35]);
  expect([Math.round(p50Ms), p99Ms > 90]).toEqual([1, true]);
  expect(RecentTraffic.figures([], 100)).toMatchObject({ requestsPerSecond: 0, p50Ms: undefined });
});
