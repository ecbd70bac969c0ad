import type { RateLimit } from "./rate-limit.ts";

/** What the owner of a model said about how its requests are scheduled; what is absent is the server's to choose. */
export interface SchedulingSpec extends QueueRules {
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
  /** At 2 the model's waiting for resources counts half, at 3 a third; its requests' priority when absent. */
  readonly resourcePriority?: number;
  /** Of a model that keeps state between requests: how sequences share its calls. */
  readonly sequences?: SequenceScheduling;
  /** Answers leave in the order in which their requests came. */
  readonly preserveOrder?: boolean;
  /** For the requests of one priority, instead of the rules about waiting above. */
  readonly byPriority?: Readonly<Partial<Record<Priority, QueueRules>>>;
  /** For each API key or tenant by itself. */
  readonly rateLimit?: RateLimit;
}

/** What the owner of a model said about requests that wait for a replica, after Triton's queue policy. */
export interface QueueRules {
  /** Milliseconds that a request may wait. What a client says in `parameters.timeout` is about this, then, and may only be less. */
  readonly maxWaitMs?: number;
  /** What clients say of it does not count. */
  readonly fixedTimeout?: boolean;
  /** A request that has waited for so long goes behind all others of its priority instead of failing. */
  readonly lateRequestsWait?: boolean;
  /** Requests that may wait; the server's own limit holds as well. */
  readonly maxQueueRequests?: number;
}

/** Whether somebody has said how long requests may wait. */
export function hasQueueRules({ maxWaitMs, byPriority = {} }: SchedulingSpec = {}): boolean {
  return maxWaitMs !== undefined || Object.values(byPriority).some((rules) => rules.maxWaitMs !== undefined);
}

/** How requests of different sequences share the calls of a replica, after Triton's sequence batcher. */
export interface SequenceScheduling {
  /** "direct": each sequence has a slot, which is its place in every call; "oldest": calls are made of the requests that wait for longest. */
  readonly strategy: "direct" | "oldest";
  /** Sequences that one replica has at once; others wait. */
  readonly perReplica: number;
  /** Milliseconds after its last request at which a sequence ends by itself. */
  readonly idleMs: number;
  /** Milliseconds that a call may wait for company. */
  readonly maxDelayMs: number;
  /**
   * Each request is a sequence by itself, which the model ends. It is given to its replica alone and at once; with others that are there the
   * replica executes it step by step.
   */
  readonly iterative?: boolean;
  /** Bits of the largest id that such a model can take, 31 or more; 64 when absent. */
  readonly idBits?: number;
  /** Of "direct": the share of the slots for which it waits. */
  readonly minimumSlotUtilization?: number;
  /** Of "oldest": sizes of a call at which it is sent at once. */
  readonly preferredSizes?: readonly number[];
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
