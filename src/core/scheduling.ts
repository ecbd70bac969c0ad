import type { RateLimit } from "./rate-limit.ts";

/** What the owner of a model said about how its requests are scheduled; what is absent is the server's to choose. */
export interface SchedulingSpec {
  /** Rows that one batch may have; 1 for no batching. */
  readonly maxBatchRows?: number;
  /** Milliseconds by which sharing a batch may make a request slower than it would be alone. */
  readonly maxBatchLatencyMs?: number;
  /** Ascending. A batch is cut to the largest of these that it reaches, and sent at once. */
  readonly preferredBatchRows?: readonly number[];
  /** Milliseconds a request may take; a client may ask for less. */
  readonly timeoutMs?: number;
  /** For requests that name none. */
  readonly priority?: Priority;
  /** A request may be carried out twice: it may be given to a second replica when the first is slow. */
  readonly idempotent?: boolean;
  /** False: a request is not given to another replica when its host has died. */
  readonly retry?: boolean;
  /** Percentile of the model's own latency after which a second replica is asked too, such as 0.95; only for idempotent models. */
  readonly hedgePercentile?: number;
  /** Requests that one replica may have at once; without it as many as make a batch. */
  readonly requestsPerReplica?: number;
  /** How much of each named resource one call holds; see {@link ExecutionLimits}. */
  readonly resources?: Readonly<Record<string, number>>;
  /** For each API key or tenant by itself. */
  readonly rateLimit?: RateLimit;
}

/** 1 is served first. Requests of one level share by fairness; a lower level waits for all above it. */
export type Priority = 1 | 2 | 3 | 4 | 5;
export const DEFAULT_PRIORITY: Priority = 3;

/** How much of each named resource the machine has, as in Triton's rate limiter. */
export type ExecutionLimits = Readonly<Record<string, number>>;

/** The priority that a number or text stands for; undefined when it is none. */
export function priorityOf(value: unknown): Priority | undefined {
  const level = typeof value === "string" && /^[1-5]$/.test(value) ? Number(value) : value;
  return level === 1 || level === 2 || level === 3 || level === 4 || level === 5 ? level : undefined;
}
