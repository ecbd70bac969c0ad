import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ServerProcess, startServer, untilLoaded } from "../server-process.ts";

const identity = fileURLToPath(new URL("../../testdata/models/identity", import.meta.url));

let folder: string;
let server: ServerProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-node-host-"));
  const models = {
    counter: `export default { async *predict({ instances }, { signal }) { for (let n = 0; n < instances[0] && !signal.aborted; n++) yield [n]; } }`,
    thrower: `export class Model { predict() { throw new RangeError("too far"); } }`,
    nothing: `export const value = 1;`,
  };
  for (const [name, code] of Object.entries(models)) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, "model.mjs"), code);
  }
  await mkdir(join(folder, "damaged"));
  await writeFile(join(folder, "damaged/model.onnx"), "this is no protobuf");
  server = await startServer([identity, folder]);
  await untilLoaded(server);
});

afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true });
});

const predict = (name: string, instances: unknown[]): Promise<Response> =>
  fetch(`${server.url}/v1/models/${name}:predict`, { method: "POST", body: JSON.stringify({ instances }) });

it("answers every datatype of ONNX as it came, in JSON and binary", async () => {
  const half = Buffer.from([0x00, 0x3c, 0x00, 0xc0]);
  const inputs = [
    '{"name":"fp16","datatype":"FP16","shape":[1,2],"parameters":{"binary_data_size":4}}',
    '{"name":"fp32","datatype":"FP32","shape":[1,2],"data":[1.5,null]}',
    '{"name":"fp64","datatype":"FP64","shape":[1,2],"data":[0.1,-1e300]}',
    '{"name":"int8","datatype":"INT8","shape":[1,2],"data":[-128,127]}',
    '{"name":"int64","datatype":"INT64","shape":[1,2],"data":[9007199254740993,-9223372036854775808]}',
    '{"name":"uint64","datatype":"UINT64","shape":[1,2],"data":[18446744073709551615,0]}',
    '{"name":"bool","datatype":"BOOL","shape":[1,2],"data":[true,false]}',
    '{"name":"text","datatype":"BYTES","shape":[1,2],"data":["größe",""]}',
  ];
  const outputs = ["fp16", "fp32", "fp64", "int8", "int64", "uint64", "bool", "text"].map(
    (name) => `{"name":"${name}_out","parameters":{"binary_data":${name === "fp16"}}}`,
  );
  const json = `{"inputs":[${inputs}],"outputs":[${outputs}]}`;
  const response = await fetch(`${server.url}/v2/models/identity/infer`, {
    method: "POST",
    headers: { "Inference-Header-Content-Length": String(Buffer.byteLength(json)) },
    body: Buffer.concat([Buffer.from(json), half]),
  });
  const body = Buffer.from(await response.arrayBuffer());
  const length = Number(response.headers.get("inference-header-content-length"));
  const text = body.subarray(0, length).toString();
  expect(body.subarray(length)).toEqual(half);
  for (const data of [
    "[1.5,null]",
    "[0.1,-1e+300]",
    "[-128,127]",
    "[9007199254740993,-9223372036854775808]",
    "[18446744073709551615,0]",
    "[true,false]",
    '["größe",""]',
  ]) {
    expect(text).toContain(`"data":${data}`);
  }
});

it("tells the graph's own names, datatypes and shapes", async () => {
  const metadata = (await (await fetch(`${server.url}/v2/models/identity`)).json()) as { platform: string; inputs: unknown[] };
  expect(metadata.platform).toBe("onnxruntime_onnx");
  expect(metadata.inputs).toContainEqual({ name: "text", datatype: "BYTES", shape: [-1, 2] });
});

it("streams, tells of errors, and refuses what is no model", async () => {
  expect(await (await predict("counter", [3])).text()).toBe('{"predictions":[0]}\n{"predictions":[1]}\n{"predictions":[2]}\n');
  const thrown = await predict("thrower", [1]);
  expect([thrown.status, await thrown.json()]).toEqual([500, { error: "RangeError: too far" }]);
  expect(await (await predict("nothing", [1])).text()).toContain(
    "must export a class Model (or a default) with a method 'predict', or a function predict; it exports value",
  );
  expect(await (await predict("damaged", [1])).text()).toContain("its file is not an ONNX model that can be read here");
});
