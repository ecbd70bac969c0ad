import { readFileSync } from "node:fs";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ServeError } from "../../../core/errors.ts";
import type { Parameters } from "../../../core/inference.ts";
import {
  allocateElements,
  bytesOf,
  DATATYPE_SIZES,
  type Datatype,
  elementsOf,
  type NumericDatatype,
  type NumericTensor,
  type Tensor,
} from "../../../core/tensor.ts";
import {
  CONTENT_FIELDS,
  type InferParameter,
  ModelInferRequestSchema,
  ModelInferResponseSchema,
  ModelStreamInferResponseSchema,
  readInferMessage,
} from "../../../grpc-messages/index.ts";
import { decodeMessage } from "./decode.ts";
import { encodeResponse, encodeStreamResponse } from "./encode.ts";

const decode = (request: Request): ReturnType<typeof decodeMessage> =>
  decodeMessage(readInferMessage(toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, request))));
type Request = Exclude<NonNullable<globalThis.Parameters<typeof create<typeof ModelInferRequestSchema>>[1]>, undefined>;

const failure = (read: () => unknown): string => {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(ServeError);
    expect((error as ServeError).code).toMatch(/INVALID_ARGUMENT|UNIMPLEMENTED/);
    return (error as ServeError).message;
  }
  return "";
};

const parameter = fc.oneof(
  fc.boolean().map((value) => ({ case: "boolParam" as const, value })),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => ({ case: "int64Param" as const, value })),
  fc.string().map((value) => ({ case: "stringParam" as const, value })),
  fc.double({ noNaN: true }).map((value) => ({ case: "doubleParam" as const, value })),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => ({ case: "uint64Param" as const, value })),
);
const name = fc.string({ maxLength: 8 });
const parameters = fc.dictionary(
  name,
  parameter.map((parameterChoice) => ({ parameterChoice })),
  { maxKeys: 3 },
);
const plain = (map: Record<string, Pick<InferParameter, "parameterChoice">>): Parameters =>
  Object.fromEntries(
    Object.entries(map).map(
      ([
        key,
        {
          parameterChoice: { value },
        },
      ]) => [key, typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : (value as string)],
    ),
  );

describe("reading requests", () => {
  it("finds what the generated code wrote", () => {
    const input = fc.record({ name, datatype: name, shape: fc.array(fc.bigInt({ min: 0n, max: 1000n }), { maxLength: 4 }), parameters });
    const request = fc.record({
      modelName: name,
      modelVersion: name,
      id: name,
      parameters,
      inputs: fc.array(input, { maxLength: 3 }),
      outputs: fc.array(fc.record({ name, parameters }), { maxLength: 3 }),
      rawInputContents: fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 3 }),
    });
    fc.assert(
      fc.property(request, (written) => {
        const read = readInferMessage(toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, written)));
        expect(read).toMatchObject({ modelName: written.modelName, modelVersion: written.modelVersion, id: written.id });
        expect(read.parameters).toEqual(plain(written.parameters));
        expect(read.inputs.map(({ contents, ...rest }) => rest)).toEqual(
          written.inputs.map((each) => ({ ...each, shape: each.shape.map(Number), parameters: plain(each.parameters) })),
        );
        expect(read.outputs).toEqual(written.outputs.map((each) => ({ ...each, parameters: plain(each.parameters) })));
        expect(read.raw.map((bytes) => [...bytes])).toEqual(written.rawInputContents.map((bytes) => [...bytes]));
      }),
    );
  });

  it("gives tensors that are views of the message", () => {
    const bytes = toBinary(
      ModelInferRequestSchema,
      create(ModelInferRequestSchema, {
        modelName: "m",
        inputs: [
          { name: "a", datatype: "FP32", shape: [2n], contents: { fp32Contents: [1, 2] } },
          { name: "b", datatype: "FP64", shape: [1n], contents: { fp64Contents: [3] } },
        ],
      }),
    );
    for (const { data } of decodeMessage(readInferMessage(bytes)).tensors) expect((data as Uint8Array).buffer).toBe(bytes.buffer);
    const raw = toBinary(
      ModelInferRequestSchema,
      create(ModelInferRequestSchema, { inputs: [{ name: "a", datatype: "FP32", shape: [1n] }], rawInputContents: [new Uint8Array(4)] }),
    );
    const [tensor] = decodeMessage(readInferMessage(raw)).tensors as [NumericTensor];
    expect(tensor.data.buffer).toBe(raw.buffer);
  });

  it("takes elements that are packed, one by one, or in several parts", () => {
    const packed = Buffer.from([0x12, 3, 1, 2, 3]);
    const single = Buffer.from([0x10, 1, 0x10, 2, 0x10, 3]);
    const parts = Buffer.concat([Buffer.from([0x12, 2, 1, 2]), Buffer.from([0x10, 3])]);
    for (const contents of [packed, single, parts]) {
      const message = { modelName: "", modelVersion: "", id: "", parameters: {}, outputs: [], raw: [] };
      const inputs = [{ name: "x", datatype: "INT32", shape: [3], parameters: {}, contents }];
      const [tensor] = decodeMessage({ ...message, inputs }).tensors as [NumericTensor];
      expect([...elementsOf(tensor)]).toEqual([1, 2, 3]);
    }
  });

  it.each([
    [{ inputs: [{ name: "x", datatype: "FP99", shape: [1n] }] }, "inputs[0].datatype: expected one of BOOL"],
    [{ inputs: [{ name: "x", datatype: "FP32", shape: [-1n] }] }, "inputs[0].shape: expected whole numbers that are not negative, got -1"],
    [
      { inputs: [{ name: "x", datatype: "FP32", shape: [2n], contents: { fp32Contents: [1] } }] },
      "shape has 2 elements, but its contents have 1",
    ],
    [{ inputs: [{ name: "x", datatype: "INT8", shape: [1n], contents: { intContents: [128] } }] }, "element 0 is 128, which is no INT8"],
    [{ inputs: [{ name: "x", datatype: "UINT8", shape: [1n], contents: { uintContents: [256] } }] }, "element 0 is 256, which is no UINT8"],
    [
      { inputs: [{ name: "x", datatype: "FP32", shape: [1n], contents: { intContents: [1] } }] },
      "whose elements are in fp32_contents; it has int_contents",
    ],
    [{ inputs: [{ name: "x", datatype: "FP16", shape: [1n] }] }, "FP16 has no typed contents"],
    [{ inputs: [{ name: "x", datatype: "BYTES", shape: [2n], contents: { bytesContents: [Buffer.from("a")] } }] }, "shape has 2 elements"],
    [
      {
        modelName: "simple",
        inputs: [{ name: "INPUT0", datatype: "FP32", shape: [1n], contents: { fp32Contents: [1] } }],
        rawInputContents: [new Uint8Array(4)],
      },
      "contents field must not be specified when using raw_input_contents for 'INPUT0' for model 'simple'",
    ],
    [{ inputs: [], rawInputContents: [new Uint8Array(4)] }, "got 1 raw_input_contents for 0 inputs"],
    [
      { modelName: "simple", inputs: [{ name: "x", datatype: "FP32", shape: [2n] }], rawInputContents: [new Uint8Array(4)] },
      "input byte size mismatch for input 'x' for model 'simple'. Expected 8, got 4 for FP32 [2]",
    ],
    [
      { modelName: "simple", inputs: [{ name: "x", datatype: "BYTES", shape: [2n] }], rawInputContents: [new Uint8Array(4)] },
      "expected 2 string elements for inference input 'x' for model 'simple', got 1",
    ],
    [
      { modelName: "simple", inputs: [{ name: "x", datatype: "BYTES", shape: [1n] }], rawInputContents: [new Uint8Array(8)] },
      "unexpected number of string elements 2 for inference input 'x' for model 'simple', expecting 1",
    ],
    [{ outputs: [{ name: "y" }, { name: "y" }] }, "output 'y' already exists in request"],
    [{ inputs: [{ name: "x", datatype: "FP32", shape: [2n ** 40n, 2n ** 40n] }] }, "is too large"],
    [{ inputs: [{ name: "x", datatype: "FP32", shape: Array(33).fill(1n) }] }, "a shape has more than 32 dimensions"],
    [{ inputs: Array(1025).fill({}) }, "inputs: there are more than 1024"],
  ])("refuses %# with its reason", (request, text) => {
    expect(failure(() => decode(request as Request))).toContain(text);
  });

  it("never fails with anything but an error for the client, whatever bytes come", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void failure(() => decodeMessage(readInferMessage(bytes)))));
  });
});

const numeric = fc
  .constantFrom(...(Object.keys(DATATYPE_SIZES) as Datatype[]).filter((datatype): datatype is NumericDatatype => datatype !== "BYTES"))
  .chain((datatype) =>
    fc.uint8Array({ maxLength: 6 }).map((values): Tensor => {
      const elements = allocateElements(datatype, values.length) as { [index: number]: number | bigint };
      for (const [index, value] of values.entries()) {
        elements[index] =
          elements instanceof BigInt64Array || elements instanceof BigUint64Array ? BigInt(value) : datatype === "BOOL" ? value % 2 : value;
      }
      return { name: "n", datatype, shape: [values.length], data: bytesOf(elements as never) };
    }),
  );
const texts = fc
  .array(fc.uint8Array({ maxLength: 5 }), { maxLength: 4 })
  .map((data): Tensor => ({ name: "t", datatype: "BYTES", shape: [1, data.length], data }));

describe("writing responses", () => {
  const head = { modelName: "m", modelVersion: "2", id: "7" };

  it("is understood by the generated code, raw and typed, and by our own reader", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(numeric, texts), { maxLength: 4 }), fc.boolean(), (tensors, raw) => {
        const message = Buffer.concat(
          encodeResponse({ ...head, parameters: { a: 1, b: "x", c: 0.5, d: true } }, { kind: "tensors", tensors }, raw),
        );
        const read = fromBinary(ModelInferResponseSchema, message);
        expect(read).toMatchObject(head);
        expect(Object.values(read.parameters).map(({ parameterChoice }) => parameterChoice.value)).toEqual([1n, "x", 0.5, true]);
        const isRaw = raw || tensors.some(({ datatype }) => CONTENT_FIELDS[datatype] === undefined);
        expect(read.rawOutputContents.length).toBe(isRaw ? tensors.length : 0);
        const inputs = read.outputs.map(({ $typeName, ...output }) => output) as never;
        const again = decode({ inputs, rawInputContents: read.rawOutputContents }).tensors;
        expect(again.map(plainTensor)).toEqual(tensors.map(plainTensor));
      }),
    );
  });

  it("has what the model has set on its answer beside what the protocol says", () => {
    const answer = { kind: "tensors", tensors: [], parameters: { lang: "en", final: false } } as const;
    const { parameters } = fromBinary(
      ModelInferResponseSchema,
      Buffer.concat(encodeResponse({ ...head, parameters: { final: true } }, answer, true)),
    );
    expect(Object.entries(parameters).map(([name, { parameterChoice }]) => [name, parameterChoice.value])).toEqual([
      ["lang", "en"],
      ["final", true],
    ]);
  });

  it("does not copy floats", () => {
    const data = new Uint8Array(8);
    const tensors: Tensor[] = [{ name: "y", datatype: "FP32", shape: [2], data }];
    for (const raw of [true, false]) expect(encodeResponse(head, { kind: "tensors", tensors }, raw)).toContain(data);
  });

  it("writes errors and last answers of streams", () => {
    const response = encodeResponse({ ...head, parameters: { triton_final_response: true } }, undefined, true);
    const read = fromBinary(ModelStreamInferResponseSchema, Buffer.concat(encodeStreamResponse(response, "no good")));
    expect(read.errorMessage).toBe("no good");
    expect(read.inferResponse).toMatchObject(head);
  });

  it("keeps the bytes of the wire", () => {
    const golden = JSON.parse(readFileSync(new URL("../../../../testdata/grpc/messages.json", import.meta.url), "utf8")) as Record<
      string,
      string
    >;
    const tensors: Tensor[] = [
      { name: "y", datatype: "INT32", shape: [1, 2], data: bytesOf(Int32Array.of(-1, 300)) },
      { name: "t", datatype: "BYTES", shape: [1], data: [Buffer.from("é")] },
    ];
    const hex = (raw: boolean): string => Buffer.concat(encodeResponse(head, { kind: "tensors", tensors }, raw)).toString("hex");
    expect({ raw: hex(true), typed: hex(false) }).toEqual({ raw: golden.rawResponse, typed: golden.typedResponse });
    const request = readInferMessage(Buffer.from(golden.request ?? "", "hex"));
    expect(request).toMatchObject({ modelName: "simple", id: "9", parameters: { priority: 2, sequence_start: true } });
    expect(decodeMessage(request).tensors.map(plainTensor)).toEqual([["x", "INT32", [1, 2], [1, 0, 0, 0, 2, 0, 0, 0]]]);
  });
});

function plainTensor({ name: called, datatype, shape, data }: Tensor): unknown {
  return [called, datatype, shape, data instanceof Uint8Array ? [...data] : data.map((each) => [...each])];
}
