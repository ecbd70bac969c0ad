import { ServeError } from "../../../core/errors.ts";
import type { JsonValue } from "../../../core/inference.ts";
import { type ModelTraceSetting, type TraceSetting, type TraceSettings, traceSettingOf } from "../../../core/trace-settings.ts";
import { type JsonObject, unexpected } from "../../shared/index.ts";

/** Triton's trace extension, the same over REST and gRPC: all values are text. */
export interface TraceSettingAnswer {
  readonly trace_level: readonly string[];
  readonly trace_rate: string;
  readonly trace_count: string;
  readonly log_frequency: string;
  readonly trace_file: string;
  readonly trace_mode: "triton";
}

/** What holds for a model, or for all without one. `model` is namespace and name with a slash between them. */
export function traceSettings(settings: TraceSettings, model?: string): TraceSettingAnswer {
  const { level, rate, count, logFrequency } = traceSettingOf(settings, model);
  return {
    trace_level: [level],
    trace_rate: String(rate),
    trace_count: String(count),
    log_frequency: String(logFrequency),
    trace_file: settings.file,
    trace_mode: "triton",
  };
}

const NAMES = ["trace_file", "trace_level", "trace_rate", "trace_count", "log_frequency"];
/** Models that may have settings of their own. */
const MOST_MODELS = 10_000;

/**
 * Changes what the request names, all of it or nothing; null lets a model be as all are again, and the global setting as it began.
 * @throws ServeError UNIMPLEMENTED, FAILED_PRECONDITION where no file was named for traces, INVALID_ARGUMENT
 */
export function changeTraceSettings(settings: TraceSettings, wanted: JsonObject, model?: string): TraceSettingAnswer {
  const unknown = Object.keys(wanted).find((name) => !NAMES.includes(name));
  if (unknown !== undefined)
    throw new ServeError("INVALID_ARGUMENT", `unknown trace setting '${unknown.slice(0, 100)}'; there are ${NAMES.join(", ")}`);
  if (wanted.trace_file !== undefined) {
    throw new ServeError("UNIMPLEMENTED", "trace file location can not be updated through network protocol");
  }
  const next: { -readonly [Name in keyof ModelTraceSetting]: ModelTraceSetting[Name] } = {
    ...(model === undefined ? settings.global : settings.models.get(model)),
  };
  const change = <Name extends keyof TraceSetting>(
    name: Name,
    value: JsonValue | undefined,
    read: (value: JsonValue) => TraceSetting[Name],
  ) => {
    if (value === undefined) return;
    if (value !== null) next[name] = read(value);
    else if (model === undefined) next[name] = settings.initial[name];
    else delete next[name];
  };
  change("level", wanted.trace_level, (value) => levelOf(value, settings.file));
  change("rate", wanted.trace_rate, (value) => numberOf(value, "trace_rate", 0, 2 ** 32 - 1));
  change("count", wanted.trace_count, (value) => numberOf(value, "trace_count", -1, 2 ** 31 - 1));
  change("logFrequency", wanted.log_frequency, (value) => numberOf(value, "log_frequency", 0, 2 ** 32 - 1));
  if (model === undefined) Object.assign(settings.global, next);
  else if (settings.models.has(model) || settings.models.size < MOST_MODELS) settings.models.set(model, next);
  else throw new ServeError("RESOURCE_EXHAUSTED", `${MOST_MODELS} models have trace settings of their own`);
  return traceSettings(settings, model);
}

function levelOf(value: JsonValue, file: string): TraceSetting["level"] {
  // Clients of gRPC and of REST alike may send one level alone.
  const levels = Array.isArray(value) ? value : [value];
  for (const level of levels) {
    if (level === "TENSORS") {
      throw new ServeError("UNIMPLEMENTED", "trace level TENSORS is not served; nitrous serve --record FILE keeps whole requests");
    }
    if (level !== "OFF" && level !== "TIMESTAMPS") throw unexpected("trace_level", 'a list of "OFF" or "TIMESTAMPS"', level);
  }
  if (levels.includes("OFF") && levels.length > 1)
    throw new ServeError("INVALID_ARGUMENT", "Expect only one trace level 'OFF' is specified");
  if (levels.length === 0 || levels.includes("OFF")) return "OFF";
  if (file === "") throw new ServeError("FAILED_PRECONDITION", "there is no file for traces: start the server with --trace-file FILE");
  return "TIMESTAMPS";
}

/** Text, as Triton has it, or a number. */
function numberOf(value: JsonValue, name: string, least: number, most: number): number {
  const text = String(value);
  if ((typeof value !== "string" && typeof value !== "number") || !/^-?\d{1,12}$/.test(text)) {
    throw new ServeError("INVALID_ARGUMENT", `Unable to parse '${name}', got: ${text.slice(0, 100)}`);
  }
  const number = Number(text);
  if (number > most || (number < least && name !== "trace_count")) {
    throw new ServeError("INVALID_ARGUMENT", `Unable to parse '${name}', value is out of range [ ${least}, ${most} ], got: ${text}`);
  }
  if (number < least) throw new ServeError("INVALID_ARGUMENT", `Unable to parse '${name}'. Expecting value >= ${least}, got:${text}`);
  return number;
}
