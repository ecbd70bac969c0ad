import type { JsonObject } from "../core/inference.ts";
import type { InferenceService } from "../core/resource.ts";
import type { RevisionRecord } from "../core/resource-store.ts";
import type { ServedRevision } from "../models/index.ts";
import { failureInfo, isServing, stateOf } from "./attempt-status.ts";
import type { Condition } from "./conditions.ts";
import type { Attempt } from "./course.ts";
import type { Rollout } from "./rollout.ts";
import type { ServiceRevision } from "./service-revision.ts";

/** What the part of a status is made of that is about revisions. */
export interface TrafficSituation {
  readonly service: InferenceService;
  readonly active: Attempt<ServiceRevision> | undefined;
  readonly target: Attempt<ServiceRevision> | undefined;
  readonly canaries: Rollout<ServiceRevision>["canaries"];
  /** What requests reach now. */
  readonly revisions: readonly ServedRevision[];
  /** What became of earlier revisions. */
  readonly history: readonly RevisionRecord[];
}

/** KServe's ComponentStatusSpec as far as it is about revisions, with Knative's names and targets of traffic. */
export function trafficStatus({ active, target, revisions, history }: TrafficSituation): JsonObject {
  const rolledOut = active !== undefined && active.models.length > 0 ? active.revision.name : undefined;
  const ready = target?.admitted === true && target !== active && isServing(target) ? target.revision.name : rolledOut;
  const previous = history
    .filter(({ outcome, generation }) => outcome === "rolled out" && generation !== active?.revision.generation)
    .sort((left, right) => (left.time < right.time ? -1 : 1))
    .at(-1);
  const names = {
    latestCreatedRevision: target?.revision.name,
    latestReadyRevision: ready,
    latestRolledoutRevision: rolledOut,
    previousRolledoutRevision: previous === undefined ? undefined : nameLike(active?.revision.name, previous.generation),
  };
  const traffic = revisions.map(({ name, tags, percent }): JsonObject => {
    const [tag] = tags;
    return { revisionName: name, latestRevision: name === names.latestReadyRevision, percent, ...(tag === undefined ? {} : { tag }) };
  });
  const given = Object.entries(names).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...Object.fromEntries(given), ...(traffic.length === 0 ? {} : { traffic }) };
}

/** KServe's CanaryStatus of each entry of `spec.canary`. */
export function canaryStatuses({ canaries }: TrafficSituation): JsonObject[] {
  return canaries.map(({ name, percent, attempt }): JsonObject => {
    const { failure, admitted } = attempt;
    const ready = admitted && isServing(attempt);
    const state = stateOf(attempt, admitted);
    return {
      name,
      ready,
      trafficPercent: percent,
      modelStatus: {
        transitionStatus: ready ? "UpToDate" : failure === undefined ? "InProgress" : "BlockedByFailedLoad",
        states: { activeModelState: ready ? state : "", targetModelState: state },
        copies: { failedCopies: failure === undefined ? 0 : 1, totalCopies: ready ? 1 : 0 },
        ...(failure === undefined ? {} : { lastFailureInfo: failureInfo(failure, attempt) }),
      },
    };
  });
}

/** KServe's CanaryPredictorReady, which is there as long as there are canaries. */
export function canaryConditionOf(canaries: TrafficSituation["canaries"]): Condition[] {
  if (canaries.length === 0) return [];
  const waiting = canaries.filter(({ attempt }) => !(attempt.admitted && isServing(attempt)));
  if (waiting.length === 0) return [{ type: "CanaryPredictorReady", status: "True", reason: "AllCanariesReady" }];
  const message = `not ready: ${waiting.map(({ name }) => name).join(", ")}`;
  return [{ type: "CanaryPredictorReady", status: "False", reason: "CanariesNotReady", message }];
}

function nameLike(name: string | undefined, generation: number): string | undefined {
  return name?.replace(/\d+$/, String(generation).padStart(5, "0"));
}
