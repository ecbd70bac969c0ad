import { ServeError } from "../../../core/errors.ts";
import type { JsonObject } from "../../../core/inference.ts";

const KEYS = ["max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "model_max_length", "max_sequence_length"];
/** Their positions count from the padding token's index plus one. */
const ROBERTA_LIKE = [
  "roberta",
  "xlm-roberta",
  "xlm-roberta-xl",
  "camembert",
  "longformer",
  "mpnet",
  "roberta-prelayernorm",
  "data2vec-text",
];
/** Of a model that names none, as KServe's huggingfaceserver has it. */
const USUAL = 2048;

/**
 * Tokens that the model can take: the smallest number that its configuration names, and not more than the tokenizer says.
 * @throws ServeError INVALID_ARGUMENT when more is wanted
 */
export function longestOf(config: JsonObject, wanted: number | undefined, tokenizer: number | undefined): number {
  const named = KEYS.flatMap((key) => {
    const value = config[key];
    return typeof value === "number" && value > 0 ? [value] : [];
  });
  if (named.length === 0) return wanted ?? tokenizer ?? USUAL;
  const padding = typeof config.pad_token_id === "number" ? config.pad_token_id : 0;
  const most = Math.min(...named) - (ROBERTA_LIKE.includes(String(config.model_type)) ? padding + 1 : 0);
  if (wanted === undefined) return Math.min(most, tokenizer ?? most);
  if (wanted <= most || process.env.ALLOW_LONG_MAX_MODEL_LEN === "1") return wanted;
  const hint = "the environment variable ALLOW_LONG_MAX_MODEL_LEN=1 allows more";
  throw new ServeError("INVALID_ARGUMENT", `max_model_len is ${wanted}, but the model's configuration allows ${most} tokens; ${hint}`);
}
