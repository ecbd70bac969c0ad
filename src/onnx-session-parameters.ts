import { ServeError } from "./core/errors.ts";
import type { JsonObject, JsonValue } from "./core/inference.ts";
import type { ModelConfiguration } from "./core/model-configuration.ts";

interface SessionParameters {
  /** For the loader of ONNX graphs. */
  readonly settings: JsonObject;
  /** What was asked for and has no effect. */
  readonly notes: readonly string[];
}

/** Of `optimization.graph.level`; 0 is all. */
const LEVELS: Readonly<Record<string, string>> = { "-1": "basic", "1": "extended", "2": "disabled" };
/** Parameters of the backend that the binding of ONNX Runtime for Node has no way for. */
const WITHOUT_EFFECT = [
  "memory.enable_memory_arena_shrinkage",
  "cudnn_conv_algo_search",
  "gpu_mem_limit",
  "arena_extend_strategy",
  "do_copy_in_default_stream",
];
const SESSION_CONFIGURATION = ["session.use_device_allocator_for_initializers"];
const PROVIDERS: readonly string[] = ["tensorrt", "cuda"];

/**
 * What a configuration says to ONNX Runtime in `parameters` and `optimization`, under the names of Triton's onnxruntime backend (its
 * README), as settings of this server's sessions.
 * @throws ServeError INVALID_ARGUMENT for values that are none of theirs
 */
export function sessionParametersOf(
  configuration: Pick<ModelConfiguration, "parameters" | "optimization" | "instanceGroups">,
): SessionParameters {
  const { parameters, optimization } = configuration;
  const notes = WITHOUT_EFFECT.filter((name) => Object.hasOwn(parameters, name)).map((name) => noEffect(`the parameter ${name}`));
  const settings: Record<string, JsonValue> = {
    // A dimension that the graph has no name for is one of rows where the configuration has rows; the model is asked whether they are independent.
    batchable: true,
    ...numberOf(parameters, "intra_op_thread_count", "intra_op_num_threads"),
    ...numberOf(parameters, "inter_op_thread_count", "inter_op_num_threads"),
    ...modeOf(parameters.execution_mode),
    ...flagOf(parameters, "enable_mem_arena", "enable_cpu_mem_arena"),
    ...flagOf(parameters, "enable_mem_pattern", "enable_mem_pattern"),
  };
  const entries = SESSION_CONFIGURATION.filter((name) => Object.hasOwn(parameters, name));
  if (entries.length > 0) settings.session_config = Object.fromEntries(entries.map((name) => [name, parameters[name] ?? ""]));
  const level = LEVELS[String(objectOf(optimization.graph).level ?? 0)];
  if (level !== undefined) settings.graph_optimization_level = level;
  const providers = providersOf(configuration, notes);
  if (providers.length > 0) settings.execution_providers = [...providers, "cpu"].join(",");
  return { settings, notes };
}

/** Accelerators are for instances on a GPU; one that is not there is passed over, with a warning of the session's. */
function providersOf(
  { optimization, instanceGroups }: Pick<ModelConfiguration, "optimization" | "instanceGroups">,
  notes: string[],
): readonly string[] {
  const accelerators = objectOf(optimization.execution_accelerators);
  for (const name of namesOf(accelerators.cpu_execution_accelerator)) {
    notes.push(noEffect(`the accelerator ${name}`, "; it runs on ONNX Runtime's own kernels"));
  }
  const onGpu = instanceGroups.some(({ kind }) => kind === "KIND_GPU");
  const neverOnGpu = instanceGroups.length > 0 && instanceGroups.every(({ kind }) => kind === "KIND_CPU");
  const wanted = listOf(accelerators.gpu_execution_accelerator).map(objectOf);
  const providers: string[] = [];
  for (const { name, parameters } of wanted) {
    if (typeof name !== "string" || neverOnGpu) continue;
    if (!PROVIDERS.includes(name)) {
      notes.push(noEffect(`the accelerator ${name}`, `; known are ${PROVIDERS.join(" and ")}`));
      continue;
    }
    const names = Object.keys(objectOf(parameters));
    if (names.length > 0) notes.push(noEffect(`what the accelerator ${name} is told (${names.join(", ")})`));
    providers.push(name);
  }
  if ((onGpu || providers.length > 0) && !providers.includes("cuda")) providers.push("cuda");
  return providers;
}

type Texts = Readonly<Record<string, string>>;

/** 0 is the server's own choice. */
function numberOf(parameters: Texts, name: string, setting: string): JsonObject {
  const text = parameters[name];
  if (text === undefined) return {};
  if (!/^-?\d+$/.test(text.trim())) throw refusal(name, text, "a whole number");
  const number = Number(text);
  return number > 0 ? { [setting]: number } : {};
}

function modeOf(text: string | undefined): JsonObject {
  if (text === undefined) return {};
  if (text !== "0" && text !== "1") throw refusal("execution_mode", text, "0 (sequential) or 1 (parallel)");
  return { execution_mode: text === "1" ? "parallel" : "sequential" };
}

function flagOf(parameters: Texts, name: string, setting: string): JsonObject {
  const text = parameters[name];
  if (text === undefined) return {};
  const word = text.toLowerCase();
  if (word === "1" || word === "true") return { [setting]: true };
  if (word === "0" || word === "false") return { [setting]: false };
  throw refusal(name, text, "0 or 1");
}

function noEffect(what: string, rest = ""): string {
  return `${what} of its configuration has no effect in this server${rest}`;
}

function refusal(name: string, text: string, expected: string): ServeError {
  return new ServeError("INVALID_ARGUMENT", `the parameter ${name} of its configuration is '${text}'; expected ${expected}`);
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}

function namesOf(value: JsonValue | undefined): string[] {
  return listOf(value).flatMap((each) => {
    const { name } = objectOf(each);
    return typeof name === "string" ? [name] : [];
  });
}
