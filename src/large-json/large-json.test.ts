import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { systemClock } from "../core/clock.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import type { Signature } from "../core/signature.ts";
import { DATATYPE_SIZES, type Datatype, type Tensor } from "../core/tensor.ts";
import { bind } from "../models/index.ts";
import { decodePredict } from "../protocols/kserve-v1/index.ts";
import { type DecodedInfer, decodeInfer, encodeInfer, encodeLarge } from "../protocols/oip/rest/index.ts";
import { encodePredictions } from "../protocols/shared/index.ts";
import { createLargeJson } from "./large-json.ts";

const large = createLargeJson({ clock: systemClock });
afterAll(() => large.close());

const context = new RequestContext({ deadline: Number.MAX_VALUE, record: createRecord("v1", "m", 0) });
const text = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** What is there to be compared: a result, or all that a client or an operator sees of an error. */
async function outcomeOf<Value>(work: () => Value | Promise<Value>): Promise<unknown> {
  try {
    return plain(await work());
  } catch (error) {
    expect(error).toBeInstanceOf(ServeError);
    const { code, message, retryAfter } = error as ServeError;
    return { code, message, retryAfter };
  }
}

/** Views of memory by what they show, whatever class or buffer they have; bigints and -0 stay apart from numbers. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString("hex")}`;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null) return Object.entries(value).map(([key, member]) => [key, plain(member)]);
  return value;
}

const OUTPUTS = ["", "x", "y", "z"];
const comparable = ({ id, parameters, tensors, outputs, binary }: DecodedInfer): unknown => [
  ...[id, parameters, tensors, outputs],
  ...OUTPUTS.map(binary),
];

const number = fc.oneof(fc.double(), fc.integer(), fc.constantFrom("9007199254740993", "-9223372036854775808", "1e999", "-0", "300"));
const scalar = fc.oneof(number, fc.boolean(), fc.constant(null), fc.string());
const row = fc.oneof(fc.array(number, { maxLength: 4 }), fc.dictionary(fc.constantFrom("x", "y", "z"), scalar), scalar, fc.jsonValue());
/** JSON text in which the strings of `number` that look like numbers are numbers. */
const json = (value: unknown): Buffer =>
  Buffer.from((JSON.stringify(value) ?? "").replace(/"(9007199254740993|-9223372036854775808|1e999|-0|300)"/g, "$1"));

const predictBody = fc.oneof(
  fc.json().map((body) => Buffer.from(body)),
  fc.string().map((body) => Buffer.from(body)),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  fc.array(fc.array(number, { minLength: 2, maxLength: 2 }), { maxLength: 5 }).map((instances) => json({ instances })),
  fc.array(row, { maxLength: 5 }).map((instances) => json({ instances })),
  fc.dictionary(fc.constantFrom("x", "y"), fc.array(scalar, { maxLength: 4 })).map((inputs) => json({ inputs, parameters: { a: 1 } })),
  fc.jsonValue().map((parameters) => text({ instances: [[1, 2]], parameters })),
);

const spec = (name: string, datatype: Datatype, shape: number[]) => ({ name, datatype, shape });
const SIGNATURES: readonly Signature[] = [
  { accepts: "matrix", inputs: [spec("x", "FP64", [-1, 2])], outputs: [], columns: ["x", "y"] },
  { accepts: "matrix", inputs: [spec("x", "BYTES", [-1])], outputs: [] },
  { accepts: "tensors", inputs: [spec("x", "FP32", [-1, 2])], outputs: [] },
  { accepts: "tensors", inputs: [spec("x", "INT64", [-1]), { ...spec("y", "BYTES", [-1, 1]), optional: true }], outputs: [] },
  { accepts: "frame", inputs: [spec("x", "FP64", [-1]), spec("y", "BYTES", [-1])], outputs: [] },
  { accepts: "json", inputs: [], outputs: [] },
];

describe("a body that a thread has read is what it would be without", () => {
  it("V1, bound to the model", async () => {
    await fc.assert(
      fc.asyncProperty(predictBody, fc.constantFrom(...SIGNATURES), async (body, signature) => {
        const here = await outcomeOf(() => {
          const { payload, ...rest } = decodePredict(body);
          return { ...rest, payload: bind(payload, signature, "m") };
        });
        expect(await outcomeOf(() => large.predict.decode(Buffer.from(body), signature, "m", context))).toEqual(here);
      }),
      { numRuns: 300 },
    );
  });

  const names = Object.keys(DATATYPE_SIZES) as Datatype[];
  const inferInput = fc.record(
    {
      name: fc.constantFrom("x", "y"),
      datatype: fc.constantFrom(...names),
      shape: fc.constantFrom([2], [1, 2], [2, 1], [0], []),
      data: fc.oneof(
        fc.array(scalar, { minLength: 2, maxLength: 2 }),
        fc.array(fc.array(number, { maxLength: 2 }), { maxLength: 2 }),
        scalar,
      ),
      parameters: fc.constantFrom({}, { binary_data_size: 4 }),
    },
    { requiredKeys: ["name", "datatype", "shape"] },
  );
  const inferBody = fc.oneof(
    fc.json().map((body) => Buffer.from(body)),
    fc.string().map((body) => Buffer.from(body)),
    fc
      .record(
        {
          inputs: fc.array(inferInput, { maxLength: 2 }),
          outputs: fc.oneof(fc.constant([{ name: "y", parameters: { binary_data: true } }, { name: "z" }]), fc.jsonValue()),
          parameters: fc.constantFrom(null, { binary_data_output: true }, { k: 1 }),
          id: fc.oneof(fc.string(), fc.nat()),
        },
        { requiredKeys: ["inputs"] },
      )
      .map(json),
  );

  it("V2, with and without binary tensors after it", async () => {
    await fc.assert(
      fc.asyncProperty(inferBody, fc.option(fc.uint8Array({ maxLength: 8 })), async (body, blob) => {
        const whole = blob === null ? body : Buffer.concat([body, blob]);
        const headers = blob === null ? {} : { "inference-header-content-length": String(body.byteLength) };
        const here = await outcomeOf(() => comparable(decodeInfer(whole, headers)));
        const there = await outcomeOf(async () => comparable(await large.infer.decode(Buffer.from(whole), headers, context)));
        expect(there).toEqual(here);
      }),
      { numRuns: 300 },
    );
  });

  const corpus = fileURLToPath(new URL("../../testdata/fuzz", import.meta.url));
  it.each(["v1-json", "v2-json"])("whatever is in the corpus %s", async (folder) => {
    for (const file of readdirSync(join(corpus, folder))) {
      const body = readFileSync(join(corpus, folder, file));
      const predict = await outcomeOf(() => {
        const { payload, ...rest } = decodePredict(body);
        return { ...rest, payload };
      });
      const json = SIGNATURES.at(-1) as Signature;
      expect(await outcomeOf(() => large.predict.decode(Buffer.from(body), json, "m", context)), file).toEqual(predict);
      const infer = await outcomeOf(() => comparable(decodeInfer(body, {})));
      expect(await outcomeOf(async () => comparable(await large.infer.decode(Buffer.from(body), {}, context))), file).toEqual(infer);
    }
  });

  it("takes a body that is a slice of a pool without harm to its neighbours", async () => {
    const pool = Buffer.alloc(1024, "n");
    const body = text({ inputs: [{ name: "x", datatype: "INT8", shape: [2], data: [1, 2] }] });
    const slice = pool.subarray(100, 100 + body.byteLength);
    slice.set(body);
    const { tensors } = await large.infer.decode(slice, {}, context);
    expect(tensors).toMatchObject([{ name: "x", data: Uint8Array.of(1, 2) }]);
    expect([pool.byteLength, pool[99], Buffer.from(slice).equals(body)]).toEqual([1024, 110, true]);
  });
});

describe("an answer that a thread has written is what it would be without", () => {
  const tensor = fc
    .record({
      name: fc.constantFrom("x", "y", 'z"é'),
      datatype: fc.constantFrom(...(Object.keys(DATATYPE_SIZES) as Datatype[])),
      rows: fc.nat({ max: 3 }),
      bytes: fc.uint8Array({ minLength: 48, maxLength: 48 }),
      inner: fc.boolean(),
    })
    .map(({ name, datatype, rows, bytes, inner }): Tensor => {
      const shape = inner ? [rows, 2] : [rows];
      const count = inner ? rows * 2 : rows;
      if (datatype === "BYTES") {
        const data = Array.from({ length: count }, (_, index) =>
          (bytes[index] as number) > 200 ? bytes.subarray(0, 3) : Buffer.from(`é"${bytes[index]}`),
        );
        return { name, datatype, shape, data };
      }
      return { name, datatype, shape, data: bytes.subarray(0, count * DATATYPE_SIZES[datatype]) };
    });
  const tensors = fc.array(tensor, { maxLength: 3 });

  it("V1", async () => {
    await fc.assert(
      fc.asyncProperty(tensors, async (outputs) => {
        const here = await outcomeOf(() => Buffer.from(encodePredictions({ kind: "tensors", tensors: outputs })));
        expect(await outcomeOf(() => large.predict.encode(outputs, context))).toEqual(here);
      }),
    );
  });

  it("V2, with and without binary outputs after it", async () => {
    const head = { modelName: "m", modelVersion: "1", id: "7" };
    await fc.assert(
      fc.asyncProperty(tensors, fc.subarray(["x", "y"]), async (outputs, binary) => {
        const isBinary = (name: string): boolean => binary.includes(name);
        const whole = ({ headers, body }: ReturnType<typeof encodeInfer>): unknown => {
          const parts = typeof body === "string" ? [Buffer.from(body)] : (body as readonly Uint8Array[]);
          return { headers, body: Buffer.concat(parts) };
        };
        const answer = { kind: "tensors", tensors: outputs, parameters: { lang: "en" } } as const;
        const here = await outcomeOf(() => whole(encodeInfer(head, answer, isBinary)));
        expect(await outcomeOf(async () => whole(await encodeLarge(large.infer, head, answer, isBinary, context)))).toEqual(here);
      }),
    );
  });

  it("leaves the tensors as they were: others may have views of the same memory", async () => {
    const shared = new Uint8Array(64).fill(7);
    const output: Tensor = { name: "y", datatype: "UINT8", shape: [4], data: shared.subarray(8, 12) };
    expect(Buffer.from(await large.predict.encode([output], context)).toString()).toBe('{"predictions":[7,7,7,7]}');
    expect([shared.byteLength, output.data.byteLength]).toEqual([64, 4]);
  });
});
