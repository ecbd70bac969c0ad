import { messageOf, ServeError } from "../core/errors.ts";
import type { ModelVersion } from "../models/index.ts";
import { retryDelay } from "./back-off.ts";
import { type Course, modelKey, PlanError, type Revision, type RolloutFailure } from "./course.ts";

/** Counts a failure of the plan. */
export function planFailure({ attempts: counts }: Course<Revision>, error: unknown): RolloutFailure {
  const cause = ServeError.from(error, "INTERNAL", messageOf(error));
  const attempts = (counts.get("") ?? 0) + 1;
  counts.set("", attempts);
  return {
    reason: cause instanceof PlanError ? cause.reason : "ModelLoadFailed",
    code: cause.code,
    message: cause.message,
    time: new Date().toISOString(),
    attempts,
    retryDelay: retryDelay(cause.code, attempts),
  };
}

/** The failure of one of the models, counted when it is another one than before; `isNew` says so. */
export function modelFailure(
  { attempts: counts, counted, models }: Course<Revision>,
  model: ModelVersion,
): { readonly failure: RolloutFailure; readonly isNew: boolean } | undefined {
  const { failure, spec } = model;
  if (failure === undefined) return undefined;
  const key = modelKey(model);
  const before = counted.get(key);
  if (before?.of === failure) return { failure: before.as, isNew: false };
  const attempts = (counts.get(key) ?? 0) + 1;
  counts.set(key, attempts);
  const isOneOfSeveral = models.some((other) => other.spec.name !== spec.name);
  const which = isOneOfSeveral ? `model ${spec.name}, version ${spec.version}` : `version ${spec.version}`;
  const message = models.length > 1 ? `${which}: ${failure.message}` : failure.message;
  const { code, time } = failure;
  // The host has died: KServe's name for a runtime whose process fails.
  const reason = code === "ABORTED" ? "RuntimeUnhealthy" : "ModelLoadFailed";
  const told: RolloutFailure = { reason, code, message, time, attempts, retryDelay: retryDelay(code, attempts) };
  counted.set(key, { of: failure, as: told });
  return { failure: told, isNew: true };
}
