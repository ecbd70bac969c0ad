import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Clock } from "../core/clock.ts";
import type { ServerLoad } from "../core/top.ts";

const EVERY_MS = 2_000;
const RESOLUTION_MS = 10;

export interface ServerLoadWatch {
  /** As measured last. */
  load(): ServerLoad;
  close(): void;
}

/** Measures this process every two seconds: several may look, and none changes what the others see. */
export function watchServerLoad(clock: Clock): ServerLoadWatch {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  let used = process.cpuUsage();
  let measuredAt = clock.now();
  let cores = 0;
  let eventLoopLagMs = 0;
  const measure = (): void => {
    const now = clock.now();
    const { user, system } = process.cpuUsage(used);
    cores = (user + system) / 1000 / Math.max(1, now - measuredAt);
    // An idle loop shows the period of the timer that measures.
    eventLoopLagMs = Math.max(0, delays.percentile(99) / 1e6 - RESOLUTION_MS);
    delays.reset();
    used = process.cpuUsage();
    measuredAt = now;
    cancel = clock.after(EVERY_MS, measure);
  };
  let cancel = clock.after(EVERY_MS, measure);
  return {
    load: () => ({ cores, eventLoopLagMs, memoryBytes: process.memoryUsage.rss() }),
    close() {
      cancel();
      delays.disable();
    },
  };
}
