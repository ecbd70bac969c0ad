import type { JsonObject } from "../core/inference.ts";
import type { Attempt, RolloutFailure } from "./course.ts";
import { namesOf } from "./service-names.ts";

/** KServe's names for how far a model is. */
type ModelState = "Pending" | "Standby" | "Loading" | "Loaded" | "FailedToLoad";

/** Of each of its models a version answers, but for those that somebody has unloaded. */
export function isServing({ models }: Attempt): boolean {
  if (!models.some(({ answers }) => answers)) return false;
  const names = namesOf(models.map(({ spec }) => spec));
  return names.every((name) => models.some(({ spec, answers, drained }) => spec.name === name && (answers || drained)));
}

export function stateOf({ phase, models, failure }: Attempt, isActive: boolean): ModelState {
  if (models.some(({ state }) => state === "ready") && isActive) return "Loaded";
  if (models.some(({ state }) => state === "standby")) return "Standby";
  if (failure !== undefined) return "FailedToLoad";
  return phase === "planning" ? "Pending" : "Loading";
}

export function failureInfo({ reason, message, time }: RolloutFailure, { revision }: Attempt): JsonObject {
  return { reason, message, time, modelRevisionName: revision.name };
}
