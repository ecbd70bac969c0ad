import type { Outcome } from "./connection.ts";
import { percentile } from "./figures.ts";

/** Milliseconds. */
export interface Latency {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface LoadReport {
  /** Requests that have ended, one way or another. */
  readonly requests: number;
  /** From the start to the last request's end. */
  readonly seconds: number;
  /** Requests by HTTP status, or by what they ended with instead of one. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Answers of a status from 200 to 299. */
  readonly answers: number;
  readonly answersPerSecond: number;
  /** Of these answers, from the intended arrival in an open loop and from the sending in a closed one; absent when there are none. */
  readonly latency?: Latency;
  /** The same of other statuses. */
  readonly refusalLatency?: Latency;
  /** Answers within the deadline, when there is one; a second of arrivals. */
  readonly goodput?: { readonly deadlineMs: number; readonly answers: number; readonly perSecond: number };
  readonly generator: Generator;
}

/** What the load itself did. */
export interface Generator {
  /** User and system milliseconds of its process for one request. */
  readonly cpuMsPerRequest: number;
  /** How much later than intended requests were sent; open loops only. */
  readonly late?: { readonly p99: number; readonly max: number; readonly bound: number };
  /** Why the figures say nothing about the server. */
  readonly void?: string;
}

export interface RecorderOptions {
  /** For the goodput. */
  readonly deadlineMs?: number | undefined;
  /** Milliseconds that a request may be sent late; a run in which more than one in a hundred were later is void. */
  readonly lateBoundMs: number;
}

/** Takes every request's end, and makes a report of them. */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #outcomes = new Map<Outcome, number>();
  readonly #answers: number[] = [];
  readonly #refusals: number[] = [];
  readonly #late: number[] = [];

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  ended(outcome: Outcome, latencyMs: number): void {
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
    if (typeof outcome !== "number") return;
    if (outcome >= 200 && outcome < 300) this.#answers.push(latencyMs);
    else this.#refusals.push(latencyMs);
  }

  /** A request of an open loop goes out, so much after it should have. */
  sent(lateMs: number): void {
    this.#late.push(lateMs);
  }

  /** `arrivalSeconds` is how long requests arrived, by which the goodput is counted: what is late anyhow does not make it smaller. */
  report({ seconds, arrivalSeconds, cpuMs }: { seconds: number; arrivalSeconds: number; cpuMs: number }): LoadReport {
    const { deadlineMs, lateBoundMs } = this.#options;
    const requests = [...this.#outcomes.values()].reduce((sum, count) => sum + count, 0);
    const latency = summary(this.#answers);
    const refusalLatency = summary(this.#refusals);
    const inTime = deadlineMs === undefined ? 0 : this.#answers.reduce((count, each) => count + (each <= deadlineMs ? 1 : 0), 0);
    return {
      requests,
      seconds,
      outcomes: Object.fromEntries([...this.#outcomes].map(([outcome, count]) => [String(outcome), count])),
      answers: this.#answers.length,
      answersPerSecond: this.#answers.length / seconds,
      ...(latency === undefined ? {} : { latency }),
      ...(refusalLatency === undefined ? {} : { refusalLatency }),
      ...(deadlineMs === undefined ? {} : { goodput: { deadlineMs, answers: inTime, perSecond: inTime / arrivalSeconds } }),
      generator: { cpuMsPerRequest: requests === 0 ? 0 : cpuMs / requests, ...lateness(this.#late, lateBoundMs) },
    };
  }
}

function lateness(late: readonly number[], bound: number): Pick<Generator, "late" | "void"> {
  if (late.length === 0) return {};
  const sorted = Float64Array.from(late).sort();
  const [p99, max] = [percentile(sorted, 0.99), percentile(sorted, 1)];
  const figures = { late: { p99, max, bound } };
  if (p99 <= bound) return figures;
  const reason = `more than 1 % of the requests went out more than ${bound} ms after they should have (99th percentile: ${p99.toFixed(1)} ms late)`;
  return { ...figures, void: reason };
}

function summary(latencies: readonly number[]): Latency | undefined {
  if (latencies.length === 0) return undefined;
  const sorted = Float64Array.from(latencies).sort();
  const at = (fraction: number): number => percentile(sorted, fraction);
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: at(1) };
}
