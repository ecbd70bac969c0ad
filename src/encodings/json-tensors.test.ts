import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JsonValue } from "../core/inference.ts";
import { elementsOf, type NumericTensor, type Tensor } from "../core/tensor.ts";
import { tensorOfJson, tensorsOfColumns, tensorsOfRows } from "./json-tensors.ts";

function valuesOf(tensor: Tensor | undefined): unknown[] {
  if (tensor?.datatype === "BYTES") return tensor.data.map((bytes) => Buffer.from(bytes).toString());
  return tensor === undefined ? [] : [...elementsOf(tensor as NumericTensor)];
}

describe("JSON as a tensor", () => {
  it.each<[string, JsonValue, string, number[], unknown[]]>([
    [
      "whole numbers",
      [
        [1, 2],
        [3, 4],
      ],
      "INT64",
      [2, 2],
      [1n, 2n, 3n, 4n],
    ],
    ["fractions", [[1, 2.5]], "FP64", [1, 2], [1, 2.5]],
    ["minus zero, which no integer is", [1, -0], "FP64", [2], [1, -0]],
    ["null, which is NaN", [1, null], "FP64", [2], [1, Number.NaN]],
    ["long integers", [2n ** 60n, 1], "INT64", [2], [2n ** 60n, 1n]],
    ["longer ones", [2n ** 63n], "UINT64", [1], [2n ** 63n]],
    ["longer ones beside negative ones", [2n ** 63n, -1], "FP64", [2], [2 ** 63, -1]],
    ["what no integer holds", [1e300], "FP64", [1], [1e300]],
    ["texts", ["a", "ü"], "BYTES", [2], ["a", "ü"]],
    ["V1's bytes", [{ b64: "YQ==" }], "BYTES", [1], ["a"]],
    ["booleans", [[true], [false]], "BOOL", [2, 1], [1, 0]],
    ["a value without a list", 7, "INT64", [1], [7n]],
    ["an empty list", [], "FP64", [0], []],
    ["lists without elements", [[], []], "FP64", [2, 0], []],
  ])("takes %s", (_, value, datatype, shape, values) => {
    const tensor = tensorOfJson("x", value);
    expect(tensor).toMatchObject({ name: "x", datatype, shape });
    expect(valuesOf(tensor)).toEqual(values);
  });

  it.each<[string, JsonValue]>([
    ["ragged lists", [[1], [1, 2]]],
    ["lists of different depth", [[1], 2]],
    ["several kinds", [1, "a"]],
    ["objects", [{ a: 1 }]],
    ["nothing but null", [null]],
    ["booleans among numbers", [true, 1]],
  ])("does not take %s", (_, value) => expect(tensorOfJson("x", value)).toBeUndefined());

  it("takes numbers for floats where integers are bigints", () => {
    expect(tensorOfJson("x", [1, 2], "bigint")).toMatchObject({ datatype: "FP64" });
    expect(tensorOfJson("x", [1n, 2n], "bigint")).toMatchObject({ datatype: "INT64" });
  });

  it("keeps every rectangular list of doubles", () => {
    const rows = fc
      .integer({ min: 1, max: 5 })
      .chain((width) =>
        fc.array(fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: width, maxLength: width }), { minLength: 1 }),
      );
    fc.assert(
      fc.property(rows, (values) => {
        const tensor = tensorOfJson("x", values);
        expect(tensor?.shape).toEqual([values.length, values[0]?.length]);
        expect(valuesOf(tensor).map(Number)).toEqual(values.flat());
      }),
    );
  });
});

describe("rows and columns", () => {
  it("are one tensor for each key of objects", () => {
    const tensors = tensorsOfRows(
      [
        { a: 1, b: "x" },
        { b: "y", a: 2 },
      ],
      "input-0",
    );
    expect(tensors?.map(({ name, datatype }) => `${name} ${datatype}`)).toEqual(["a INT64", "b BYTES"]);
    expect(tensors?.map(valuesOf)).toEqual([
      [1n, 2n],
      ["x", "y"],
    ]);
  });

  it("are nothing when the objects differ", () => {
    expect(tensorsOfRows([{ a: 1 }, { b: 1 }], "x")).toBeUndefined();
    expect(tensorsOfRows([{ a: 1 }, 2], "x")).toBeUndefined();
    expect(tensorsOfRows([{}], "x")).toBeUndefined();
  });

  it("have the given name without keys", () =>
    expect(tensorsOfRows([[1], [2]], "input-0")).toMatchObject([{ name: "input-0", shape: [2, 1] }]));

  it("keep the names of columns", () => {
    expect(tensorsOfColumns({ a: [1.5], b: ["x"] })).toMatchObject([{ name: "a" }, { name: "b" }]);
    expect(tensorsOfColumns({ a: [[1], 2] })).toBeUndefined();
  });
});
