import { type Code, ServeError } from "../core/errors.ts";
import type { ModelFailure, ModelSpec } from "../core/model.ts";
import type { FailureReason } from "../core/resource.ts";
import type { ModelVersion } from "../models/index.ts";

/** One generation of a service: what is to be served, and how its artefact is come by. */
export interface Revision {
  readonly generation: number;
  /** 0: its models load at their first request. */
  readonly minReplicas: number;
  /** Only files have changed: it serves when all of its models answer, and not when the latest of them does. */
  readonly reload?: boolean;
  /** Fetches the artefact and looks into it; at least one. @throws ServeError, or PlanError with KServe's reason */
  plan(report: (step: string) => void, signal: AbortSignal): Promise<readonly ModelSpec[]>;
}

/** A revision that cannot be served as it is written. */
export class PlanError extends ServeError {
  readonly reason: FailureReason;

  constructor(reason: FailureReason, message: string) {
    super("FAILED_PRECONDITION", message);
    this.reason = reason;
  }
}

export interface RolloutFailure {
  readonly reason: FailureReason;
  readonly code: Code;
  readonly message: string;
  /** RFC 3339. */
  readonly time: string;
  readonly attempts: number;
  /** Milliseconds after `time`; undefined when it is not tried again. */
  readonly retryDelay: number | undefined;
}

/** A revision on its way, or at its goal. */
export interface Attempt<Wanted extends Revision = Revision> {
  readonly revision: Wanted;
  readonly phase: "planning" | "loading" | "ready" | "failed";
  /** What is going on. */
  readonly step: string;
  readonly models: readonly ModelVersion[];
  readonly failure: RolloutFailure | undefined;
}

/** What a rollout keeps of one revision. */
export interface Course<Wanted extends Revision> {
  readonly revision: Wanted;
  readonly controller: AbortController;
  phase: Attempt["phase"];
  step: string;
  models: readonly ModelVersion[];
  failure: RolloutFailure | undefined;
  /** Failed attempts in a row: of the plan under "", of each model under its version. */
  readonly attempts: Map<string, number>;
  /** The failure of each model that has been counted and answered, by its version. */
  readonly counted: Map<string, { readonly of: ModelFailure; readonly as: RolloutFailure }>;
  readonly timers: Map<string, () => void>;
}

/** A course that has done nothing yet. */
export function begin<Wanted extends Revision>(revision: Wanted): Course<Wanted> {
  return {
    revision,
    controller: new AbortController(),
    phase: "planning",
    step: "waiting for its turn",
    models: [],
    failure: undefined,
    attempts: new Map(),
    counted: new Map(),
    timers: new Map(),
  };
}
