import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { Latency, LoadOrder, LoadReport } from "../src/load/index.ts";

const GENERATOR = fileURLToPath(new URL("./load.ts", import.meta.url));

/** Beyond the time that requests are sent in. */
const LONGEST_REST_MS = 60_000;

/** Load from a process of its own, so that it shares no event loop with anything that is measured. */
export async function drive(order: LoadOrder): Promise<LoadReport> {
  const { load, warmUpSeconds = 0 } = order;
  const sending = load.kind === "replay" ? (load.times.at(-1) ?? 0) : load.seconds * 1000;
  const timeout = sending + warmUpSeconds * 1000 + LONGEST_REST_MS;
  const child = spawn(process.execPath, ["--import", "tsx", GENERATOR], {
    stdio: ["pipe", "pipe", "inherit"],
    timeout,
    killSignal: "SIGKILL",
    // In a session of its own, which the system may schedule before others.
    detached: true,
  });
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
