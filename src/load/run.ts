import { type Clock, systemClock } from "../core/clock.ts";
import { closedLoop } from "./closed-loop.ts";
import { openConnection } from "./connection.ts";
import { openLoop } from "./open-loop.ts";
import { createRandom } from "./random.ts";
import { type LoadReport, Recorder } from "./report.ts";
import { type LoadRequest, requestBytes } from "./request-bytes.ts";
import { constantSchedule, poissonSchedule, type Schedule } from "./schedule.ts";

export interface ClosedLoad {
  readonly kind: "closed";
  readonly connections: number;
  readonly seconds: number;
}

export interface OpenLoad {
  readonly kind: "open";
  /** Arrivals a second. */
  readonly rate: number;
  readonly arrivals: Arrivals;
  readonly seconds: number;
  /** Of the arrivals and of whoever hangs up; equal seeds give equal loads. */
  readonly seed: number;
  /** Each client hangs up within so many milliseconds unless it has its answer. */
  readonly hangUpWithinMs?: number;
}

export interface ReplayLoad {
  readonly kind: "replay";
  /** Milliseconds after the start, ascending, one for each request. */
  readonly times: readonly number[];
}

export const ARRIVALS = ["poisson", "constant"] as const;
export type Arrivals = (typeof ARRIVALS)[number];

/** Everything about one run, as JSON can hold it, so that it may be done in a process of its own. */
export interface LoadOrder {
  /** Such as http://127.0.0.1:8080. */
  readonly origin: string;
  /** Sent in turns. */
  readonly requests: readonly LoadRequest[];
  readonly load: ClosedLoad | OpenLoad | ReplayLoad;
  /** Milliseconds in which an answer is worth something. */
  readonly deadlineMs?: number;
  /** Seconds for which one connection asks before anything counts. */
  readonly warmUpSeconds?: number;
  /** See {@link RecorderOptions}; 10 when absent. */
  readonly lateBoundMs?: number;
}

const LATE_BOUND_MS = 10;
const FIRST_CONNECTIONS = 32;
/** In which these are made, before the first arrival. */
const CONNECT_MS = 100;
/** Below the 4096 that a server takes. */
const MAX_CONNECTIONS = 4000;
/** What is answered later still counts as no answer. */
const DRAIN_MS = 10_000;

/**
 * Puts load on a server and reports what came of it.
 * @throws RangeError for a request that cannot be sent
 */
export async function runLoad(order: LoadOrder, clock: Clock = systemClock): Promise<LoadReport> {
  const origin = new URL(order.origin);
  const requests = order.requests.map((request) => requestBytes(origin, request));
  const open = (): ReturnType<typeof openConnection> => openConnection(origin);
  const options = { deadlineMs: order.deadlineMs, lateBoundMs: order.lateBoundMs ?? LATE_BOUND_MS };
  const { load, warmUpSeconds = 0 } = order;
  if (warmUpSeconds > 0) {
    await closedLoop({ clock, recorder: new Recorder(options), open, requests, connections: 1, seconds: warmUpSeconds });
  }
  const idle = load.kind === "closed" ? [] : Array.from({ length: FIRST_CONNECTIONS }, open);
  if (idle.length > 0) await new Promise<void>((resolve) => clock.after(CONNECT_MS, resolve));
  const recorder = new Recorder(options);
  const usedBefore = process.cpuUsage();
  const start = clock.now();
  if (load.kind === "closed") await closedLoop({ clock, recorder, open, requests, ...load });
  else {
    const hangUp =
      load.kind === "open" && load.hangUpWithinMs !== undefined
        ? { withinMs: load.hangUpWithinMs, random: createRandom(load.seed + 1) }
        : undefined;
    await openLoop({
      clock,
      recorder,
      open,
      requests,
      hangUp,
      schedule: scheduleOf(load),
      idle,
      maxConnections: MAX_CONNECTIONS,
      drainMs: DRAIN_MS,
    });
  }
  const seconds = (clock.now() - start) / 1000;
  const used = process.cpuUsage(usedBefore);
  return recorder.report({ seconds, arrivalSeconds: arrivalSeconds(load, seconds), cpuMs: (used.user + used.system) / 1000 });
}

function scheduleOf(load: OpenLoad | ReplayLoad): Schedule {
  if (load.kind === "replay") return Float64Array.from(load.times);
  const { arrivals, rate, seconds, seed } = load;
  return arrivals === "constant" ? constantSchedule(rate, seconds) : poissonSchedule(rate, seconds, createRandom(seed));
}

function arrivalSeconds(load: LoadOrder["load"], elapsed: number): number {
  if (load.kind === "closed") return elapsed;
  return load.kind === "open" ? load.seconds : Math.max((load.times.at(-1) ?? 0) / 1000, 0.001);
}
