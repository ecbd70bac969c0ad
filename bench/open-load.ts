import { type LoadReport, median } from "../src/load/index.ts";
import { type Asked, drive, driveClosed } from "./drive.ts";

export interface OpenRun {
  /** Requests a second, arriving at random. */
  readonly rate: number;
  readonly seconds: number;
  /** Of the arrivals: variants that are compared get the same ones. */
  readonly seed: number;
  /** Milliseconds in which an answer is worth something; what the server is told is in the headers. */
  readonly deadlineMs?: number;
  /** Milliseconds that the client may be late before the run is void. */
  readonly lateBoundMs: number;
  /** Each client hangs up within so many milliseconds unless it has its answer. */
  readonly hangUpWithinMs?: number;
}

/** An open loop from a process of its own. */
export function driveOpen(
  origin: string,
  { path, body, headers = {} }: Asked,
  { rate, seconds, seed, deadlineMs, lateBoundMs, hangUpWithinMs }: OpenRun,
): Promise<LoadReport> {
  const request = { method: "POST", path, headers: { "Content-Type": "application/json", ...headers }, body };
  return drive({
    origin,
    requests: [request],
    load: { kind: "open", arrivals: "poisson", rate, seconds, seed, ...(hangUpWithinMs === undefined ? {} : { hangUpWithinMs }) },
    warmUpSeconds: 0.5,
    lateBoundMs,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  });
}

/** Requests a second that a server answers when there is always one waiting. */
export async function capacityOf(origin: string, asked: Asked, seconds: number, connections = 4): Promise<number> {
  return (await driveClosed(origin, asked, { connections, seconds })).answersPerSecond;
}

const ATTEMPTS = 3;

/** The reports of the first attempt in which no generator was late; undefined when there was none. */
export async function untilValid(attempt: () => Promise<readonly LoadReport[]>): Promise<readonly LoadReport[] | undefined> {
  for (let count = 0; count < ATTEMPTS; count++) {
    const reports = await attempt();
    const reason = reports.find(({ generator }) => generator.void !== undefined)?.generator.void;
    if (reason === undefined) return reports;
    process.stderr.write(`a run is void: ${reason}\n`);
  }
  return undefined;
}

/** A median to print; a dash when there is nothing to take it of. */
export function medianText(values: readonly (number | undefined)[], digits: number): string {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? "-" : median(known).toFixed(digits);
}
