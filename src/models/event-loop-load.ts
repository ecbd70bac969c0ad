import { performance } from "node:perf_hooks";

/** A function that tells, from 0 to 1, in which part of the time since its last call the event loop was busy. */
export function createEventLoopLoad(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
