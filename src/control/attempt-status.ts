import type { JsonObject } from "../core/inference.ts";
import type { Attempt, RolloutFailure } from "./course.ts";

/** KServe's names for how far a model is. */
type ModelState = "Pending" | "Standby" | "Loading" | "Loaded" | "FailedToLoad";

export function isServing({ models }: Attempt): boolean {
  return models.some(({ answers }) => answers);
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
