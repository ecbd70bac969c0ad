import { expect, it } from "vitest";
import type { Tensor } from "../../core/tensor.ts";
import { hasMoreElements } from "./large.ts";

const numbers = (count: number): Tensor => ({ name: "y", datatype: "FP64", shape: [count], data: new Uint8Array(8 * count) });
const texts = (...all: string[]): Tensor => ({
  name: "s",
  datatype: "BYTES",
  shape: [all.length],
  data: all.map((each) => Buffer.from(each)),
});

it.each<[readonly Tensor[], boolean]>([
  [[], false],
  [[numbers(100)], false],
  [[numbers(101)], true],
  [[numbers(60), numbers(60)], true],
  [[texts(...Array(50).fill("short"))], false],
  [[texts(...Array(101).fill(""))], true],
  [[texts("x".repeat(2000))], true],
])("counts elements, and text by its length too (%#)", (tensors, expected) => {
  expect(hasMoreElements({ kind: "tensors", tensors }, 100)).toBe(expected);
});

it("knows only tensors", () => {
  expect(hasMoreElements({ kind: "rows", rows: Array(1000).fill(1) }, 100)).toBe(false);
});
