import { afterAll, beforeAll, expect, it } from "vitest";
import { EXAMPLES, type ServerProcess, startServer, untilLoaded } from "../server-process.ts";

const V1 = "/v1/models/iris-onnx:predict";
const V2 = "/v2/models/iris-onnx/infer";
const ROWS = 6000;
/** About 450 KiB of JSON. */
const rows = Array.from({ length: ROWS }, (_, row) => Array.from({ length: 4 }, (_, column) => Math.sin(row * 4 + column) + 2));
let server: ServerProcess;

beforeAll(async () => {
  server = await startServer([`${EXAMPLES}/iris-onnx`]);
  await untilLoaded(server);
});
afterAll(() => server.stop());

interface BinaryOutput {
  readonly name: string;
  readonly datatype: string;
  readonly parameters: { readonly binary_data_size: number };
}

async function ask(path: string, body: string): Promise<{ status: number; text: string }> {
  const response = await fetch(server.url + path, { method: "POST", body });
  return { status: response.status, text: await response.text() };
}

const v1 = (instances: readonly unknown[]): string => JSON.stringify({ instances });
const v2 = (some: readonly (readonly number[])[]): string =>
  JSON.stringify({ id: "1", inputs: [{ name: "features", datatype: "FP32", shape: [some.length, 4], data: some.flat() }] });

/** The elements of each output, of the same rows in and out as binary tensors: these are read and written without JSON. */
async function asBinary(): Promise<Map<string, number[]>> {
  const numbers = Float32Array.from(rows.flat());
  const head = {
    inputs: [{ name: "features", datatype: "FP32", shape: [ROWS, 4], parameters: { binary_data_size: numbers.byteLength } }],
    parameters: { binary_data_output: true },
  };
  const json = JSON.stringify(head);
  const response = await fetch(server.url + V2, {
    method: "POST",
    body: Buffer.concat([Buffer.from(json), Buffer.from(numbers.buffer)]),
    headers: { "Inference-Header-Content-Length": String(json.length) },
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  let offset = Number(response.headers.get("inference-header-content-length"));
  const { outputs } = JSON.parse(bytes.subarray(0, offset).toString()) as { outputs: BinaryOutput[] };
  return new Map(
    outputs.map(({ name, datatype, parameters }) => {
      const own = Uint8Array.from(bytes.subarray(offset, offset + parameters.binary_data_size)).buffer;
      offset += parameters.binary_data_size;
      return [name, datatype === "INT64" ? Array.from(new BigInt64Array(own), Number) : Array.from(new Float32Array(own))];
    }),
  );
}

it("answers large V2 bodies as it answers binary ones", async () => {
  const { status, text } = await ask(V2, v2(rows));
  expect(status).toBe(200);
  const { id, outputs } = JSON.parse(text) as { id: string; outputs: Array<{ name: string; data: number[] }> };
  expect(id).toBe("1");
  expect(new Map(outputs.map(({ name, data }) => [name, data]))).toEqual(await asBinary());
});

it("answers large V1 bodies with the same, by rows", async () => {
  const { status, text } = await ask(V1, v1(rows));
  expect(status).toBe(200);
  const { predictions } = JSON.parse(text) as { predictions: Array<Record<string, number | number[]>> };
  expect(predictions).toHaveLength(ROWS);
  const byOutput = [...(await asBinary())].map(([name, data]) => [name, data, predictions.flatMap((row) => row[name] ?? [])] as const);
  expect(byOutput.length).toBeGreaterThan(0);
  for (const [name, expected, found] of byOutput) expect([name, found]).toEqual([name, expected]);
});

it("says of large bodies what is wrong with them as it does of small ones", async () => {
  const wrong = [...rows.slice(0, 10), [1, "two", 3, 4]];
  const largeWrong = [...wrong, ...rows];
  const small = await ask(V1, v1(wrong));
  expect(small).toMatchObject({ status: 400, text: expect.stringContaining("two") });
  expect(await ask(V1, v1(largeWrong))).toEqual(small);
  expect(await ask(V2, `${v2(rows)}x`)).toMatchObject({
    status: 400,
    text: expect.stringContaining("Unrecognized"),
  });
  expect((await ask("/v1/models/nobody:predict", v1(rows))).status).toBe(404);
});
