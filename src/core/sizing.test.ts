import { describe, expect, it } from "vitest";
import type { Signature, SizingDeclarations, TensorSpec } from "./signature.ts";
import { sizingOf } from "./sizing.ts";

const tokens: TensorSpec = { name: "tokens", datatype: "INT64", shape: [-1, -1] };
const image: TensorSpec = { name: "image", datatype: "UINT8", shape: [-1, -1, -1, 3] };
const text: TensorSpec = { name: "text", datatype: "BYTES", shape: [-1, -1] };
const ratio: TensorSpec = { name: "ratio", datatype: "FP16", shape: [-1, -1] };
const fixed: TensorSpec = { name: "fixed", datatype: "FP32", shape: [-1, 4] };
const constant: TensorSpec = { name: "constant", datatype: "FP32", shape: [4] };
const one: TensorSpec = { name: "one", datatype: "FP32", shape: [1, -1] };
const flags: TensorSpec = { name: "flags", datatype: "BOOL", shape: [-1, -1] };
const scores: TensorSpec = { name: "scores", datatype: "FP32", shape: [-1, -1], declared: true };
const label: TensorSpec = { name: "label", datatype: "FP32", shape: [-1], declared: true };

function signature(sizing: unknown, given: Partial<Signature> = {}): Signature {
  return {
    accepts: "tensors",
    inputs: [tokens, image, text, ratio, fixed, constant, one, flags],
    outputs: [scores, label],
    batchable: true,
    sizing: sizing as SizingDeclarations,
    ...given,
  };
}

describe("sizing", () => {
  it("is nothing for a model that declares nothing", () => {
    expect(sizingOf({ batchable: true })).toBeUndefined();
  });

  it("knows the padded dimensions, and is compiled once", () => {
    const declared = signature({
      padding: { image: 255, tokens: -1, text: "", flags: true, ratio: 0 },
      unpad: { scores: "tokens" },
      cost: "tokens",
    });
    const sizing = sizingOf(declared);
    expect(sizingOf(declared)).toBe(sizing);
    expect(sizing?.padded.get("image")).toMatchObject({ axes: [1, 2], offset: 0, fixed: 3, element: Uint8Array.of(255) });
    expect(sizing?.padded.get("tokens")).toMatchObject({ axes: [1], offset: 2, element: new Uint8Array(8).fill(255) });
    expect(sizing?.padded.get("text")?.elementBytes).toBe(4);
    const data = new Uint8Array(2 * 5 * 8);
    const payload = { kind: "tensors", tensors: [{ name: "tokens", datatype: "INT64", shape: [2, 5], data }] } as const;
    expect(sizing?.sizesOf(payload)).toEqual([0, 0, 5, 0, 0, 0]);
    expect(sizing?.costOf(payload, 2)).toBe(10);
    expect(sizing?.costOfRow([0, 0, 7, 0, 0, 0])).toBe(7);
    expect(sizingOf(signature({ cost: "tokens" }))?.costOfRow([])).toBeUndefined();
    expect(sizingOf(signature({ padding: { tokens: 0 } }))?.costOf(payload, 2)).toBe(2);
  });

  it.each<[unknown, string, Partial<Signature>?]>([
    [{ padding: { token: 0 } }, "padding names the input 'token'; the model declares 'tokens', 'image'"],
    [{ padding: { token: 0 } }, "Did you mean 'tokens'?"],
    [{ padding: { tokens: 0 } }, "the model declares no inputs", { inputs: [] }],
    [{ padding: 0 }, "padding is 0; expected an object by input name"],
    [{ padding: { tokens: 0.5 } }, "padding of input 'tokens' is 0.5, and the input is INT64: expected a whole number that it can hold"],
    [{ padding: { tokens: "0" } }, `padding of input 'tokens' is "0"`],
    [{ padding: { image: 256 } }, "padding of input 'image' is 256"],
    [{ padding: { image: -1 } }, "padding of input 'image' is -1"],
    [{ padding: { text: 0 } }, "and the input is BYTES: expected text"],
    [{ padding: { flags: 0 } }, "and the input is BOOL: expected true or false"],
    [{ padding: { ratio: 1 } }, "and the input is FP16: expected 0"],
    [
      { padding: { fixed: null } },
      "padding names the input 'fixed' [-1,4]; expected a first dimension of -1 for rows, and another one of -1",
    ],
    [{ padding: { one: 0 } }, "padding names the input 'one' [1,-1]"],
    [{ padding: { tokens: 0 } }, "declare the model batchable", { batchable: false }],
    [{ padding: { tokens: 0 } }, "neither stateful nor streaming", { stateful: true }],
    [{ unpad: { scores: "tokens" } }, "unpad says that output 'scores' is as long as 'tokens', which is no input in padding"],
    [{ padding: { tokens: 0 }, unpad: { score: "tokens" } }, "unpad names the output 'score'; the model declares 'scores', 'label'"],
    [
      { padding: { tokens: 0 }, unpad: { label: "tokens" } },
      "expected 1 variable dimension(s) behind the first, as that has, and it has 0",
    ],
    [{ cost: "image2" }, "cost names the input 'image2'"],
    [{ cost: 7 }, "cost names the input 7"],
    [{ cost: "constant" }, "cost is the input 'constant', which has no variable dimension"],
  ])("refuses %j: %s", (sizing, message, given) => {
    expect(() => sizingOf(signature(sizing, given))).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(message) }),
    );
  });
});
