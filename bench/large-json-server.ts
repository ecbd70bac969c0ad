import { monitorEventLoopDelay } from "node:perf_hooks";
import { readSettings, serve } from "../src/index.ts";

/** A server that tells for how long its event loop was held: the milliseconds since it was last asked. */
export interface Held {
  readonly p99: number;
  readonly max: number;
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
const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
delay.enable();
process.on("message", () => {
  // What it measures is the time between two timers.
  const milliseconds = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION);
  const held: Held = { p99: milliseconds(delay.percentile(99)), max: milliseconds(delay.max) };
  delay.reset();
  process.send?.(held);
});
process.on("disconnect", () => void server.close().then(() => process.exit(0)));
process.send?.(server.url);
