import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ServeError } from "../../../core/errors.ts";
import { bytesOf, DATATYPE_SIZES, type Datatype, elementsOf, type NumericTensor, type Tensor } from "../../../core/tensor.ts";
import { decodeInfer } from "./decode.ts";
import { encodeInfer } from "./encode.ts";

const decode = (body: object | string, headers = {}) =>
  decodeInfer(Buffer.from(typeof body === "string" ? body : JSON.stringify(body)), headers);
const input = (datatype: string, shape: number[], data: unknown) => ({ inputs: [{ name: "x", datatype, shape, data }] });
const values = (tensor: Tensor | undefined): unknown[] => Array.from(elementsOf(tensor as NumericTensor) as Iterable<unknown>);
const head = { modelName: "m", modelVersion: "1", id: "7" };
const json = () => false;

describe("decoding", () => {
  it("takes flat and nested data, ids, parameters and requested outputs", () => {
    const body = {
      ...input("INT32", [1, 2], [[1, 2]]),
      id: "a",
      parameters: { k: 1, binary_data_output: true },
      outputs: [{ name: "y", parameters: { binary_data: true } }, { name: "z" }],
    };
    const decoded = decode(body);
    expect(values(decoded.tensors[0])).toEqual([1, 2]);
    expect(decoded).toMatchObject({ id: "a", parameters: { k: 1, binary_data_output: true }, outputs: ["y", "z"] });
    // Named outputs make binary_data_output void, in KServe and Triton alike.
    expect([decoded.binary("y"), decoded.binary("z")]).toEqual([true, false]);
    const asTriton = decode({ ...input("BOOL", [2], [true, false]), parameters: { binary_data_output: true } });
    expect(asTriton.binary("y")).toBe(true);
  });

  it("takes elements that lists of their own are around, as Triton does", () => {
    expect(values(decode(input("INT32", [1, 2], [[[[1]], [[[2]]]]])).tensors[0])).toEqual([1, 2]);
    expect(() => decode(input("INT32", [1, 2], [[[1, 2], 3]]))).toThrow("data is nested deeper than shape [1,2] says");
  });

  it("keeps all bits of 64-bit integers", () => {
    const { tensors } = decode('{"inputs":[{"name":"x","datatype":"INT64","shape":[2],"data":[9007199254740993,-9223372036854775808]}]}');
    expect(values(tensors[0])).toEqual([9007199254740993n, -9223372036854775808n]);
    const unsigned = decode('{"inputs":[{"name":"x","datatype":"UINT64","shape":[1],"data":[18446744073709551615]}]}');
    expect(values(unsigned.tensors[0])).toEqual([18446744073709551615n]);
  });

  it("takes binary tensors after the JSON, mixed with others", () => {
    const blob = Buffer.concat([Buffer.from(bytesOf(Float32Array.of(1.5, 2))), Buffer.from("\x02\0\0\0hi\0\0\0\0", "latin1")]);
    const text = JSON.stringify({
      inputs: [
        { name: "a", datatype: "FP32", shape: [2], parameters: { binary_data_size: 8 } },
        { name: "b", datatype: "UINT8", shape: [1], data: [3] },
        { name: "c", datatype: "BYTES", shape: [2], parameters: { binary_data_size: 10 } },
      ],
    });
    const headers = { "inference-header-content-length": String(text.length) };
    const { tensors } = decodeInfer(Buffer.concat([Buffer.from(text), blob]), headers);
    expect(values(tensors[0])).toEqual([1.5, 2]);
    expect(values(tensors[1])).toEqual([3]);
    expect(((tensors[2]?.data ?? []) as Uint8Array[]).map(String)).toEqual(["hi", ""]);
  });

  it.each([
    ["{", {}, "Unrecognized request format"],
    ["[]", {}, 'body: expected an object with "inputs", got a list of 0'],
    [{}, {}, 'Expected "inputs" to be a list'],
    [input("FP99", [1], [1]), {}, "inputs[0].datatype: expected one of BOOL, UINT8"],
    [input("FP16", [1], [1]), {}, "receiving FP16 data via JSON is not supported"],
    [input("UINT8", [2], [1, 300]), {}, "data[1] is 300, expected a whole number from 0 to 255 for UINT8"],
    [input("UINT8", [1], [-1]), {}, "data[0] is -1, expected a whole number from 0 to 255 for UINT8"],
    [input("INT8", [2], [-128, -129]), {}, "data[1] is -129, expected a whole number from -128 to 127 for INT8"],
    ['{"inputs":[{"name":"x","datatype":"INT64","shape":[1],"data":[-9223372036854775809]}]}', {}, "data[0] is -9223372036854775809"],
    [input("INT32", [1], [1.5]), {}, "data[0] is 1.5"],
    [input("FP32", [1], ["x"]), {}, 'data[0] is "x", expected a number up to 3.4028235e38 for FP32'],
    [input("BYTES", [1], [5]), {}, "data[0] is 5, expected a string for BYTES"],
    [input("FP32", [2, 2], [1, 2, 3]), {}, "shape [2,2] has 4 elements, but data has 3"],
    [input("FP32", [2, 1], [[1], [2, 3]]), {}, "a list of 2 values in data, where shape [2,1] says 1"],
    [input("FP32", [1], [1e300]), {}, "data[0] is 1e+300, expected a number up to 3.4028235e38 for FP32"],
    ['{"inputs":[{"name":"x","datatype":"FP64","shape":[1],"data":[1e999]}]}', {}, "data[0] is Infinity, expected a number up to"],
    [input("BOOL", [1], [1]), {}, "data[0] is 1, expected true or false for BOOL"],
    [{ inputs: [], outputs: [{ name: "y" }, { name: "y" }] }, {}, "output 'y' already exists in request"],
    [
      { inputs: [], outputs: [{ name: "y", parameters: { binary_data: 1 } }] },
      {},
      "outputs[0].parameters.binary_data: expected true or false, got 1",
    ],
    [{ inputs: [], outputs: [{ name: "y", parameters: { classification: "2" } }] }, {}, "Unable to parse 'classification'"],
    [input("FP32", Array(33).fill(1), [1]), {}, "inputs[0].shape: expected a list of at most 32 dimensions"],
    [input("FP32", [-1], []), {}, "inputs[0].shape: expected whole numbers that are not negative, got -1"],
    [input("FP32", [4294967296, 4294967296], []), {}, "is too large"],
    [
      { inputs: [{ name: "x", datatype: "FP32", shape: [1], parameters: { binary_data_size: 4 } }] },
      {},
      "unexpected size for input 'x', expecting 4 additional bytes",
    ],
    [input("FP32", [1], [1]), { "inference-header-content-length": "9999" }, "Inference-Header-Content-Length is '9999'"],
    [`{"inputs":${"[".repeat(101)}${"]".repeat(101)}}`, {}, "JSON nesting depth exceeds maximum allowed limit (100)"],
  ])("says what is wrong (%#)", (body, headers, message) => {
    expect(() => decode(body as object, headers)).toThrow(message);
  });

  it("is not fooled by __proto__", () => {
    const decoded = decode('{"__proto__":{"id":"evil"},"inputs":[],"parameters":{"__proto__":1}}');
    expect(decoded.id).toBeUndefined();
    expect(({} as { id?: string }).id).toBeUndefined();
  });

  it("never throws anything but a ServeError", () => {
    const anything = fc.oneof(
      fc.json(),
      fc.string(),
      fc.jsonValue().map((value) => JSON.stringify({ inputs: [value], outputs: value })),
    );
    fc.assert(
      fc.property(anything, fc.option(fc.nat({ max: 60 }).map(String)), (body, length) => {
        try {
          decode(body, length === null ? {} : { "inference-header-content-length": length });
        } catch (error) {
          expect(error).toBeInstanceOf(ServeError);
        }
      }),
    );
  });
});

describe("encoding", () => {
  it("writes keys in KServe's order, data flat, FP32 widened, 64-bit integers with all digits", () => {
    const tensors: Tensor[] = [
      { name: "f", datatype: "FP32", shape: [2, 1], data: bytesOf(Float32Array.of(6.8, Number.NaN)) },
      { name: "i", datatype: "INT64", shape: [1], data: bytesOf(BigInt64Array.of(9007199254740993n)) },
      { name: "s", datatype: "BYTES", shape: [1], data: [Buffer.from('"é')] },
    ];
    expect(encodeInfer(head, { kind: "tensors", tensors }, json).body).toBe(
      '{"model_name":"m","model_version":"1","id":"7","outputs":[' +
        '{"name":"f","shape":[2,1],"datatype":"FP32","data":[6.800000190734863,null]},' +
        '{"name":"i","shape":[1],"datatype":"INT64","data":[9007199254740993]},' +
        '{"name":"s","shape":[1],"datatype":"BYTES","data":["\\"é"]}]}',
    );
  });

  it("writes what the model has set on its answer", () => {
    const answer = { kind: "tensors", tensors: [], parameters: { text: 'a"', count: 2n ** 60n, done: true, part: 0.5 } } as const;
    expect(encodeInfer(head, answer, json).body).toBe(
      '{"model_name":"m","model_version":"1","id":"7","parameters":{"text":"a\\"","count":1152921504606846976,"done":true,"part":0.5},"outputs":[]}',
    );
  });

  it("puts binary outputs after the JSON", () => {
    const tensors: Tensor[] = [
      { name: "h", datatype: "FP16", shape: [1], data: bytesOf(Uint16Array.of(0x3c00)) },
      { name: "s", datatype: "BYTES", shape: [1], data: [Buffer.from("ab")] },
    ];
    const reply = encodeInfer(head, { kind: "tensors", tensors }, () => true);
    const parts = reply.body as readonly Uint8Array[];
    expect(reply.headers?.["Inference-Header-Content-Length"]).toBe(String(parts[0]?.byteLength));
    expect(JSON.parse(Buffer.from(parts[0] as Uint8Array).toString()).outputs).toEqual([
      { name: "h", shape: [1], datatype: "FP16", parameters: { binary_data_size: 2 } },
      { name: "s", shape: [1], datatype: "BYTES", parameters: { binary_data_size: 6 } },
    ]);
    expect(Buffer.concat(parts.slice(1)).toString("latin1")).toBe("\0<\x02\0\0\0ab");
  });

  it("says of outputs whose elements are elsewhere only their datatype and shape", () => {
    const tensors: Tensor[] = [{ name: "x", datatype: "INT8", shape: [2], data: new Uint8Array(2) }];
    const { body } = encodeInfer(head, { kind: "tensors", tensors }, () => true, new Set(["x"]));
    expect(JSON.parse(body as string).outputs).toEqual([{ name: "x", shape: [2], datatype: "INT8" }]);
  });

  it("refuses FP16 in JSON, and says no id when there is none", () => {
    const tensors: Tensor[] = [{ name: "h", datatype: "FP16", shape: [1], data: new Uint8Array(2) }];
    expect(() => encodeInfer(head, { kind: "tensors", tensors }, json)).toThrow("cannot be sent via JSON");
    const { body } = encodeInfer({ ...head, id: undefined }, { kind: "tensors", tensors: [] }, json);
    expect(JSON.parse(body as string)).toEqual({ model_name: "m", model_version: "1", outputs: [] });
  });

  it("sends a free-form answer as one BYTES tensor that says it is JSON", () => {
    const { outputs } = JSON.parse(encodeInfer(head, { kind: "json", value: { a: [1n, null] } }, json).body as string);
    expect(outputs).toEqual([
      { name: "output-0", shape: [1], datatype: "BYTES", parameters: { content_type: "application/json" }, data: ['{"a":[1,null]}'] },
    ]);
  });
});

it("a tensor of any datatype survives the way there and back, as JSON and as binary", () => {
  const numeric = Object.keys(DATATYPE_SIZES).filter((name) => name !== "BYTES" && !name.endsWith("16")) as Datatype[];
  fc.assert(
    fc.property(
      fc.constantFrom(...numeric),
      fc.array(fc.uint8Array({ minLength: 8, maxLength: 8 }), { maxLength: 5 }),
      fc.boolean(),
      (datatype, elements, binary) => {
        const size = DATATYPE_SIZES[datatype];
        const bytes = Uint8Array.from(
          elements.flatMap((element) => [...element.slice(0, size)].map((byte) => (datatype === "BOOL" ? byte & 1 : byte))),
        );
        const tensor = { name: "x", datatype, shape: [elements.length], data: bytes } as Tensor;
        const reply = encodeInfer(head, { kind: "tensors", tensors: [tensor] }, () => binary);
        const parts = typeof reply.body === "string" ? [Buffer.from(reply.body)] : (reply.body as readonly Uint8Array[]);
        const jsonPart = Buffer.from(parts[0] as Uint8Array)
          .toString()
          .replace('"outputs"', '"inputs"');
        const request = Buffer.concat([Buffer.from(jsonPart), ...parts.slice(1)]);
        const { tensors } = decodeInfer(request, { "inference-header-content-length": String(jsonPart.length) });
        // Values and not bytes: JSON has one NaN, and this server answers infinities as null too.
        const finite = (list: unknown[]): unknown[] =>
          list.map((value) => (typeof value === "number" && !Number.isFinite(value) ? "not finite" : value));
        expect(finite(values(tensors[0]))).toEqual(finite(values(tensor)));
      },
    ),
  );
});
