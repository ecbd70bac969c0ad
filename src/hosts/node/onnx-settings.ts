import type { InferenceSession } from "onnxruntime-node";
import { ServeError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/inference.ts";
import { readProviders, type SessionSettings } from "../../onnx/index.ts";
import { flag, integer, oneOf, pairs, readSettings, text } from "./settings.ts";

/** Besides: whether dimensions without names that come first are one, the batch; of those with names the names tell. */
const BATCHABLE = { batchable: flag } as const;

/**
 * What a session may be told, by the names of ONNX Runtime's options (onnxruntime.ai/docs/api/js, InferenceSession.SessionOptions).
 * `session_config` are its configuration entries, such as `session.dynamic_block_base=4`.
 */
export const SESSION_SETTINGS = {
  intra_op_num_threads: integer(1),
  inter_op_num_threads: integer(1),
  execution_mode: oneOf("sequential", "parallel"),
  graph_optimization_level: oneOf("disabled", "basic", "extended", "layout", "all"),
  execution_providers: text,
  device_id: integer(),
  free_dimension_overrides: pairs,
  session_config: pairs,
  enable_cpu_mem_arena: flag,
  enable_mem_pattern: flag,
} as const;

type SessionValues = ReturnType<typeof readSettings<typeof SESSION_SETTINGS>>["values"];

/** @throws ServeError INVALID_ARGUMENT for values that are none of theirs */
export function readSessionSettings(
  given: JsonObject,
  threads: number,
): { readonly settings: SessionSettings; readonly batchable: boolean; readonly warnings: readonly string[] } {
  const { values, warnings } = readSettings(given, { ...SESSION_SETTINGS, ...BATCHABLE });
  return { settings: sessionSettingsOf(values, threads), batchable: values.batchable === true, warnings };
}

/** Settings that were read, for a session whose calls use so many threads unless they say otherwise. */
export function sessionSettingsOf(values: SessionValues, threads: number): SessionSettings {
  const options: InferenceSession.SessionOptions = {
    ...(values.inter_op_num_threads === undefined ? {} : { interOpNumThreads: values.inter_op_num_threads }),
    ...(values.execution_mode === undefined ? {} : { executionMode: values.execution_mode }),
    ...(values.graph_optimization_level === undefined ? {} : { graphOptimizationLevel: values.graph_optimization_level }),
    ...(values.enable_cpu_mem_arena === undefined ? {} : { enableCpuMemArena: values.enable_cpu_mem_arena }),
    ...(values.enable_mem_pattern === undefined ? {} : { enableMemPattern: values.enable_mem_pattern }),
    ...(values.free_dimension_overrides === undefined ? {} : { freeDimensionOverrides: dimensionsOf(values.free_dimension_overrides) }),
    ...(values.session_config === undefined ? {} : { extra: nested(values.session_config) }),
  };
  return {
    threads: values.intra_op_num_threads ?? threads,
    options,
    ...(values.execution_providers === undefined ? {} : { providers: readProviders(values.execution_providers) }),
    ...(values.device_id === undefined ? {} : { device: values.device_id }),
  };
}

function dimensionsOf(given: ReadonlyArray<readonly [string, string]>): Record<string, number> {
  return Object.fromEntries(
    given.map(([name, value]) => {
      if (/^\d+$/.test(value)) return [name, Number(value)];
      const expected = "expected the size of each named dimension, such as batch=1,sequence=128";
      throw new ServeError("INVALID_ARGUMENT", `the setting free_dimension_overrides has '${name}' as '${value}': ${expected}`);
    }),
  );
}

/** The binding takes `session.intra_op.allow_spinning` as nested objects. */
function nested(entries: ReadonlyArray<readonly [string, string]>): Record<string, unknown> {
  const root: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of [["session.intra_op.allow_spinning", "0"], ...entries] as const) {
    const path = name.split(".");
    let place = root;
    for (const part of path.slice(0, -1)) {
      place[part] ??= Object.create(null);
      place = place[part] as Record<string, unknown>;
    }
    place[path.at(-1) as string] = value;
  }
  return root;
}
