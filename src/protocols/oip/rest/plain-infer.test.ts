import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Datatype, Tensor } from "../../../core/tensor.ts";
import { type JsonObject, parseJson, readData } from "../../../encodings/index.ts";
import { type PlainInfer, readPlainInfer } from "./plain-infer.ts";

/** The same by way of the parser, for a body that is right; undefined for one that is not. */
function readParsed(body: Uint8Array): PlainInfer | undefined {
  try {
    const { inputs, ...rest } = parseJson(body) as JsonObject;
    const tensors = (inputs as unknown as ReadonlyArray<Record<"name" | "datatype" | "shape" | "data", never>>).map(
      ({ name, datatype, shape, data }): Tensor => readData(name, datatype, shape, data),
    );
    return { tensors, rest };
  } catch {
    return undefined;
  }
}

const input = (datatype: Datatype, shape: number[], data: unknown, name = "x") => ({ name, datatype, shape, data });
const bodyOf = (body: object, indent?: number): Buffer => Buffer.from(JSON.stringify(body, undefined, indent));

const USUAL: ReadonlyArray<readonly [string, object]> = [
  ["numbers", { inputs: [input("FP32", [1, 3], [1, -0.5, 0.1234567890123456])] }],
  ["numbers with exponents", { inputs: [input("FP64", [2], [1e-7, 1e300])] }],
  ["whole numbers", { inputs: [input("INT8", [2], [-128, 127]), input("INT64", [1], [2 ** 40]), input("UINT64", [1], [0])] }],
  ["lists in lists", { inputs: [input("INT32", [2, 1, 2], [[[1, 2]], [[3, 4]]])] }],
  ["texts", { inputs: [input("BYTES", [1, 3], ["plain", "Wörter 日本", 'a "word"\n\0'])] }],
  ["the shape first", { inputs: [{ name: "x", shape: [1], datatype: "UINT8", data: [1] }] }],
  [
    "all that a request has besides",
    {
      id: "7",
      parameters: { a: 1, b: "ä" },
      inputs: [input("BYTES", [1], ["ä"], "a"), input("FP32", [1], [1], "b")],
      outputs: [{ name: "y", parameters: { binary_data: false } }],
    },
  ],
];

const OTHERS: ReadonlyArray<readonly [string, string]> = [
  ["inputs twice", '{"inputs":[{"name":"x","datatype":"INT8","shape":[1],"data":[1]}],"inputs":[]}'],
  ["data twice", '{"inputs":[{"name":"x","datatype":"INT8","shape":[1],"data":[1],"data":[2]}]}'],
  ["a name without its colon", '{"inputs":[{"name" "datatype":"INT8","shape":[1],"data":[1]}]}'],
  ["a string that goes on as JSON", '{"inputs":[{"name":"\\,"name":"x","datatype":"INT8","shape":[1],"data":[1]}]}'],
  ["no comma", '{"inputs":[{"name":"x","datatype":"INT8","shape":[2],"data":[1 2]}]}'],
  ["a comma too many", '{"inputs":[{"name":"x","datatype":"INT8","shape":[1],"data":[1]},]}'],
  ["more behind the end", '{"inputs":[{"name":"x","datatype":"INT8","shape":[1],"data":[1]}]} 1'],
  ["a shape that no body can fill", '{"inputs":[{"name":"x","datatype":"INT8","shape":[99999999,99999999],"data":[1]}]}'],
];

describe("infer requests in their usual form", () => {
  it.each(USUAL)("are read as the parser reads them: %s", (_, body) => {
    for (const indent of [undefined, 2]) {
      const bytes = bodyOf(body, indent);
      const read = readPlainInfer(bytes);
      expect(read).toBeDefined();
      expect(read).toEqual(readParsed(bytes));
    }
  });

  it.each(OTHERS)("are not these: %s", (_, body) => expect(readPlainInfer(Buffer.from(body))).toBeUndefined());

  it("are read as the parser reads them, or not at all, whatever is changed in them", () => {
    const bodies = fc.constantFrom(...USUAL.map(([, body]) => bodyOf(body)));
    const change = fc.record({
      at: fc.nat(),
      cut: fc.integer({ min: 0, max: 4 }),
      put: fc.oneof(
        fc.constantFrom(
          ...'"[]{},:.0-e\\ \u00e9n',
          '"data":',
          '"name":',
          ',"id":""',
          "null",
          "true",
          "[1]",
          "1e400",
          "12345678901234567890",
        ),
        fc.constant(""),
      ),
    });
    fc.assert(
      fc.property(bodies, fc.array(change, { minLength: 1, maxLength: 3 }), (body, changes) => {
        let bytes = body;
        for (const { at, cut, put } of changes) {
          const start = at % bytes.length;
          bytes = Buffer.concat([bytes.subarray(0, start), Buffer.from(put), bytes.subarray(start + cut)]);
        }
        const read = readPlainInfer(bytes);
        if (read !== undefined) expect(read).toEqual(readParsed(bytes));
      }),
      { numRuns: 5000 },
    );
  });
});
