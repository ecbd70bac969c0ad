import type { ScalingSpec } from "../../core/scaling.ts";

/** What is known of a model when it is decided how many replicas it gets. */
export interface Observation {
  /** Clock milliseconds. */
  readonly now: number;
  /** The metric of all replicas together, averaged over the window. */
  readonly load: number;
  /** The same over the short window. */
  readonly recentLoad: number;
  /** Replicas that answer. */
  readonly ready: number;
  /** Replicas that there should be by the decision before. */
  readonly wanted: number;
}

/** What one decision leaves for the next one. */
export interface Memory {
  /** Clock milliseconds at which load was last far above what the replicas are for; undefined out of panic. */
  readonly panicAt: number | undefined;
  /** What was enough at which time, within the delay before any go; the oldest first. */
  readonly enough: ReadonlyArray<{ readonly at: number; readonly replicas: number }>;
}

export interface Decision {
  readonly wanted: number;
  readonly mode: "stable" | "panic";
  readonly memory: Memory;
}

export const NO_MEMORY: Memory = { panicAt: undefined, enough: [] };

/** Knative's defaults (config-autoscaler: max-scale-up-rate, max-scale-down-rate): times as many replicas, or as few, in one step. */
const MOST_UP = 1000;
const MOST_DOWN = 2;
/** Knative's least target. */
const LEAST_TARGET = 0.01;

/**
 * How many replicas a model gets, as Knative's pod autoscaler decides it: so many that each has its target, by the average of the long
 * window; by that of the short one from the moment on at which it asks for twice the present ones (`panicThreshold`) until that has not
 * happened for a whole long window, and meanwhile none go. Pure. Always at least one and within `least` and `most`.
 */
export function decide(spec: ScalingSpec, observation: Observation, { panicAt, enough }: Memory): Decision {
  const { now, load, recentLoad, wanted: before } = observation;
  const ready = Math.max(1, observation.ready);
  const target = Math.max(LEAST_TARGET, spec.target * spec.utilization);
  const recent = Math.ceil(recentLoad / target);
  const within = (replicas: number): number => Math.min(Math.max(replicas, Math.floor(ready / MOST_DOWN)), Math.ceil(ready * MOST_UP));
  const isPanic = recent / ready >= spec.panicThreshold;
  const lastPanic = isPanic ? now : panicAt !== undefined && now - panicAt <= spec.windowMs ? panicAt : undefined;
  const needed = within(Math.ceil(load / target));
  const wished = lastPanic === undefined ? needed : Math.max(needed, within(recent), before);
  const bounded = Math.min(Math.max(wished, spec.least, 1), Math.max(spec.most, spec.least, 1));
  const since = [...enough.filter(({ at }) => now - at < spec.scaleDownDelayMs), { at: now, replicas: bounded }];
  return {
    wanted: since.reduce((most, { replicas }) => Math.max(most, replicas), 0),
    mode: lastPanic === undefined ? "stable" : "panic",
    memory: { panicAt: lastPanic, enough: spec.scaleDownDelayMs > 0 ? since : [] },
  };
}
