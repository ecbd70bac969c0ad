import { expect, it } from "vitest";
import { cpuMilliseconds, memoryBytes, processTree, ticksOf } from "./processes.ts";

it("reads the kernel's figures", () => {
  expect(ticksOf("42 (a ) b) S 1 42 42 0 -1 4194560 1 0 0 0 17 5 0 0 20 0 1 0 9 1 1")).toBe(22);
  const pids = processTree(process.pid);
  expect(pids[0]).toBe(process.pid);
  expect(cpuMilliseconds(pids)).toBeGreaterThan(0);
  expect(memoryBytes(pids)).toBeGreaterThan(1e6);
});
