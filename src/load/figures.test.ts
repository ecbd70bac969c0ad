import { expect, it } from "vitest";
import { median, percentile } from "./figures.ts";

it("takes medians and percentiles", () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
  const sorted = Float64Array.from({ length: 100 }, (_, index) => index + 1);
  expect([0, 0.5, 0.99, 1].map((fraction) => percentile(sorted, fraction))).toEqual([1, 50, 99, 100]);
});
