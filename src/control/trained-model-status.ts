import { firstLine } from "../core/errors.ts";
import type { JsonObject } from "../core/inference.ts";
import type { ResourceView } from "../core/planes.ts";
import { failureInfo, isServing, stateOf } from "./attempt-status.ts";
import { type Condition, withTransitionTimes } from "./conditions.ts";
import type { Attempt } from "./course.ts";
import type { TrainedSituation } from "./trained-models.ts";

export interface TrainedProgress {
  /** Of the TrainedModel, with its present status. */
  readonly view: Pick<ResourceView, "metadata" | "status">;
  /** Undefined when nothing may be rolled out. */
  readonly rollout: { readonly active: Attempt | undefined; readonly target: Attempt | undefined } | undefined;
  /** The address of the model here, without a slash at its end. */
  readonly url: string;
}

/**
 * The status of a TrainedModel with the conditions of KServe's controller (pkg/controller/v1alpha1/trainedmodel), and of its model what an
 * InferenceService tells of its own.
 */
export function trainedModelStatus(situation: TrainedSituation, { view, rollout, url }: TrainedProgress): JsonObject {
  const { active, target } = rollout ?? {};
  const { trained, choice } = situation;
  const predict = `${url}/v1/models/${trained.name}:predict`;
  const now = `${new Date().toISOString().slice(0, 19)}Z`;
  return {
    observedGeneration: view.metadata.generation,
    conditions: withTransitionTimes(conditionsOf(situation, active, target), view.status?.conditions, now),
    url: predict,
    address: { url: predict },
    ...(target === undefined
      ? {}
      : {
          modelStatus: {
            states: {
              activeModelState: active === undefined ? "" : stateOf(active, true),
              targetModelState: stateOf(target, target === active || target.admitted),
            },
            ...(target.failure === undefined ? {} : { lastFailureInfo: failureInfo(target.failure, target) }),
          },
        }),
    nitrous: {
      modelName: trained.name,
      ...(choice?.runtime === undefined ? {} : { runtime: choice.runtime.name }),
      ...(target === undefined ? {} : { step: target.step }),
    },
  };
}

function conditionsOf(situation: TrainedSituation, active: Attempt | undefined, target: Attempt | undefined): Condition[] {
  const { whyNoParent, whyNotFramework, whyNotMultiModel, whyNoMemory } = situation;
  const parent: Condition = { type: "InferenceServiceReady", ...parentReadiness(situation) };
  const own: Condition[] = [
    { type: "IsMMSPredictor", ...unless(whyNotMultiModel, "IsNotMMSPredictor") },
    { type: "FrameworkSupported", ...unless(whyNotFramework, "FrameworkNotSupported") },
    { type: "MemoryResourceAvailable", ...unless(whyNoMemory, "MemoryResourceNotAvailable") },
  ];
  // The first that does not hold is why the model is not ready: without a parent nothing else can.
  const needs = whyNoParent === undefined ? [...own, parent] : [parent, ...own];
  const ready: Condition = { type: "Ready", ...readiness(situation, needs, active, target) };
  return [...needs, ready].sort((left, right) => (left.type < right.type ? -1 : 1));
}

type State = Omit<Condition, "type">;

function unless(why: string | undefined, reason: string): State {
  return why === undefined ? { status: "True" } : { status: "False", reason, message: why };
}

function parentReadiness({ parent, whyNoParent, trained }: TrainedSituation): State {
  if (whyNoParent !== undefined) return { status: "False", reason: "InferenceServiceNotFound", message: whyNoParent };
  const conditions = Array.isArray(parent?.status?.conditions) ? (parent.status.conditions as JsonObject[]) : [];
  const ready = conditions.find(({ type }) => type === "Ready");
  if (ready?.status === "True") return { status: "True" };
  const said = typeof ready?.message === "string" ? `: ${ready.message}` : "";
  const message = `the InferenceService ${trained.inferenceService} is not ready${said}`;
  return { status: "False", reason: "InferenceServiceNotReady", message };
}

function readiness(
  { whyNameTaken }: TrainedSituation,
  needs: readonly Condition[],
  active: Attempt | undefined,
  target: Attempt | undefined,
): State {
  if (whyNameTaken !== undefined) return { status: "False", reason: "NameTaken", message: whyNameTaken };
  const missing = needs.find(({ status }) => status !== "True");
  if (missing !== undefined) {
    const { type, status, ...why } = missing;
    return { status: "False", ...why };
  }
  if (active !== undefined && isServing(active)) return { status: "True" };
  const attempt = target ?? active;
  if (attempt === undefined) return { status: "Unknown", reason: "Pending", message: "it waits for its turn" };
  if (attempt.failure !== undefined)
    return { status: "False", reason: attempt.failure.reason, message: firstLine(attempt.failure.message) };
  return { status: "False", reason: stateOf(attempt, false), message: attempt.step };
}
