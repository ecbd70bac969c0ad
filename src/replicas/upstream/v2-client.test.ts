import { afterEach, describe, expect, it } from "vitest";
import { type Answer, type Asked, floats, integers, reaching, StandIn, texts } from "../../../test/upstream-servers.ts";
import type { Payload } from "../../core/inference.ts";
import type { ReplicaCall } from "../../core/replica.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { UpstreamClient } from "./client.ts";
import { createV2Client } from "./v2-client.ts";

const never = new AbortController().signal;
let v2: StandIn;
let client: UpstreamClient;

afterEach(async () => {
  client?.close();
  await v2?.stop();
});

const TENSOR = { name: "x", datatype: "FP32", shape: [-1, 2] };
const METADATA = {
  name: "iris",
  platform: "onnx",
  inputs: [TENSOR, { ...TENSOR, name: "o", parameters: { optional: true } }],
  outputs: [{ name: "y", datatype: "INT64", shape: [-1] }],
};

async function open(
  extensions: readonly string[],
  infer: (asked: Asked) => Answer = () => ({ body: '{"outputs":[]}' }),
  more: Record<string, Answer> = {},
): Promise<void> {
  const fixed: Record<string, Answer> = {
    "GET /v2": { body: JSON.stringify({ name: "stand-in", version: "7.1", extensions }) },
    "GET /v2/models/iris": { body: JSON.stringify(METADATA) },
    ...more,
  };
  v2 = await StandIn.start(
    (asked) =>
      fixed[`${asked.method} ${asked.url}`] ??
      (asked.url.endsWith("/infer") ? infer(asked) : { status: 404, body: '{"error":"no such path"}' }),
  );
  client = createV2Client(reaching(v2.server));
}

const tensors = (...given: Tensor[]): Payload => ({ kind: "tensors", tensors: given });
const ask = (payload: Payload, call: Partial<ReplicaCall> = {}): Promise<Payload> =>
  client.infer({ method: "predict", payload, ...call }, never);

describe("a server of Open Inference Protocol", () => {
  it("tells what its model takes", async () => {
    await open([]);
    expect(await client.describe(never)).toEqual({
      signature: {
        accepts: "tensors",
        inputs: [TENSOR, { ...TENSOR, name: "o", optional: true }],
        outputs: [{ name: "y", datatype: "INT64", shape: [-1] }],
      },
      platform: "onnx",
      version: "7.1",
    });
  });

  it("may tell nothing, and then takes whatever comes", async () => {
    await open([], undefined, { "GET /v2": { status: 404 }, "GET /v2/models/iris": { body: '{"name":"iris","inputs":[]}' } });
    expect(await client.describe(never)).toMatchObject({ signature: { accepts: "json", inputs: [] }, platform: "", version: "" });
  });

  it("gets JSON", async () => {
    await open([], () => ({ body: '{"outputs":[{"name":"y","datatype":"INT64","shape":[2],"data":[9007199254740993,2]}]}' }));
    await client.describe(never);
    const answer = await ask(tensors(floats("x", [1, 2], [1, 2.5]), texts("t", ["ü"])), { outputs: ["y"], parameters: { k: 2n ** 60n } });
    expect(v2.last).toMatchObject({ method: "POST", url: "/v2/models/iris/infer" });
    expect(v2.last.body.toString()).toBe(
      '{"parameters":{"k":1152921504606846976},"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2.5]},' +
        '{"name":"t","shape":[1],"datatype":"BYTES","data":["ü"]}],"outputs":[{"name":"y"}]}',
    );
    expect(answer).toEqual(tensors(integers("y", [2], [9007199254740993n, 2n])));
  });

  it("gets and answers binary tensors where it says so", async () => {
    const outputs = [
      { name: "y", datatype: "FP32", shape: [1], parameters: { binary_data_size: 4 } },
      { name: "n", datatype: "INT64", shape: [1], data: [5] },
      { name: "t", datatype: "BYTES", shape: [1], parameters: { binary_data_size: 5 } },
    ];
    const json = JSON.stringify({ outputs });
    const bytes = Buffer.concat([Buffer.from(json), Buffer.from(new Float32Array([0.5]).buffer), Buffer.from([1, 0, 0, 0, 97])]);
    await open(["binary_tensor_data"], () => ({ headers: { "Inference-Header-Content-Length": String(json.length) }, body: bytes }));
    await client.describe(never);
    const halfs: Tensor = { name: "h", datatype: "FP16", shape: [1], data: Uint8Array.from([1, 2]) };
    expect(await ask(tensors(halfs, texts("t", ["ab"])))).toEqual(
      tensors(floats("y", [1], [0.5]), integers("n", [1], [5n]), texts("t", ["a"])),
    );
    expect(v2.json).toEqual({
      parameters: { binary_data_output: true },
      inputs: [
        { name: "h", shape: [1], datatype: "FP16", parameters: { binary_data_size: 2 } },
        { name: "t", shape: [1], datatype: "BYTES", parameters: { binary_data_size: 6 } },
      ],
    });
    expect([...v2.last.body.subarray(-8)]).toEqual([1, 2, 2, 0, 0, 0, 97, 98]);
    await ask(tensors(halfs), { outputs: ["y"] });
    expect(v2.json).toMatchObject({ outputs: [{ name: "y", parameters: { binary_data: true } }] });
    expect(v2.json).not.toHaveProperty("parameters");
  });

  it.each<[string, Tensor, RegExp]>([
    ["halfs", { name: "h", datatype: "FP16", shape: [1], data: new Uint8Array(2) }, /^inputs\.h\.datatype/],
    ["bytes that are no text", { name: "b", datatype: "BYTES", shape: [1], data: [Uint8Array.from([255])] }, /^inputs\.b\.data/],
  ])("has no place for %s in JSON", async (_, tensor, message) => {
    await open([]);
    await expect(ask(tensors(tensor))).rejects.toMatchObject({ code: "UNIMPLEMENTED", message: expect.stringMatching(message) });
  });

  it("gets V1's rows and columns as tensors", async () => {
    await open([]);
    await ask({
      kind: "rows",
      rows: [
        [1, 2],
        [3, 4],
      ],
    });
    expect(v2.json).toMatchObject({ inputs: [{ name: "input-0", shape: [2, 2], datatype: "INT64" }] });
    await ask({ kind: "rows", rows: [{ a: 1.5, b: "x" }] });
    expect(v2.json).toMatchObject({
      inputs: [
        { name: "a", datatype: "FP64" },
        { name: "b", datatype: "BYTES", data: ["x"] },
      ],
    });
    await ask({ kind: "columns", columns: { a: [true] } });
    expect(v2.json).toMatchObject({ inputs: [{ name: "a", datatype: "BOOL", data: [true] }] });
    await expect(ask({ kind: "rows", rows: [[1], [1, 2]] })).rejects.toMatchObject({
      code: "UNIMPLEMENTED",
      message: expect.stringMatching(/^instances: /),
    });
    await expect(ask({ kind: "columns", columns: { a: [{}] } })).rejects.toMatchObject({
      code: "UNIMPLEMENTED",
      message: expect.stringMatching(/^inputs\.a: /),
    });
  });

  it("answers JSON where it says that it is", async () => {
    await open([], () => ({
      body: '{"outputs":[{"name":"output-0","datatype":"BYTES","shape":[1],"data":["{\\"a\\":1}"],"parameters":{"content_type":"application/json"}}]}',
    }));
    expect(await ask(tensors(floats("x", [1], [1])))).toEqual({ kind: "json", value: { a: 1 } });
  });

  it.each([
    ["no outputs", "{}"],
    ["another datatype", '{"outputs":[{"name":"y","datatype":"FP99","shape":[1],"data":[1]}]}'],
    ["a shape that is none", '{"outputs":[{"name":"y","datatype":"FP32","shape":[-1],"data":[1]}]}'],
    ["less than its shape says", '{"outputs":[{"name":"y","datatype":"FP32","shape":[2],"data":[1]}]}'],
    ["bytes that are not there", '{"outputs":[{"name":"y","datatype":"FP32","shape":[1],"parameters":{"binary_data_size":4}}]}'],
  ])("is at fault for an answer with %s", async (_, body) => {
    await open([], () => ({ body }));
    await expect(ask(tensors(floats("x", [1], [1])))).rejects.toMatchObject({
      code: "INTERNAL",
      message: expect.stringMatching(/cannot be read/),
    });
  });
});

describe("a repository", () => {
  it("loads, unloads and lists", async () => {
    await open([], undefined, {
      "POST /v2/repository/models/iris/load": {},
      "POST /v2/repository/models/iris/unload": { status: 400, body: '{"error":"busy"}' },
      "POST /v2/repository/index": { body: '[{"name":"a","state":"READY"},{"name":"b","state":"UNAVAILABLE"},{"name":"c"}]' },
    });
    await client.repository?.load("iris", never);
    await expect(client.repository?.unload("iris", never)).rejects.toThrow("busy");
    expect(await client.repository?.list(never)).toEqual(["a", "c"]);
  });

  it("is listed with GET where POST is not answered", async () => {
    await open([], undefined, { "GET /v2/repository/models": { body: '{"models":["a"]}' } });
    expect(await client.repository?.list(never)).toEqual(["a"]);
  });
});
