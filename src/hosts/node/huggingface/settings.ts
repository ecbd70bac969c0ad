import { ServeError } from "../../../core/errors.ts";
import type { JsonObject } from "../../../core/inference.ts";
import type { SessionSettings } from "../../../onnx/index.ts";
import { SESSION_SETTINGS, sessionSettingsOf } from "../onnx-settings.ts";
import { flag, integer, readSettings, text } from "../settings.ts";

/** Arguments of KServe's huggingfaceserver whose work is somebody else's here: storage fetches revisions, and the server writes the log. */
const ELSEWHERE = ["model_id", "model_revision", "tokenizer_revision", "disable_log_requests", "max_log_len", "trust_remote_code"];

const KNOWN = {
  ...SESSION_SETTINGS,
  task: text,
  max_length: integer(1),
  max_model_len: integer(1),
  dtype: text,
  file_name: text,
  backend: text,
  tensor_input_names: text,
  return_token_type_ids: flag,
  return_offsets_mapping: flag,
  return_probabilities: flag,
  return_raw_logits: flag,
  disable_lower_case: flag,
  disable_special_tokens: flag,
  add_special_tokens: flag,
} as const;

/** What a classifier answers. */
export type Scores = "indices" | "probabilities" | "logits";

/** The arguments of KServe's huggingfaceserver ([K] python/huggingfaceserver/huggingfaceserver/__main__.py) and of ONNX Runtime. */
export interface HuggingFaceSettings {
  readonly task: string | undefined;
  /** In tokens; undefined is the model's own. */
  readonly maxLength: number | undefined;
  readonly dtype: string;
  readonly fileName: string | undefined;
  /** The inputs of the graph that are given; undefined is all. */
  readonly inputNames: readonly string[] | undefined;
  readonly returnsOffsets: boolean;
  readonly scores: Scores;
  readonly lowerCase: boolean;
  readonly specialTokens: boolean;
  readonly session: SessionSettings;
  readonly warnings: readonly string[];
}

/** @throws ServeError INVALID_ARGUMENT for values that cannot be */
export function readHuggingFaceSettings(given: JsonObject, threads: number): HuggingFaceSettings {
  const own = Object.fromEntries(Object.entries(given).filter(([name]) => !ELSEWHERE.includes(name)));
  const { values, warnings } = readSettings(own, KNOWN);
  if (values.return_probabilities === true && values.return_raw_logits === true)
    throw new ServeError("INVALID_ARGUMENT", "give only one of return_probabilities and return_raw_logits");
  if (values.backend !== undefined && !["auto", "huggingface"].includes(values.backend))
    throw new ServeError("INVALID_ARGUMENT", `backend is '${values.backend}'; an ONNX export is served with auto or huggingface`);
  return {
    task: values.task,
    maxLength: values.max_model_len ?? values.max_length,
    dtype: values.dtype ?? "auto",
    fileName: values.file_name,
    inputNames: values.tensor_input_names?.split(",").map((name) => name.trim()),
    returnsOffsets: values.return_offsets_mapping === true,
    scores: values.return_raw_logits === true ? "logits" : values.return_probabilities === true ? "probabilities" : "indices",
    lowerCase: values.disable_lower_case !== true,
    specialTokens: values.disable_special_tokens !== true && values.add_special_tokens !== false,
    session: sessionSettingsOf(values, threads),
    warnings,
  };
}
