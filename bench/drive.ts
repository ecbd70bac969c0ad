import { spawn, spawnSync } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { Latency, LoadOrder, LoadReport } from "../src/load/index.ts";

const GENERATOR = fileURLToPath(new URL("./load.ts", import.meta.url));

/** Goes before every process that may run. Not every user may do that, and not every machine has the command. */
const REAL_TIME = ["chrt", "--fifo", "1"] as const;
let mayHurry: boolean | undefined;

/**
 * Load from a process of its own, so that it shares no event loop with anything that is measured. That of an open loop does not wait for
 * a processor either where that can be had: a client elsewhere would not, and when it is late the run is void.
 */
export async function drive(order: LoadOrder): Promise<LoadReport> {
  mayHurry ??= spawnSync(REAL_TIME[0], [...REAL_TIME.slice(1), "true"]).status === 0;
  const prefix = mayHurry && order.load.kind !== "closed" ? REAL_TIME : [];
  const [command, ...words] = [...prefix, process.execPath, "--import", "tsx", GENERATOR] as [string, ...string[]];
  const child = spawn(command, words, { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(JSON.stringify(order));
  const answer = await text(child.stdout);
  if (answer === "") throw new Error("the load generator ended without a report");
  return JSON.parse(answer) as LoadReport;
}

export interface Asked {
  readonly path: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** As {@link drive}, with one JSON request. @throws Error for answers other than 200 */
export async function driveClosed(
  origin: string,
  { path, body, headers = {} }: Asked,
  { connections, seconds }: { readonly connections: number; readonly seconds: number },
): Promise<LoadReport & { readonly latency: Latency }> {
  const request = { method: "POST", path, headers: { "Content-Type": "application/json", ...headers }, body };
  const report = await drive({ origin, requests: [request], load: { kind: "closed", connections, seconds } });
  if (report.answers < report.requests || report.latency === undefined) {
    throw new Error(`${origin}${path}: not all requests were answered with 200: ${JSON.stringify(report.outcomes)}`);
  }
  return { ...report, latency: report.latency };
}
