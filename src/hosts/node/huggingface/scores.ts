import type { JsonValue, Payload } from "../../../core/inference.ts";
import type { TensorSpec } from "../../../core/signature.ts";
import { bytesOf } from "../../../core/tensor.ts";
import { largest, softmax } from "./floats.ts";
import type { Scores } from "./settings.ts";

const encoder = new TextEncoder();

/** Probabilities rounded to four digits as KServe's huggingfaceserver writes them, or the logits themselves. */
export function scoresOf(logits: Float32Array, kind: Exclude<Scores, "indices">): number[] {
  if (kind === "logits") return Array.from(logits);
  return Array.from(softmax(logits), (value) => Number(value.toFixed(4)));
}

/** Scores by index of the class, as KServe's huggingfaceserver names them. */
export function objectOf(scores: readonly number[]): { [index: string]: JsonValue } {
  return Object.fromEntries(scores.map((score, index) => [String(index), score]));
}

/**
 * What a classifier answers for the logits of each row: an index, or one output for each class, called by its index, which V1 writes as
 * one object for each row.
 */
export function classScores(rows: readonly Float32Array[], kind: Scores): Payload {
  if (kind === "indices") return indices(rows.map(largest), [rows.length]);
  const scores = rows.map((logits) => scoresOf(logits, kind));
  const count = scores[0]?.length ?? 0;
  if (count === 1) return { kind: "json", value: scores.map(objectOf) };
  return {
    kind: "tensors",
    tensors: Array.from({ length: count }, (_, index) => {
      const data = bytesOf(Float64Array.from(scores, (row) => row[index] ?? 0));
      return { name: String(index), datatype: "FP64" as const, shape: [rows.length], data };
    }),
  };
}

/** What {@link classScores} answers; nothing where that is JSON. */
export function scoreOutputs(kind: Scores, count: number): TensorSpec[] {
  if (kind === "indices") return [{ name: "output-0", datatype: "INT64", shape: [-1] }];
  return count > 1 ? Array.from({ length: count }, (_, index) => ({ name: String(index), datatype: "FP64", shape: [-1] })) : [];
}

export function indices(values: readonly number[], shape: readonly number[], name = "output-0"): Payload & { kind: "tensors" } {
  const data = bytesOf(BigInt64Array.from(values, (value) => BigInt(value)));
  return { kind: "tensors", tensors: [{ name, datatype: "INT64", shape, data }] };
}

export function texts(values: readonly string[]): Payload {
  const data = values.map((value) => encoder.encode(value));
  return { kind: "tensors", tensors: [{ name: "output-0", datatype: "BYTES", shape: [values.length], data }] };
}
