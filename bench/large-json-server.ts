import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { readSettings, serve } from "../src/index.ts";

/** For how long the event loop was held, in milliseconds since the last time that the server was asked. */
export interface Held {
  /** By the clock: whatever else the machine did at the same time is in it. */
  readonly p99: number;
  readonly max: number;
  /** Processor time of the longest turn, up to a tick of the kernel (1 to 4 ms). Linux. */
  readonly cpu: number;
  /** Turns that used more than 5 ms of processor time. */
  readonly long: number;
}

const { path, state, cache, jsonInEventLoop } = JSON.parse(process.argv[2] ?? "{}") as {
  readonly path: string;
  readonly state: string;
  readonly cache: string;
  readonly jsonInEventLoop: boolean;
};
const settings = await readSettings({
  flags: { "http-port": 0, "state-dir": state, "cache-dir": cache, "request-timeout": 300_000 },
  environment: {},
});
const server = await serve({ paths: [path], settings, jsonInEventLoop });
await server.loaded;
const RESOLUTION = 1;
const LIMIT = 5;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
delay.enable();
// A tick comes between any two turns, so from one to the next the thread has used at most a millisecond more than one turn did.
let used = threadMilliseconds();
let longest = 0;
let long = 0;
setInterval(() => {
  const now = threadMilliseconds();
  longest = Math.max(longest, now - used);
  if (now - used > LIMIT) long++;
  used = now;
}, RESOLUTION).unref();
process.on("message", () => {
  // What it measures is the time between two timers.
  const milliseconds = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION);
  const held: Held = { p99: milliseconds(delay.percentile(99)), max: milliseconds(delay.max), cpu: longest, long };
  delay.reset();
  longest = 0;
  long = 0;
  process.send?.(held);
});
process.on("disconnect", () => void server.close().then(() => process.exit(0)));
process.send?.(server.url);

/** Milliseconds for which the main thread has been on a processor. */
function threadMilliseconds(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ", 1)[0]) / 1e6;
}
