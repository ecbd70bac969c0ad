import { ServeError } from "../../../core/errors.ts";
import type { JsonObject } from "../../../core/inference.ts";
import { folderInside, readJson, readObject } from "./folder.ts";
import type { RowOutput } from "./graph.ts";

/** Keys of 1_Pooling/config.json and what they mean. */
const MODES = {
  pooling_mode_cls_token: "cls",
  pooling_mode_max_tokens: "max",
  pooling_mode_mean_tokens: "mean",
  pooling_mode_mean_sqrt_len_tokens: "mean_sqrt_len_tokens",
  pooling_mode_weightedmean_tokens: "weightedmean",
  pooling_mode_lasttoken: "lasttoken",
} as const;
type Mode = (typeof MODES)[keyof typeof MODES];

/** How one vector comes of those of a text's tokens. */
export interface Pooling {
  /** Their vectors are put behind each other. */
  readonly modes: readonly Mode[];
  /** To length 1. */
  readonly normalizes: boolean;
  /** Tokens at which texts are cut off; undefined where it does not say. */
  readonly maxLength: number | undefined;
}

/**
 * What the folder of sentence-transformers says (modules.json: Pooling, Normalize). A folder without one is pooled as KServe's
 * huggingfaceserver does: the mean, of length 1.
 * @throws ServeError INVALID_ARGUMENT for modules that are not known: they are somebody's code
 */
export async function readPooling(directory: string): Promise<Pooling> {
  const modules = await readJson(directory, "modules.json");
  if (modules === undefined) return { modes: ["mean"], normalizes: true, maxLength: undefined };
  let modes: readonly Mode[] | undefined;
  let normalizes = false;
  let maxLength: number | undefined;
  for (const module of (Array.isArray(modules) ? modules : []) as JsonObject[]) {
    const kind = String(module.type ?? "").replace(/^.*\./, "");
    const folder = await folderInside(directory, String(module.path ?? ""));
    if (kind === "Pooling") modes = modesOf((await readObject(folder, "config.json")) ?? {});
    else if (kind === "Normalize") normalizes = true;
    else if (kind === "Transformer") {
      const own = (await readObject(directory, "sentence_bert_config.json"))?.max_seq_length;
      if (typeof own === "number" && own > 0) maxLength = own;
    } else {
      const known = "an ONNX export is served with Transformer, Pooling and Normalize";
      throw new ServeError("INVALID_ARGUMENT", `modules.json names ${JSON.stringify(module.type)}; ${known}`);
    }
  }
  if (modes === undefined) throw new ServeError("INVALID_ARGUMENT", "modules.json names no Pooling");
  return { modes, normalizes, maxLength };
}

function modesOf(config: JsonObject): readonly Mode[] {
  const modes: Mode[] = Object.entries(MODES).flatMap(([key, mode]) => (config[key] === true ? [mode] : []));
  if (modes.length > 0) return modes;
  const wanted = config.pooling_mode ?? "mean";
  return (Array.isArray(wanted) ? wanted : [wanted]).map((name) => {
    const mode = Object.values(MODES).find((each) => each === name);
    if (mode !== undefined) return mode;
    const expected = Object.values(MODES).join(", ");
    throw new ServeError("INVALID_ARGUMENT", `the pooling mode ${JSON.stringify(name)} is unknown; expected one of ${expected}`);
  });
}

/** The vector of a row that has so many tokens; the others are padding. */
export function pooled({ modes, normalizes }: Pooling, states: RowOutput, tokens: number, padsLeft: boolean): Float32Array {
  const { width } = states;
  const start = padsLeft ? states.tokens - tokens : 0;
  const values = states.values.subarray(start * width, (start + tokens) * width);
  const vector = new Float32Array(modes.length * width);
  modes.forEach((mode, index) => {
    vector.set(POOLINGS[mode](values, tokens, width, start), index * width);
  });
  if (!normalizes) return vector;
  let squares = 0;
  for (const value of vector) squares += value * value;
  const length = Math.max(Math.sqrt(squares), 1e-12);
  return vector.map((value) => value / length);
}

type Pool = (values: Float32Array, tokens: number, width: number, start: number) => ArrayLike<number>;

const POOLINGS: Readonly<Record<Mode, Pool>> = {
  cls: (values, _tokens, width) => values.subarray(0, width),
  lasttoken: (values, tokens, width) => values.subarray(Math.max(0, tokens - 1) * width, tokens * width),
  max: (values, tokens, width) => {
    const most = new Float64Array(width).fill(Number.NEGATIVE_INFINITY);
    for (let index = 0; index < tokens * width; index++) most[index % width] = Math.max(most[index % width] ?? 0, values[index] ?? 0);
    return most;
  },
  mean: (values, tokens, width) => weighted(values, tokens, width, () => 1, Math.max(tokens, 1e-9)),
  mean_sqrt_len_tokens: (values, tokens, width) => weighted(values, tokens, width, () => 1, Math.sqrt(Math.max(tokens, 1e-9))),
  weightedmean: (values, tokens, width, start) => {
    const weight = (token: number): number => start + token + 1;
    const total = Array.from({ length: tokens }, (_, token) => weight(token)).reduce((sum, each) => sum + each, 0);
    return weighted(values, tokens, width, weight, Math.max(total, 1e-9));
  },
};

function weighted(values: Float32Array, tokens: number, width: number, weight: (token: number) => number, divisor: number): Float64Array {
  const sum = new Float64Array(width);
  for (let token = 0; token < tokens; token++) {
    const by = weight(token);
    const start = token * width;
    for (let index = 0; index < width; index++) sum[index] = (sum[index] as number) + by * (values[start + index] as number);
  }
  return sum.map((value) => value / divisor);
}
