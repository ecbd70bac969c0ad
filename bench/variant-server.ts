import type { BatchPolicy } from "../src/scheduler/index.ts";
import { readSettings } from "../src/settings.ts";
import { fixedWindow } from "./fixed-window.ts";

/** What one variant of a measurement is served with; the first argument, as JSON. */
export interface VariantOrder {
  readonly paths: readonly string[];
  readonly flags: Readonly<Record<string, string>>;
  /** Batches by this window instead of by our policy. */
  readonly windowMs?: number;
}

/** What is in its process, after a collection of garbage. */
export interface VariantReport {
  /** Bytes. */
  readonly heap: number;
  /** Sockets, pipes, timers and requests that libuv has. */
  readonly resources: number;
  /** On events of the process. */
  readonly listeners: number;
}

/**
 * The built server with a batch policy that no setting offers. Says where it listens, when its models are loaded, and when its policy is
 * asked for the first time. Ends with its parent.
 */
const { paths, flags, windowMs } = JSON.parse(process.argv[2] ?? "{}") as VariantOrder;
// The build, so that the request path is what users get.
const { serve } = (await import(new URL("../dist/serve.js", import.meta.url).href)) as typeof import("../src/serve.ts");
const server = await serve({
  paths,
  settings: await readSettings({ flags, environment: {} }),
  ...(windowMs === undefined ? {} : { batchPolicy: reporting(fixedWindow(windowMs)) }),
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
say(`listening on ${server.url}`);
await server.loaded;
say("loaded");
process.stdin.on("end", () => void server.close().then(() => process.exit(0)));
// Whatever comes asks for a report.
process.stdin.on("data", () => say(JSON.stringify(report())));

function report(): VariantReport {
  // Twice: what finalizers let go is there for the second.
  for (let time = 0; time < 2; time++) globalThis.gc?.();
  const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
  return { heap: process.memoryUsage().heapUsed, resources: process.getActiveResourcesInfo().length, listeners };
}

function reporting(policy: BatchPolicy): BatchPolicy {
  let asked = false;
  return (waiting, limits, moment) => {
    if (!asked) say("the policy is asked");
    asked = true;
    return policy(waiting, limits, moment);
  };
}
