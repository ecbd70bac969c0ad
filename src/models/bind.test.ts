import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ServeError } from "../core/errors.ts";
import type { JsonValue, Payload } from "../core/inference.ts";
import type { Signature } from "../core/signature.ts";
import { bytesOf, type Datatype, elementsOf, type NumericTensor, type Tensor } from "../core/tensor.ts";
import { bind } from "./bind.ts";

const matrix: Signature = {
  accepts: "matrix",
  inputs: [{ name: "input-0", datatype: "FP64", shape: [-1, 2] }],
  outputs: [],
  columns: ["a", "b"],
  convertsNumbers: true,
};
const frame: Signature = {
  accepts: "frame",
  inputs: [
    { name: "age", datatype: "FP64", shape: [-1] },
    { name: "city", datatype: "BYTES", shape: [-1] },
  ],
  outputs: [],
};
const tensors: Signature = {
  accepts: "tensors",
  inputs: [
    { name: "left", datatype: "INT64", shape: [-1, 2] },
    { name: "right", datatype: "FP32", shape: [-1] },
  ],
  outputs: [],
};

const rows = (...values: JsonValue[]): Payload => ({ kind: "rows", rows: values });
const tensor = (name: string, datatype: Datatype, shape: number[], data = new Float64Array(shape.reduce((a, b) => a * b, 1))): Payload => ({
  kind: "tensors",
  tensors: [{ name, datatype, shape, data: bytesOf(data) } as Tensor],
});
const boundTensors = (payload: Payload, signature: Signature): readonly Tensor[] => {
  const bound = bind(payload, signature, "m");
  if (bound.kind !== "tensors") throw new Error(`bound to ${bound.kind}`);
  return bound.tensors;
};
const numbers = (value: Tensor | undefined): unknown[] => Array.from(elementsOf(value as NumericTensor) as Iterable<unknown>);
const texts = (value: Tensor | undefined): string[] => ((value?.data ?? []) as Uint8Array[]).map((bytes) => Buffer.from(bytes).toString());

describe("a nameless matrix", () => {
  it("takes a tensor of any name and any numeric datatype as it came", () => {
    const payload = tensor("whatever", "FP64", [3, 2]);
    expect(bind(payload, matrix, "m")).toBe(payload);
  });

  it("takes rows of lists and of objects", () => {
    const expected = { name: "input-0", datatype: "FP64", shape: [2, 2] };
    for (const payload of [rows([1, 2], [3, null]), rows({ b: 2, a: 1 }, { a: 3, b: null })]) {
      const [bound] = boundTensors(payload, matrix);
      expect(bound).toMatchObject(expected);
      expect(numbers(bound)).toEqual([1, 2, 3, Number.NaN]);
    }
  });

  it("takes one tensor per column", () => {
    const payload: Payload = {
      kind: "tensors",
      tensors: ["b", "a"].map((name, index) => ({ name, datatype: "FP64", shape: [2, 1], data: bytesOf(Float64Array.of(index, index)) })),
    };
    expect(numbers(boundTensors(payload, matrix)[0])).toEqual([1, 0, 1, 0]);
  });

  it.each([
    [tensor("x", "FP64", [1, 3]), "unexpected shape for input 'x' for model 'm'. Expected [-1,2], got [1,3]"],
    [tensor("x", "FP64", [2]), "for one row send [1,2]"],
    [rows([1, 2], [3]), "instance 1 has 1 values, but model 'm' expects 2 in each"],
    [rows([1, "x"]), `instance 0, value 1 is "x", but model 'm' expects numbers`],
    [rows({ a: 1, bb: 2 }), "unexpected inference input 'bb' for model 'm'"],
    [rows({ a: 1 }), "missing required input(s) ['b']"],
    [rows(7), "expects a list of 2 numbers in each"],
  ])("says what is wrong (%#)", (payload, message) => {
    expect(() => bind(payload, matrix, "m")).toThrow(message);
  });
});

describe("a data frame for a matrix without names", () => {
  const { columns: _, ...nameless } = matrix;
  const column = (name: string, shape: number[], ...values: number[]) =>
    ({ name, datatype: "FP64", shape, data: bytesOf(Float64Array.from(values)) }) as const;
  const pd = { content_type: "pd" };

  it("is its columns in the order given, where the request says that it is one", () => {
    const payload: Payload = { kind: "tensors", tensors: [column("z", [2], 1, 2), column("a", [2, 1], 3, 4)] };
    const bound = bind(payload, nameless, "m", pd);
    expect(bound).toMatchObject({ tensors: [{ name: "input-0", datatype: "FP64", shape: [2, 2] }] });
    expect(numbers((bound as Extract<Payload, { kind: "tensors" }>).tensors[0])).toEqual([1, 3, 2, 4]);
    expect(() => bind(payload, nameless, "m")).toThrow('content_type "pd"');
    // Names win where the model has some.
    expect(() => bind(payload, matrix, "m", pd)).toThrow("unexpected inference input 'z'");
  });

  it("has as many columns as the model", () => {
    const one: Payload = { kind: "tensors", tensors: [column("z", [2], 1, 2)] };
    expect(() => bind(one, nameless, "m", pd)).toThrow("has 1 columns, but model 'm' expects 2");
    const single: Signature = { ...nameless, inputs: [{ name: "input-0", datatype: "FP64", shape: [-1, 1] }] };
    expect(bind(one, single, "m", pd)).toMatchObject({ tensors: [{ shape: [2, 1] }] });
  });
});

describe("a matrix of text", () => {
  const documents: Signature = { accepts: "matrix", inputs: [{ name: "input-0", datatype: "BYTES", shape: [-1] }], outputs: [] };

  it("takes one text per row", () => {
    const [bound] = boundTensors(rows("good", "bad"), documents);
    expect(bound?.shape).toEqual([2]);
    expect(texts(bound)).toEqual(["good", "bad"]);
  });
});

describe("values that no text can show", () => {
  it.each([rows([1, { x: 1n }]), rows(5n), rows([1, "y".repeat(100_000)]), rows({ ["z".repeat(100_000)]: 1 })])(
    "are named in short (%#)",
    (payload) => {
      try {
        bind(payload, matrix, "m");
        expect.unreachable();
      } catch (error) {
        expect(error).toBeInstanceOf(ServeError);
        expect((error as ServeError).message.length).toBeLessThan(300);
      }
    },
  );

  it("are refused where their bits would be taken for numbers", () => {
    const columns = ["a", "b"].map((name) => ({ name, datatype: "FP16", shape: [1], data: new Uint8Array([0, 0x3c]) }) as Tensor);
    expect(() => bind({ kind: "tensors", tensors: columns }, matrix, "m")).toThrow("send columns as FP32 or FP64");
  });
});

describe("a data frame", () => {
  it("becomes one tensor per column", () => {
    const [age, city] = boundTensors(rows({ city: "Rome", age: 30 }, { city: "Oslo", age: 31.5 }), frame);
    expect(numbers(age)).toEqual([30, 31.5]);
    expect(texts(city)).toEqual(["Rome", "Oslo"]);
    expect(texts(boundTensors({ kind: "columns", columns: { age: [1], city: ["Bonn"] } }, frame)[1])).toEqual(["Bonn"]);
  });

  it("stays rows when a column holds what a tensor cannot", () => {
    const payload = rows({ age: 1, city: null });
    expect(bind(payload, frame, "m")).toBe(payload);
  });

  it("names a misspelt column and the one that was meant", () => {
    expect(() => bind(rows({ age: 1, cty: "x" }), frame, "m")).toThrow(/'cty'.*Did you mean 'city'\?/);
  });

  it("refuses columns of different lengths", () => {
    expect(() => bind({ kind: "columns", columns: { age: [1, 2], city: ["x"] } }, frame, "m")).toThrow("'city' has 1 rows, not 2");
  });
});

describe("named tensors", () => {
  it("stacks objects by name and keeps all bits of 64-bit integers", () => {
    const big = 9007199254740993n;
    const [left, right] = boundTensors(rows({ left: [1, big], right: 0.5 }), tensors);
    expect(numbers(left)).toEqual([1n, big]);
    expect(numbers(right)).toEqual([0.5]);
  });

  it.each([
    [rows({ left: [1, 2.5], right: 1 }), "element 1 is 2.5, which is not a value of INT64"],
    [rows({ left: [1, 2], right: 1 }, { left: [1], right: 1 }), "must be a rectangular list"],
    [tensor("left", "FP64", [1, 2]), "missing required input(s) ['right']"],
    [rows([1, 2]), "each instance must be an object with these keys"],
  ])("says what is wrong (%#)", (payload, message) => {
    expect(() => bind(payload, tensors, "m")).toThrow(message);
  });

  it("takes a number per row for a column, and refuses what 32 bits cannot hold or only some rows have", () => {
    const column: Signature = { accepts: "tensors", inputs: [{ name: "x", datatype: "FP32", shape: [-1, 1] }], outputs: [] };
    expect(boundTensors(rows(1, 2), column)[0]?.shape).toEqual([2, 1]);
    expect(() => bind(rows([1e300]), column, "m")).toThrow("element 0 is 1e+300, which is not a value of FP32");
    const optional: Signature = { ...tensors, inputs: tensors.inputs.map((input) => ({ ...input, optional: input.name === "right" })) };
    expect(() => bind(rows({ left: [1, 2], right: 1 }, { left: [1, 2] }), optional, "m")).toThrow("instance 1 lacks the input 'right'");
  });

  it("takes bytes as base64, alone or by name", () => {
    const bytes: Signature = { accepts: "tensors", inputs: [{ name: "image", datatype: "BYTES", shape: [-1] }], outputs: [] };
    const texts = (payload: Payload): string[] => {
      const [tensor] = boundTensors(payload, bytes);
      return [...((tensor?.data ?? []) as Uint8Array[])].map((each) => Buffer.from(each).toString());
    };
    expect(texts(rows({ b64: "aGk=" }, { b64: "" }))).toEqual(["hi", ""]);
    expect(texts(rows({ image: { b64: "aGk=" } }, { image: "text" }))).toEqual(["hi", "text"]);
    expect(() => bind(rows({ b64: "a*" }), bytes, "m")).toThrow("which is not a value of BYTES");
  });

  it("names the datatype that it expects", () => {
    const one: Signature = { ...tensors, inputs: tensors.inputs.slice(0, 1) };
    expect(() => bind(tensor("left", "FP64", [1, 2]), one, "m")).toThrow(
      "inference input 'left' data-type is 'FP64', but model 'm' expects 'INT64'",
    );
  });
});

describe("rows of which a request may have so many", () => {
  const limited: Signature = {
    accepts: "tensors",
    inputs: ["a", "b"].map((name) => ({ name, datatype: "FP32", shape: [-1, 1] })),
    outputs: [],
    maxRows: 2,
  };
  const both = (...shapes: number[][]): Payload => ({
    kind: "tensors",
    tensors: shapes.map((shape, index) => ({
      name: "ab"[index] ?? "",
      datatype: "FP32",
      shape,
      data: new Uint8Array(4 * shape.reduce((count, size) => count * size, 1)),
    })),
  });

  it.each<[string, Payload, string]>([
    ["too many", both([3, 1], [3, 1]), "inference request batch-size must be <= 2 for 'm'"],
    ["too many instances", rows({ a: [1], b: [1] }, { a: [1], b: [1] }, { a: [1], b: [1] }), "batch-size must be <= 2"],
    ["too many in columns", { kind: "columns", columns: { a: [[1], [1], [1]], b: [[1], [1], [1]] } }, "batch-size must be <= 2"],
    ["none", both([], [2, 1]), "input 'a' has no shape but model requires batch dimension for 'm'"],
    ["other ones", both([1, 1], [2, 1]), "input 'b' batch size does not match other inputs for 'm'"],
    [
      "another shape",
      both([2, 1], [2]),
      "unexpected shape for input 'b' for model 'm'. Expected [-1,1], got [2]. NOTE: Setting a non-zero max_batch_size in the model config",
    ],
  ])("are refused when they are %s", (_, payload, message) => {
    expect(() => bind(payload, limited, "m")).toThrow(message);
  });

  it("are taken up to that, none included", () => {
    for (const payload of [both([2, 1], [2, 1]), both([0, 1], [0, 1])]) expect(bind(payload, limited, "m")).toBe(payload);
  });
});

describe("memory for what a short body only names", () => {
  const wide: Signature = { ...matrix, inputs: [{ name: "input-0", datatype: "FP64", shape: [-1, 100_000_000] }] };
  const many = Array.from({ length: 10_000 }, () => 1);

  it("is not taken for the rows of a matrix", () => {
    expect(() => bind(rows(...many), wide, "m")).toThrow("expects a list of 100000000 numbers");
    expect(() => bind(rows(many, ...many), { accepts: "matrix", inputs: [], outputs: [] }, "m")).toThrow("instance 1 is 1");
  });

  it("is not taken for a shape that is guessed from the first row", () => {
    const spec = { name: "x", datatype: "FP64", shape: [-1, -1] } as const;
    const first = Array.from({ length: 1000 }, () => many);
    expect(() => bind(rows(first, ...many), { accepts: "tensors", inputs: [spec], outputs: [] }, "m")).toThrow(
      "must be a rectangular list",
    );
  });

  it("is not taken for columns whose shape has rows without elements", () => {
    const column = (name: string): Tensor => ({ name, datatype: "FP64", shape: [2 ** 53 - 1, 0], data: new Uint8Array(0) });
    const payload: Payload = { kind: "tensors", tensors: [column("a"), column("b")] };
    expect(() => bind(payload, matrix, "m")).toThrow("'a' has 0 rows, not 9007199254740991");
  });

  it("grows with the rows", () => {
    const values = Array.from({ length: 100_000 }, (_, index) => [index, -index]);
    const [bound] = boundTensors(rows(...values), matrix);
    expect([bound?.shape, elementsOf(bound as NumericTensor).at(-1)]).toEqual([[100_000, 2], -99_999]);
  });
});

it("never throws anything but a ServeError", () => {
  const anything = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof({ depthSize: "small" }, fc.jsonValue() as fc.Arbitrary<JsonValue>, fc.bigInt(), fc.array(tie("value"))),
  })).value;
  fc.assert(
    fc.property(fc.array(anything), fc.constantFrom(matrix, frame, tensors), (values, signature) => {
      try {
        bind({ kind: "rows", rows: values }, signature, "m");
      } catch (error) {
        expect(error).toBeInstanceOf(ServeError);
      }
    }),
  );
});

describe("a method that takes what clients sent", () => {
  const free: Signature = {
    accepts: "json",
    inputs: [
      { name: "text", datatype: "BYTES", shape: [-1] },
      { name: "text_pair", datatype: "BYTES", shape: [-1], optional: true },
    ],
    outputs: [],
    batchable: true,
  };

  it("gets instances of text as a tensor, which can share a call with others", () => {
    const [bound] = boundTensors(rows("one", { text: "zwei ü" }), free);
    expect(bound).toMatchObject({ name: "text", datatype: "BYTES", shape: [2] });
    expect(texts(bound)).toEqual(["one", "zwei ü"]);
  });

  it("gets instances of bytes so too", () => {
    const [bound] = boundTensors(rows({ b64: "YQ==" }, { text: { b64: "Yg==" } }), free);
    expect(texts(bound)).toEqual(["a", "b"]);
  });

  it("gets everything else as it came", () => {
    for (const payload of [rows(), rows("one", 2), rows({ text: "one", text_pair: "two" }), tensor("x", "FP64", [1])]) {
      expect(bind(payload, free, "m")).toBe(payload);
    }
    const alone = rows("one");
    expect(bind(alone, { ...free, batchable: false }, "m")).toBe(alone);
    expect(bind(alone, { ...free, inputs: [] }, "m")).toBe(alone);
  });
});
