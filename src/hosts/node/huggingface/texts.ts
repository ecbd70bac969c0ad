import { ServeError } from "../../../core/errors.ts";
import type { TensorSpec } from "../../../core/signature.ts";
import type { ModelCall } from "../hosted-model.ts";
import type { Loaded } from "./loaded.ts";
import { rowsOf, textOf } from "./rows.ts";
import type { EncodeOptions, Encoding } from "./tokenizer.ts";

export const TEXT: TensorSpec = { name: "text", datatype: "BYTES", shape: [-1] };
export const TEXT_PAIR: TensorSpec = { name: "text_pair", datatype: "BYTES", shape: [-1], optional: true };
export const SAMPLES = ["a first text", "the second one is a little longer than that"] as const;

export interface TextRow {
  readonly text: string;
  readonly pair?: string;
}

/** Rows with a text and perhaps a second one: all of them, or none. @throws ServeError INVALID_ARGUMENT */
export function textRows({ payload }: Pick<ModelCall, "payload">, takesPairs = true): TextRow[] {
  const rows = rowsOf(payload, takesPairs ? ["text", "text_pair"] : ["text"], ["text_pair"]).map((row, index) => ({
    text: textOf(row, "text", index),
    ...(row.text_pair === undefined || row.text_pair === null ? {} : { pair: textOf(row, "text_pair", index) }),
  }));
  if (new Set(rows.map(({ pair }) => pair === undefined)).size > 1)
    throw new ServeError("INVALID_ARGUMENT", "either all instances have a text_pair, or none");
  return rows;
}

/** A row's tokens, cut off where the model ends. */
export function encode(loaded: Loaded, { text, pair }: TextRow, cut: EncodeOptions["cut"] = "longest"): Encoding {
  const { tokenizer, maxLength, settings } = loaded;
  const second = pair === undefined ? undefined : tokenizer.tokensOf(pair);
  return tokenizer.encode(tokenizer.tokensOf(text), second, { maxLength, specialTokens: settings.specialTokens, cut });
}
