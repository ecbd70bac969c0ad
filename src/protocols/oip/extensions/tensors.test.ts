import { describe, expect, it } from "vitest";
import type { Signature } from "../../../core/signature.ts";
import { bytesOf, type Datatype, elementsOf, type NumericTensor, type Tensor } from "../../../core/tensor.ts";
import { classesOf, classified, classify } from "./classification.ts";
import { assertNoneTwice, onlyAnswer, readGenerate, writeGenerated } from "./generate.ts";
import { rawInput } from "./raw-input.ts";

const texts = (tensor: Tensor): string[] => (tensor.data as readonly Uint8Array[]).map((bytes) => Buffer.from(bytes).toString());
const floats = (name: string, shape: number[], ...values: number[]): Tensor => ({
  name,
  datatype: "FP32",
  shape,
  data: bytesOf(Float32Array.from(values)),
});

/** Triton's example `simple`: two INT32 [16] in, two out, of which any number of rows. */
const simple: Signature = {
  accepts: "tensors",
  batchable: true,
  inputs: ["INPUT0", "INPUT1"].map((name) => ({ name, datatype: "INT32", shape: [-1, 16] })),
  outputs: ["OUTPUT0", "OUTPUT1"].map((name) => ({ name, datatype: "INT32", shape: [-1, 16] })),
};

describe("classification", () => {
  it("has the largest of each row first, in Triton's words, and NaN last", () => {
    const scores = floats("y", [2, 3], 0.1, 0.7, 0.7, Number.NaN, -1, 2);
    const top = classify(scores, 2, true);
    expect([top.shape, texts(top)]).toEqual([
      [2, 2],
      ["0.700000:1", "0.700000:2", "2.000000:2", "-1.000000:1"],
    ]);
    expect(texts(classify(scores, 9, false))).toHaveLength(6);
    const whole: Tensor = { name: "y", datatype: "INT64", shape: [2], data: bytesOf(BigInt64Array.of(-5n, 9007199254740993n)) };
    expect(texts(classify(whole, 1, false))).toEqual(["9007199254740993:1"]);
  });

  it("says what classes are called, where they have names", () => {
    const named = { outputs: [{ name: "y", datatype: "FP32", shape: [-1, 3], labels: ["cat", "", "dog"] }], maxRows: 4 } as const;
    const payload = classified({ kind: "tensors", tensors: [floats("y", [1, 4], 4, 3, 2, 1)] }, new Map([["y", 4]]), named);
    const [top] = payload.kind === "tensors" ? payload.tensors : [];
    expect(top?.shape).toEqual([1, 4]);
    expect(top && texts(top)).toEqual(["4.000000:0:cat", "3.000000:1", "2.000000:2:dog", "1.000000:3"]);
  });

  it("refuses what cannot be sorted, and numbers of classes that are none", () => {
    const text: Tensor = { name: "y", datatype: "BYTES", shape: [1], data: [Buffer.from("a")] };
    expect(() => classify(text, 1, false)).toThrow("class result not available for output due to unsupported type 'BYTES'");
    expect(() => classify({ name: "y", datatype: "UINT8", shape: [1_000_001], data: new Uint8Array(1_000_001) }, 1, false)).toThrow(
      "classification output tensor too large",
    );
    expect([classesOf(undefined, "y"), classesOf(0, "y"), classesOf(3n, "y")]).toEqual([0, 0, 3]);
    for (const wrong of [-1, 1.5, "2", 2 ** 33]) expect(() => classesOf(wrong, "y")).toThrow("Unable to parse 'classification'");
  });
});

describe("a raw request", () => {
  const input = (datatype: Datatype, ...shape: number[]): Signature => ({
    accepts: "tensors",
    batchable: true,
    inputs: [{ name: "x", datatype, shape }],
    outputs: [],
  });

  it("is one row of the only input", () => {
    const tensor = rawInput(input("INT32", -1, -1), bytesOf(Int32Array.of(1, 2, 3)), "m");
    expect([tensor.shape, Array.from(elementsOf(tensor as NumericTensor) as Int32Array)]).toEqual([
      [1, 3],
      [1, 2, 3],
    ]);
    const limited = { ...input("INT32", -1, -1), batchable: false, maxRows: 4 };
    expect(rawInput(limited, bytesOf(Int32Array.of(1, 2)), "m").shape).toEqual([1, 2]);
    const text = rawInput(input("BYTES", -1, 1), Buffer.from("hello"), "m");
    expect([text.shape, texts(text)]).toEqual([[1, 1], ["hello"]]);
  });

  it("is refused where bytes and shape do not say what it is", () => {
    expect(() => rawInput(simple, new Uint8Array(4), "simple")).toThrow(
      "Raw request must only have 1 input (found 1) to be deduced but got 2 inputs",
    );
    expect(() => rawInput(input("INT32", -1, -1, -1), new Uint8Array(4), "m")).toThrow("more than one variable-sized dimension");
    expect(() => rawInput(input("INT32", -1, 2), new Uint8Array(4), "m")).toThrow("has 4 bytes, expected 8");
    expect(() => rawInput(input("INT32", -1, -1), new Uint8Array(5), "m")).toThrow("expected a multiple of 4");
    expect(() => rawInput(input("BYTES", -1, 2), Buffer.from("a"), "m")).toThrow("the model must have input shape [1]");
  });
});

describe("generate", () => {
  const spec = (name: string, datatype: Datatype, ...shape: number[]): Signature["inputs"][number] => ({ name, datatype, shape });
  const model: Signature = {
    accepts: "tensors",
    inputs: [spec("PROMPT", "BYTES", -1, 1), spec("STREAM", "BOOL", -1), spec("x", "FP32", -1, 2)],
    outputs: [],
  };

  it("takes keys that are inputs as tensors, others as parameters, and those of `parameters` too", () => {
    const { id, tensors, parameters } = readGenerate(
      { id: "7", PROMPT: "hello", x: [1, 2, 3, 4], parameters: { STREAM: false, temperature: 0.5 }, other: true },
      model,
      "llm",
    );
    expect(id).toBe("7");
    expect(tensors.map(({ name, shape }) => [name, shape])).toEqual([
      ["PROMPT", [1, 1]],
      ["x", [2, 2]],
      ["STREAM", [1]],
    ]);
    expect(parameters).toEqual({ other: true, temperature: 0.5 });
  });

  it.each([
    [{ PROMPT: 123 }, "attempt to access JSON non-string as string"],
    [{ STREAM: "false" }, "attempt to access JSON non-boolean as boolean"],
    [{ x: [1, 2, 3] }, "The schema can not convert input 'x' to tensor with proper shape"],
    [{ parameters: 1 }, "Expected JSON object for keyword: 'parameters'"],
    [{ parameters: { nested: {} } }, "Converting keyword: 'parameters': parameter 'nested' has invalid type."],
    [{ PROMPT: "a", parameters: { PROMPT: "b" } }, "input 'PROMPT' already exists in request"],
  ])("refuses %j", (body, message) => {
    expect(() => readGenerate(body, model, "llm")).toThrow(message);
  });

  it("finds a tensor that is there twice, which JSON does not", () => {
    const twice = (text: string) => () => assertNoneTwice(Buffer.from(text), model);
    expect(twice('{"PROMPT": "a", "STREAM": false, "PROMPT": "b"}')).toThrow("input 'PROMPT' already exists in request");
    expect(twice('{"PROMPT": "\\"PROMPT\\": {", "other": 1, "other": 2, "x": ["STREAM", "STREAM"]}')).not.toThrow();
  });

  it("answers one element as itself and others as a list", () => {
    const tensors: Tensor[] = [floats("one", [1, 1], 0.5), floats("more", [2], 1, Number.NaN), floats("none", [0])];
    expect(writeGenerated({ modelName: "m", modelVersion: "2", id: undefined }, { kind: "tensors", tensors })).toBe(
      '{"model_name":"m","model_version":"2","one":0.5,"more":[1,null],"none":[]}',
    );
  });

  it("needs exactly one answer", async () => {
    async function* payloads(count: number): AsyncGenerator<{ kind: "json"; value: number }> {
      for (let value = 0; value < count; value++) yield { kind: "json", value };
    }
    await expect(onlyAnswer(payloads(1))).resolves.toEqual({ kind: "json", value: 0 });
    for (const count of [0, 2])
      await expect(onlyAnswer(payloads(count))).rejects.toThrow("generate expects model to produce exactly 1 response");
  });
});
