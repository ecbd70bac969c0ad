import { expect, it } from "vitest";
import { ServeError } from "../../core/errors.ts";
import type { JsonValue, Payload } from "../../core/inference.ts";
import { bytesOf, type Tensor } from "../../core/tensor.ts";
import { compareOutcomes, type Outcome } from "./compare.ts";

function floats(values: readonly number[], name = "y"): Tensor {
  return { name, datatype: "FP32", shape: [values.length], data: bytesOf(Float32Array.from(values)) };
}
function longs(values: readonly bigint[]): Tensor {
  return { name: "y", datatype: "INT64", shape: [values.length], data: bytesOf(BigInt64Array.from(values)) };
}
function texts(values: readonly string[]): Tensor {
  return { name: "y", datatype: "BYTES", shape: [values.length], data: values.map((text) => Buffer.from(text)) };
}
const answer = (...tensors: Tensor[]): Outcome => ({ payload: { kind: "tensors", tensors } });
const json = (value: JsonValue): Outcome => ({ payload: { kind: "json", value } satisfies Payload });
const error = (code: "INVALID_ARGUMENT" | "INTERNAL"): Outcome => ({ error: new ServeError(code, "it is wrong") });

it.each<[string, Outcome, Outcome, string, string]>([
  ["the same bytes", answer(floats([1, Number.NaN])), answer(floats([1, Number.NaN])), "equal", ""],
  ["numbers within the tolerance", answer(floats([1, 1000])), answer(floats([1.0005, 1000.5])), "close", ""],
  ["other numbers", answer(floats([1, 2])), answer(floats([1, 3])), "values", "output y[1]: 2 against 3"],
  ["one that is not a number", answer(floats([Number.NaN])), answer(floats([1])), "values", "output y[0]: NaN against 1"],
  [
    "whole numbers that are near",
    answer(longs([10n ** 15n])),
    answer(longs([10n ** 15n + 1n])),
    "values",
    `output y[0]: ${10n ** 15n} against ${10n ** 15n + 1n}`,
  ],
  ["other texts", answer(texts(["a", "b"])), answer(texts(["a", "c"])), "values", 'output y[1]: "b" against "c"'],
  ["the same texts", answer(texts(["a", "b"])), answer(texts(["a", "b"])), "equal", ""],
  ["another shape", answer(floats([1])), answer(floats([1, 2])), "shape", "output y: FP32[1] against FP32[2]"],
  ["another datatype", answer(longs([1n])), answer(floats([1])), "shape", "output y: INT64[1] against FP32[1]"],
  ["one output of another name", answer(floats([1])), answer(floats([1], "z")), "equal", ""],
  ["other outputs", answer(floats([1]), floats([1], "z")), answer(floats([1]), floats([1], "w")), "outputs", "outputs y, z against y, w"],
  ["outputs in another order", answer(floats([1]), floats([2], "z")), answer(floats([2], "z"), floats([1])), "equal", ""],
  ["an error and an answer", error("INTERNAL"), answer(floats([1])), "error", "INTERNAL against OK"],
  ["an answer and an error", answer(floats([1])), error("INTERNAL"), "error", "OK against INTERNAL: it is wrong"],
  ["the same error", error("INTERNAL"), error("INTERNAL"), "equal", ""],
  ["JSON that is near", json({ a: [1, { b: 2 }] }), json({ a: [1, { b: 2.0001 }] }), "close", ""],
  ["JSON with another value", json({ a: [1, "x"] }), json({ a: [1, "y"] }), "values", 'answer.a[1]: "x" against "y"'],
  ["JSON with another length", json([1]), json([1, 2]), "shape", "answer: 1 elements against 2"],
  ["JSON with another name", json({ a: 1 }), json({ b: 1 }), "outputs", "answer: only one has a"],
])("compares %s", (_name, first, second, result, difference) => {
  expect(compareOutcomes(first, second, 1e-3)).toEqual({ result, difference });
});
