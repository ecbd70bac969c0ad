import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Payload } from "../core/inference.ts";
import type { Lengths, ReplicaCall } from "../core/replica.ts";
import type { Signature, TensorSpec } from "../core/signature.ts";
import { type Sizing, sizingOf } from "../core/sizing.ts";
import { bytesOf, elementCount, elementsOf, type NumericTensor, type Tensor } from "../core/tensor.ts";
import { joinCalls, splitPayload } from "./assemble.ts";

const inputs: TensorSpec[] = [
  { name: "tokens", datatype: "INT32", shape: [-1, -1] },
  { name: "pages", datatype: "FP32", shape: [-1, -1, 2, -1] },
  { name: "words", datatype: "BYTES", shape: [-1, -1] },
  { name: "weight", datatype: "FP64", shape: [-1, 1] },
];
const outputs: TensorSpec[] = inputs.map((spec) => ({ ...spec, name: `${spec.name}_out`, declared: true }));
const signature: Signature = {
  accepts: "tensors",
  inputs,
  outputs,
  batchable: true,
  sizing: {
    padding: { words: "<pad>", tokens: -7, pages: 0 },
    unpad: { tokens_out: "tokens", pages_out: "pages", words_out: "words" },
    cost: "tokens",
  },
};
const sizing = sizingOf(signature) as Sizing;

interface Request {
  readonly rows: number;
  readonly tokens: number;
  readonly pages: readonly [number, number];
  readonly words: number;
}

/** Every element of every request is another number. */
function callOf({ rows, tokens, pages, words }: Request, seed: number): ReplicaCall {
  const number = (index: number): number => seed * 10_000 + index;
  const list = (shape: readonly number[]): number[] => Array.from({ length: elementCount(shape) }, (_, index) => number(index));
  const pagesShape = [rows, pages[0], 2, pages[1]];
  const tensors: Tensor[] = [
    { name: "words", datatype: "BYTES", shape: [rows, words], data: list([rows, words]).map((each) => Buffer.from(String(each))) },
    { name: "tokens", datatype: "INT32", shape: [rows, tokens], data: bytesOf(Int32Array.from(list([rows, tokens]))) },
    { name: "weight", datatype: "FP64", shape: [rows, 1], data: bytesOf(Float64Array.from(list([rows, 1]))) },
    { name: "pages", datatype: "FP32", shape: pagesShape, data: bytesOf(Float32Array.from(list(pagesShape))) },
  ];
  return { method: "predict", payload: { kind: "tensors", tensors } };
}

function partOf(call: ReplicaCall) {
  return { call, rows: tensorsOf(call.payload)[0]?.shape[0] ?? 0, padded: { sizing, sizes: sizing.sizesOf(call.payload) } };
}

function tensorsOf(payload: Payload): readonly Tensor[] {
  if (payload.kind !== "tensors") throw new Error("expected tensors");
  return payload.tensors;
}

/** A model that answers its inputs, and for each row the sum of its tokens as far as they are real. */
function model({ payload, lengths }: ReplicaCall): Payload {
  const tensors = tensorsOf(payload);
  const tokens = tensors.find(({ name }) => name === "tokens") as NumericTensor;
  const [rows = 0, width = 0] = tokens.shape;
  const real = rowLengths(lengths, rows, width);
  const values = elementsOf(tokens) as Int32Array;
  const sums = Float64Array.from({ length: rows }, (_, row) =>
    values.subarray(row * width, row * width + (real[row] as number)).reduce((sum, value) => sum + value, 0),
  );
  const sum: Tensor = { name: "sum", datatype: "FP64", shape: [rows], data: bytesOf(sums) };
  return { kind: "tensors", tensors: [...tensors.map((tensor) => ({ ...tensor, name: `${tensor.name}_out` })), sum] };
}

function rowLengths(lengths: Lengths | undefined, rows: number, width: number): number[] {
  return (lengths?.tokens ?? [[rows, width]]).flatMap(([count, size]) => new Array<number>(count as number).fill(size as number));
}

function plain(payload: Payload): unknown {
  return tensorsOf(payload).map((tensor) => ({
    ...tensor,
    data:
      tensor.datatype === "BYTES"
        ? tensor.data.map((each) => Buffer.from(each).toString())
        : Array.from(elementsOf(tensor) as Iterable<number>),
  }));
}

const size = fc.integer({ min: 0, max: 4 });
const request: fc.Arbitrary<Request> = fc.record({
  rows: fc.integer({ min: 1, max: 3 }),
  tokens: size,
  pages: fc.tuple(size, size),
  words: size,
});

describe("a padded batch", () => {
  it("gives every request what it would get alone", () => {
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 6 }), (requests) => {
        const parts = requests.map((each, index) => partOf(callOf(each, index)));
        const answers = splitPayload(model(joinCalls(parts)), parts);
        expect(answers.map(plain)).toEqual(parts.map(({ call }) => plain(model(call))));
      }),
    );
  });

  it("is filled up with the declared values, and says how long each request was", () => {
    const parts = [
      partOf(callOf({ rows: 1, tokens: 1, pages: [1, 1], words: 2 }, 1)),
      partOf(callOf({ rows: 2, tokens: 3, pages: [0, 2], words: 1 }, 2)),
    ];
    const { payload, lengths } = joinCalls(parts);
    expect(lengths).toEqual({
      words: [
        [1, 2],
        [2, 1],
      ],
      tokens: [
        [1, 1],
        [2, 3],
      ],
      pages: [
        [1, 1, 1],
        [2, 0, 2],
      ],
    });
    const [words, tokens, weight, pages] = plain(payload) as Array<{ shape: number[]; data: unknown[] }>;
    expect(words).toMatchObject({ shape: [3, 2], data: ["10000", "10001", "20000", "<pad>", "20001", "<pad>"] });
    expect(tokens).toMatchObject({ shape: [3, 3], data: [10000, -7, -7, 20000, 20001, 20002, 20003, 20004, 20005] });
    expect(weight).toMatchObject({ shape: [3, 1] });
    expect(pages).toMatchObject({ shape: [3, 1, 2, 2], data: [10000, 0, 10001, 0, 0, 0, 0, 0, 0, 0, 0, 0] });
  });

  it("is as it came, without lengths, when all are equally long", () => {
    const alike = { rows: 1, tokens: 2, pages: [1, 1], words: 1 } as const;
    expect(joinCalls([partOf(callOf(alike, 1)), partOf(callOf(alike, 2))])).not.toHaveProperty("lengths");
    const alone = partOf(callOf(alike, 1));
    expect(joinCalls([alone])).toBe(alone.call);
  });

  it("cuts nothing that is not declared to be as long, and refuses what is not as long as declared", () => {
    const parts = [
      partOf(callOf({ rows: 1, tokens: 1, pages: [1, 1], words: 1 }, 1)),
      partOf(callOf({ rows: 1, tokens: 3, pages: [1, 1], words: 1 }, 2)),
    ];
    const answer = (name: string, length: number): Payload => {
      return { kind: "tensors", tensors: [{ name, datatype: "UINT8", shape: [2, length], data: new Uint8Array(2 * length) }] };
    };
    const shapes = (payloads: Payload[]): unknown => payloads.map((payload) => tensorsOf(payload)[0]?.shape);
    expect(shapes(splitPayload(answer("tokens_out", 3), parts))).toEqual([
      [1, 1],
      [1, 3],
    ]);
    expect(shapes(splitPayload(answer("other", 3), parts))).toEqual([
      [1, 3],
      [1, 3],
    ]);
    expect(() => splitPayload(answer("tokens_out", 2), parts)).toThrow(
      "output 'tokens_out' has shape [2,2] for a batch in which input 'tokens' was padded to 3; unpad says that it is as long, so its dimension 1 must be 3",
    );
  });
});
