import { expect, it } from "vitest";
import { median, percentile } from "./figures.ts";
import { cpuMilliseconds, memoryBytes, processTree, ticksOf } from "./processes.ts";

it("takes medians and percentiles", () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
  const sorted = Float64Array.from({ length: 100 }, (_, index) => index + 1);
  expect([0, 0.5, 0.99, 1].map((fraction) => percentile(sorted, fraction))).toEqual([1, 50, 99, 100]);
});

it("reads the kernel's figures", () => {
  expect(ticksOf("42 (a ) b) S 1 42 42 0 -1 4194560 1 0 0 0 17 5 0 0 20 0 1 0 9 1 1")).toBe(22);
  const pids = processTree(process.pid);
  expect(pids[0]).toBe(process.pid);
  expect(cpuMilliseconds(pids)).toBeGreaterThan(0);
  expect(memoryBytes(pids)).toBeGreaterThan(1e6);
});
