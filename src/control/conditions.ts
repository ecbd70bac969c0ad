import type { JsonObject, JsonValue } from "../core/inference.ts";

/** A condition as Knative and KServe have them. */
export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason?: string;
  readonly message?: string;
  readonly severity?: "Info";
}

/** Conditions with the time at which each got its present status: that of the previous one, unless it has changed. */
export function withTransitionTimes(conditions: readonly Condition[], previous: JsonValue | undefined, now: string): JsonObject[] {
  const before = new Map<string, JsonObject>();
  for (const each of Array.isArray(previous) ? previous : []) {
    if (typeof each === "object" && each !== null && !Array.isArray(each))
      before.set(String((each as JsonObject).type), each as JsonObject);
  }
  return conditions.map((condition) => {
    const old = before.get(condition.type);
    return { ...condition, lastTransitionTime: old?.status === condition.status ? (old.lastTransitionTime ?? now) : now };
  });
}
