import { expect, it } from "vitest";
import { outputsOf } from "./outputs.ts";

it("gives away no list that the answer itself goes on using", () => {
  const shape = [1, 2];
  const payload = { kind: "tensors", tensors: [{ name: "y", datatype: "UINT8", shape, data: new Uint8Array(2) }] } as const;
  const { y } = outputsOf(payload) as { y: { shape: number[] } };
  y.shape.shift();
  expect(shape).toEqual([1, 2]);
});
