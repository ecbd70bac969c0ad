import type { JsonObject, JsonValue } from "../core/inference.ts";
import type { ModelConfiguration } from "../core/model-configuration.ts";

/** Fields that no part of this server acts on, by their names in JSON; `*` is every item of a list. */
const WITHOUT_EFFECT = [
  "runtime",
  "cc_model_filenames",
  "metric_tags",
  "model_operations",
  "model_repository_agents",
  "model_metrics",
  "instance_group.*.secondary_devices",
  "instance_group.*.profile",
  "instance_group.*.passive",
  "instance_group.*.host_policy",
  "ensemble_scheduling.step.*.model_namespace",
  "optimization.priority",
  "optimization.cuda",
  "optimization.gather_kernel_buffer_threshold",
  "optimization.eager_batching",
];

/** What an operator should know: fields that say something and change nothing. */
export function notesOf({ json }: ModelConfiguration): string[] {
  return WITHOUT_EFFECT.filter((path) => saysSomething(json, path.split("."))).map(
    (path) => `${path.replaceAll(".*", "")} of the model's configuration has no effect in this server`,
  );
}

function saysSomething(value: JsonValue | undefined, [name, ...rest]: readonly string[]): boolean {
  if (value === undefined) return false;
  if (name === undefined) return !isDefault(value);
  if (name === "*") return Array.isArray(value) && value.some((item) => saysSomething(item, rest));
  return isObject(value) && saysSomething(value[name], rest);
}

/** What is printed for a field that nobody has set. */
function isDefault(value: JsonValue): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (isObject(value)) return Object.values(value).every(isDefault);
  return value === null || value === false || value === 0 || value === "" || value === "PRIORITY_DEFAULT";
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
