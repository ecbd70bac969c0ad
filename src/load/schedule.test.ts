import fc from "fast-check";
import { expect, it } from "vitest";
import { createRandom } from "./random.ts";
import { constantSchedule, poissonSchedule } from "./schedule.ts";

it("spaces constant arrivals evenly", () => {
  expect([...constantSchedule(4, 1)]).toEqual([0, 250, 500, 750]);
  expect(constantSchedule(0.5, 1)).toHaveLength(0);
});

it("makes Poisson arrivals: ascending, within the time, and as many as the rate says", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 50, max: 500 }), (seed, rate) => {
      const times = poissonSchedule(rate, 10, createRandom(seed));
      expect(times.every((time, index) => time >= (times[index - 1] ?? 0) && time < 10_000)).toBe(true);
      // Six standard deviations.
      expect(Math.abs(times.length - 10 * rate)).toBeLessThan(6 * Math.sqrt(10 * rate));
    }),
  );
});

it("makes gaps that vary as much as they are long, which is what makes arrivals random", () => {
  const times = poissonSchedule(100, 100, createRandom(7));
  const gaps = [...times].map((time, index) => time - (times[index - 1] ?? 0));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
  expect(Math.sqrt(variance) / mean).toBeCloseTo(1, 1);
});

it("makes the same arrivals for the same seed", () => {
  expect(poissonSchedule(50, 2, createRandom(3))).toEqual(poissonSchedule(50, 2, createRandom(3)));
  expect(poissonSchedule(50, 2, createRandom(3))).not.toEqual(poissonSchedule(50, 2, createRandom(4)));
});
