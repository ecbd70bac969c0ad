/** That one model version may have, whoever asks for more: each is a process. */
export const MOST_REPLICAS = 64;

/** How many replicas a model version may have, and what decides how many it has. */
export interface ScalingSpec {
  /** Replicas that there always are while the model is loaded, if more than one; 0 for a model that is loaded on demand. */
  readonly least: number;
  /** Replicas that the autoscaler may start. */
  readonly most: number;
  /** What is measured: requests in flight and waiting, averaged over time, or requests per second. */
  readonly metric: "concurrency" | "rps";
  /** Of the metric for each replica. */
  readonly target: number;
  /** The part of the target that is aimed at, above 0 and at most 1. */
  readonly utilization: number;
  /** Milliseconds over which the metric is averaged. */
  readonly windowMs: number;
  /** The same while load rises quickly. */
  readonly panicWindowMs: number;
  /** Load that the short window sees for each present replica, in targets, from which on it counts. */
  readonly panicThreshold: number;
  /** Milliseconds for which fewer replicas must have been enough before any go. */
  readonly scaleDownDelayMs: number;
  /** What an operator may expect of what was written and does not get. */
  readonly notes?: readonly string[];
}

/** The replicas of one model version. */
export interface ReplicaCounts {
  /** Those that answer. */
  readonly ready: number;
  /** Those that load, or whose hosts are started again. */
  readonly starting: number;
  /** Those that finish what they have and get nothing new. */
  readonly leaving: number;
  /** Those that there should be now; 0 of a model that stands by. */
  readonly wanted: number;
  /** What the autoscaler keeps to; at least one is there while the model is loaded. */
  readonly least: number;
  readonly most: number;
  /** False when somebody has said how many there are to be. */
  readonly auto: boolean;
  /** Why there are fewer than wanted, when that was tried. */
  readonly obstacle: string | undefined;
}
