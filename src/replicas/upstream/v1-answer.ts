import { isInteger, parse } from "lossless-json";
import type { JsonValue, Payload } from "../../core/inference.ts";
import type { Tensor } from "../../core/tensor.ts";
import { type IntegerRule, isObject, tensorOfJson, tensorsOfColumns, tensorsOfRows } from "../../encodings/index.ts";
import { readJson } from "./read-json.ts";

/** What KServe calls the only output of a model. */
const ONLY_OUTPUT = "output-0";

/** A number with a fraction or an exponent; it may as well stand in a text, and then a second look costs time only. */
const FRACTION = /\d[.eE]/;

/**
 * The predictions of a V1 answer as tensors: rectangular numbers as INT64 or FP64, texts as BYTES, booleans as BOOL, objects as one tensor
 * per key. What fits nothing is the JSON that it is.
 * @throws ServeError INTERNAL for what is no JSON
 */
export function decodeV1(body: Uint8Array): Payload {
  const answer = readJson(body);
  const predictions = predictionsOf(answer);
  if (predictions === undefined) return { kind: "json", value: answer };
  const tensors = tensorsOf(predictions, "whole");
  if (tensors === undefined) return { kind: "json", value: predictions };
  // Whether 1 was written as 1.0, JSON.parse does not tell, and one answer should not have another datatype than the next one.
  const unsure =
    tensors.some(({ datatype }) => datatype === "INT64" || datatype === "UINT64") && FRACTION.test(Buffer.from(body).toString("latin1"));
  if (!unsure) return { kind: "tensors", tensors };
  return { kind: "tensors", tensors: tensorsOf(predictionsOf(exactly(body)) ?? null, "bigint") ?? tensors };
}

function predictionsOf(answer: JsonValue): JsonValue | undefined {
  return isObject(answer) ? answer.predictions : undefined;
}

function tensorsOf(predictions: JsonValue, integers: IntegerRule): Tensor[] | undefined {
  if (isObject(predictions)) return tensorsOfColumns(predictions, integers);
  if (Array.isArray(predictions)) return tensorsOfRows(predictions, ONLY_OUTPUT, integers);
  const only = tensorOfJson(ONLY_OUTPUT, predictions, integers);
  return only === undefined ? undefined : [only];
}

/** Integers as bigints, all other numbers as numbers. */
function exactly(body: Uint8Array): JsonValue {
  return parse(new TextDecoder().decode(body), null, (text) => (isInteger(text) ? BigInt(text) : Number(text))) as JsonValue;
}
