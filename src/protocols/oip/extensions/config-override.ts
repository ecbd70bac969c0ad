import { messageOf, ServeError } from "../../../core/errors.ts";
import type { JsonValue } from "../../../core/inference.ts";
import { isModelVersion } from "../../../core/model.ts";
import type { ModelOverride, VersionPolicy } from "../../../core/repository.ts";
import type { SchedulingSpec } from "../../../core/scheduling.ts";
import { describe, isObject, type JsonObject, parseJson } from "../../shared/index.ts";

type Override = Omit<ModelOverride, "files">;

/** Fields of Triton's ModelConfig that say what the loaded model says better itself. They may be there, and change nothing. */
const TOLD_BY_THE_MODEL = ["platform", "backend", "runtime", "input", "output", "default_model_filename", "model_transaction_policy"];
/** Fields that this server has no use for. Empty, they say nothing; else the model's status says that they have no effect. */
const WITHOUT_EFFECT = [
  "batch_input",
  "batch_output",
  "optimization",
  "instance_group",
  "sequence_batching",
  "ensemble_scheduling",
  "cc_model_filenames",
  "metric_tags",
  "parameters",
  "model_warmup",
  "model_operations",
  "model_repository_agents",
  "model_metrics",
];
const DYNAMIC_WITHOUT_EFFECT = ["preserve_ordering", "priority_levels", "priority_queue_policy"];

/**
 * A ModelConfig as JSON, as protobuf reads it: names in snake or camel case, numbers also as text.
 * @throws ServeError INVALID_ARGUMENT that begins as Triton's does
 */
export function readConfigOverride(model: string, text: string): Override {
  const config = snakeCase(parse(text));
  const notes: string[] = [];
  const scheduling: { -readonly [Name in keyof SchedulingSpec]: SchedulingSpec[Name] } = {};
  let responseCache: boolean | undefined;
  let versions: VersionPolicy | undefined;
  for (const [name, value] of Object.entries(config)) {
    if (value === null) continue;
    switch (name) {
      case "name":
        if (value !== model && value !== "") throw wrong(`name is ${describe(value)}, expected ${JSON.stringify(model)}`);
        break;
      case "max_batch_size":
        // 0 is Triton's word for a model that takes no batches.
        scheduling.maxBatchRows = Math.max(1, integer(value, name));
        break;
      case "dynamic_batching":
        Object.assign(scheduling, readDynamicBatching(object(value, name), notes));
        break;
      case "version_policy":
        versions = readVersionPolicy(object(value, name));
        break;
      case "response_cache":
        responseCache = truth(object(value, name).enable ?? false, "response_cache.enable");
        break;
      default:
        if (WITHOUT_EFFECT.includes(name)) note(name, value, notes);
        else if (!TOLD_BY_THE_MODEL.includes(name)) throw wrong(`ModelConfig has no field ${JSON.stringify(name)}`);
    }
  }
  return { scheduling, notes, ...(responseCache === undefined ? {} : { responseCache }), ...(versions === undefined ? {} : { versions }) };
}

function readDynamicBatching(fields: JsonObject, notes: string[]): SchedulingSpec {
  const scheduling: { -readonly [Name in keyof SchedulingSpec]: SchedulingSpec[Name] } = {};
  for (const [name, value] of Object.entries(fields)) {
    const path = `dynamic_batching.${name}`;
    if (name === "preferred_batch_size") {
      const sizes = list(value, path).map((size) => integer(size, path));
      if (sizes.includes(0)) throw wrong(`${path}: expected sizes from 1`);
      if (sizes.length > 0) scheduling.preferredBatchRows = [...new Set(sizes)].sort((one, other) => one - other);
    } else if (name === "max_queue_delay_microseconds") {
      const microseconds = integer(value, path);
      if (microseconds > 0) scheduling.maxBatchLatencyMs = microseconds / 1000;
    } else if (name === "default_queue_policy") {
      const policy = object(value, path);
      const microseconds = integer(policy.default_timeout_microseconds ?? 0, `${path}.default_timeout_microseconds`);
      if (microseconds > 0) scheduling.timeoutMs = microseconds / 1000;
    } else if (name === "default_priority_level") {
      const level = integer(value, path);
      if (level > 0) scheduling.priority = Math.min(level, 5) as NonNullable<SchedulingSpec["priority"]>;
    } else if (DYNAMIC_WITHOUT_EFFECT.includes(name)) note(path, value, notes);
    else throw wrong(`ModelConfig has no field ${JSON.stringify(path)}`);
  }
  return scheduling;
}

/** Undefined for all. */
function readVersionPolicy({ latest, all, specific, ...others }: JsonObject): VersionPolicy | undefined {
  const [other] = Object.keys(others);
  if (other !== undefined) throw wrong(`version_policy has no field ${JSON.stringify(other)}; there are latest, all and specific`);
  if ([latest, all, specific].filter((each) => each !== undefined && each !== null).length > 1) {
    throw wrong("version_policy: expected one of latest, all and specific");
  }
  if (isObject(latest)) return { latest: Math.max(1, integer(latest.num_versions ?? 1, "version_policy.latest.num_versions")) };
  if (!isObject(specific)) return undefined;
  const wanted = list(specific.versions ?? [], "version_policy.specific.versions").map(String);
  if (wanted.length === 0 || !wanted.every(isModelVersion))
    throw wrong("version_policy.specific.versions: expected versions such as [1,2]");
  return { specific: wanted };
}

function parse(text: string): JsonObject {
  let value: JsonValue;
  try {
    value = parseJson(Buffer.from(text));
  } catch (error) {
    throw wrong(`Invalid JSON: ${messageOf(error)}`);
  }
  if (!isObject(value)) throw wrong(`expected an object, got ${describe(value)}`);
  return value;
}

/** Names of fields; keys of maps are not touched because no map has an effect. */
function snakeCase(value: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      isObject(field) ? snakeCase(field) : field,
    ]),
  );
}

function note(name: string, value: JsonValue, notes: string[]): void {
  if (!isEmpty(value)) notes.push(`${name} of the configuration that it was loaded with has no effect in this server`);
}

/** What protobuf's JSON prints for a field that nobody has set. */
function isEmpty(value: JsonValue): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (isObject(value)) return Object.values(value).every(isEmpty);
  return value === null || value === false || value === 0 || value === "" || value === "PRIORITY_DEFAULT";
}

function integer(value: JsonValue, path: string): number {
  const number = typeof value === "string" && /^\d{1,10}$/.test(value) ? Number(value) : value;
  if (typeof number === "number" && Number.isInteger(number) && number >= 0 && number < 2 ** 32) return number;
  throw wrong(`${path}: expected a whole number that is not negative, got ${describe(value)}`);
}

function truth(value: JsonValue, path: string): boolean {
  if (typeof value === "boolean") return value;
  throw wrong(`${path}: expected true or false, got ${describe(value)}`);
}

function object(value: JsonValue, path: string): JsonObject {
  if (isObject(value)) return value;
  throw wrong(`${path}: expected an object, got ${describe(value)}`);
}

function list(value: JsonValue, path: string): readonly JsonValue[] {
  if (Array.isArray(value)) return value;
  throw wrong(`${path}: expected a list, got ${describe(value)}`);
}

function wrong(message: string): ServeError {
  return new ServeError("INVALID_ARGUMENT", `Invalid config override: ${message}`);
}
