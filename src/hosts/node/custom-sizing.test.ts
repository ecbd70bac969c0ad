import { describe, expect, it } from "vitest";
import type { TensorSpec } from "../../core/signature.ts";
import type { Tensor } from "../../core/tensor.ts";
import { declarationsOfSizes, lengthsOf, paddedAxes } from "./custom-sizing.ts";

const inputs: TensorSpec[] = [
  { name: "tokens", datatype: "UINT8", shape: [-1, -1] },
  { name: "image", datatype: "UINT8", shape: [-1, -1, -1, 3] },
  { name: "other", datatype: "UINT8", shape: [-1, -1] },
];
const tensors: Tensor[] = [
  { name: "image", datatype: "UINT8", shape: [3, 1, 2, 3], data: new Uint8Array(18) },
  { name: "tokens", datatype: "UINT8", shape: [3, 4], data: new Uint8Array(12) },
];
const call = {
  method: "predict",
  payload: { kind: "tensors", tensors },
  outputs: undefined,
  parameters: {},
  signal: new AbortController().signal,
} as const;

describe("sizes of a custom model", () => {
  it("are told as they were declared", () => {
    expect(declarationsOfSizes({})).toBeUndefined();
    expect(declarationsOfSizes({ padding: { tokens: 5n }, cost: "tokens" })).toEqual({ padding: { tokens: 5 }, cost: "tokens" });
    expect(() => declarationsOfSizes({ padding: { tokens: () => 0 } })).toThrow("'tokens' is a function; padding, unpad and cost are data");
  });

  it("are known of each row, whether or not it was padded", () => {
    const padded = paddedAxes(inputs, { tokens: 0, image: 0 });
    const whole = [1, 2];
    expect(lengthsOf(call, padded)).toEqual({ tokens: [4, 4, 4], image: [whole, whole, whole] });
    const lengths = {
      tokens: [
        [2, 1],
        [1, 4],
      ],
      image: [
        [2, 1, 0],
        [1, 1, 2],
      ],
    };
    expect(lengthsOf({ ...call, lengths }, padded)).toEqual({ tokens: [1, 1, 4], image: [[1, 0], [1, 0], whole] });
  });
});
