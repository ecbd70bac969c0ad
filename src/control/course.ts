import { type Code, ServeError } from "../core/errors.ts";
import type { ModelFailure, ModelSpec } from "../core/model.ts";
import type { FailureReason } from "../core/resource.ts";
import type { ModelVersion } from "../models/index.ts";

/** One generation of a service: what is to be served, and how its artefact is come by. */
export interface Revision {
  /** Unique among those of the service that are there at the same time. */
  readonly name: string;
  /** Of the spec that it was first made of. */
  readonly generation: number;
  /** Revisions with equal keys want the same models: the one is the other. */
  readonly key: string;
  /** Names that the user has given it. */
  readonly tags: readonly string[];
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
  /** It has been able to serve beside the one that is rolled out, and gets its share. */
  readonly admitted: boolean;
}

/** How requests are split, and among what. */
export interface Split<Wanted extends Revision = Revision> {
  /** Percent that the newest revision gets beside the one that is rolled out, of what the canaries leave; with 100 it takes its place. */
  readonly percent: number;
  /** Serves again when the newest one is rolled out already and is to get less than 100. */
  readonly previous?: Wanted | undefined;
  readonly canaries: readonly { readonly name: string; readonly percent: number; readonly revision: Wanted }[];
  /** The header that decides which revision answers, besides the usual one. */
  readonly affinityHeader?: string | undefined;
  /** Percent of each version of a revision, by version; the highest one gets everything when it is absent. */
  readonly versions?: ReadonlyMap<string, number> | undefined;
}

/** Everything for the newest revision. */
export const WHOLE: Split<never> = { percent: 100, canaries: [] };

/** What a rollout keeps of one revision. */
export interface Course<Wanted extends Revision> {
  revision: Wanted;
  readonly controller: AbortController;
  phase: Attempt["phase"];
  step: string;
  models: readonly ModelVersion[];
  failure: RolloutFailure | undefined;
  admitted: boolean;
  /** Failed attempts in a row: of the plan under "", of each model under its {@link modelKey}. */
  readonly attempts: Map<string, number>;
  /** The failure of each model that has been counted and answered, by its {@link modelKey}. */
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
    admitted: false,
    attempts: new Map(),
    counted: new Map(),
    timers: new Map(),
  };
}

/** One of the models of a service, whose replacements have the same key. */
export function modelKey({ spec: { name, version } }: Pick<ModelVersion, "spec">): string {
  return `${name}/${version}`;
}
