import fc from "fast-check";
import { expect, it } from "vitest";
import { RecentTraffic } from "./recent-traffic.ts";

it("tells quantiles of what was answered to within a sixteenth", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.02, max: 60_000, noNaN: true }), { minLength: 1, maxLength: 300 }), (latencies) => {
      const traffic = new RecentTraffic();
      for (const latency of latencies) traffic.noteRequest(1, latency, true);
      const sorted = [...latencies].sort((left, right) => left - right);
      const { p50Ms = 0, p99Ms = 0 } = traffic.figures(1);
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
  for (let second = 0; second < 60; second++) for (let each = 0; each < 10; each++) traffic.noteRequest(second * 1000, 5, each > 0);
  const busy = traffic.figures(60_000);
  expect(busy.requestsPerSecond).toBeCloseTo(10, 5);
  expect(busy.failuresPerSecond).toBeCloseTo(1, 5);
  expect(traffic.figures(66_000).requestsPerSecond).toBeLessThan(10);
  expect(traffic.figures(66_000).requestsPerSecond).toBeGreaterThan(0);
  expect(traffic.figures(75_000)).toEqual({
    requestsPerSecond: 0,
    failuresPerSecond: 0,
    meanBatchSize: undefined,
    p50Ms: undefined,
    p99Ms: undefined,
  });
  traffic.noteRequest(200_000, 1, true);
  expect(traffic.figures(200_001).requestsPerSecond).toBeGreaterThan(0);
});

it("counts the rate of a model that is asked for the first time from then on, over a second at least", () => {
  const traffic = new RecentTraffic();
  for (let each = 0; each < 100; each++) traffic.noteRequest(500_100, 1, true);
  expect(traffic.figures(500_101).requestsPerSecond).toBe(100);
  expect(traffic.figures(504_100).requestsPerSecond).toBe(25);
});

it("has the mean size of recent calls, and takes latencies and moments of any size", () => {
  const traffic = new RecentTraffic();
  traffic.noteCall(0, 1);
  traffic.noteCall(10, 3);
  expect(traffic.figures(20).meanBatchSize).toBe(2);
  for (const odd of [-1, 0, 1e12]) traffic.noteRequest(odd, odd, true);
  expect(traffic.figures(1e12).p99Ms).toBeGreaterThan(60_000);
  // A call that ended a moment before the newest slot began.
  traffic.noteCall(1e12 - 5_000, 7);
  expect(traffic.figures(1e12).meanBatchSize).toBe(7);
});
