import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bytesOf } from "../../src/core/tensor.ts";
import { identityGraph } from "../onnx-graph.ts";
import { type ServerProcess, startServer, untilLoaded } from "../server-process.ts";
import { ask } from "../service-process.ts";

const repository = mkdtempSync(join(tmpdir(), "nitrous-repository-"));
let server: ServerProcess;

function model(name: string, shape: ReadonlyArray<number | string>, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const folder of ["1", "warmup"]) mkdirSync(join(repository, name, folder), { recursive: true });
  writeFileSync(join(repository, name, "1", "model.onnx"), identityGraph([{ name: "x", type: "FLOAT", shape }]));
  for (const [file, contents] of Object.entries(files)) writeFileSync(join(repository, name, file), contents);
}

const request = (
  name: string,
  shape: readonly number[],
  data: readonly number[],
  outputs?: unknown,
): Promise<{ status: number; body: unknown }> =>
  ask(server.url, `/v2/models/${name}/infer`, {
    inputs: [{ name: "x", datatype: "FP32", shape, data }],
    ...(outputs === undefined ? {} : { outputs }),
  });

beforeAll(async () => {
  model("pets", ["batch", 3], {
    "config.pbtxt": `
      max_batch_size: 2
      input { name: "x" data_type: TYPE_FP32 dims: [3, 1] reshape { shape: 3 } }
      output { name: "x_out" data_type: TYPE_FP32 dims: 3 label_filename: "labels.txt" }
      parameters { key: "gpu_mem_limit" value { string_value: "1" } }
      model_warmup { name: "three" batch_size: 2 count: 2
        inputs { key: "x" value { data_type: TYPE_FP32 dims: [3, 1] input_data_file: "three" } } }`,
    "labels.txt": "cat\ndog\nfish\n",
    "warmup/three": bytesOf(Float32Array.of(1, 2, 3)),
  });
  model("bare", ["batch"], { "config.pbtxt": "" });
  model("wrong", ["batch", 3], {
    "config.pbtxt":
      'max_batch_size: 1 input { name: "x" data_type: TYPE_FP32 dims: 4 } output { name: "x_out" data_type: TYPE_FP32 dims: 3 }',
  });
  model("cold", ["batch", 3], {
    "config.pbtxt":
      'model_warmup { name: "gone" batch_size: 1 inputs { key: "x" value { data_type: TYPE_FP32 dims: 3 input_data_file: "gone" } } }',
  });
  server = await startServer([repository]);
  await untilLoaded(server);
});
afterAll(async () => {
  await server?.stop();
  rmSync(repository, { recursive: true });
});

it("shows a model as its configuration says", async () => {
  expect((await ask(server.url, "/v2/models/pets")).body).toMatchObject({
    inputs: [{ name: "x", datatype: "FP32", shape: [-1, 3, 1] }],
    outputs: [{ name: "x_out", datatype: "FP32", shape: [-1, 3] }],
  });
  const top = [{ name: "x_out", parameters: { classification: 2 } }];
  expect(await request("pets", [2, 3, 1], [1, 2, 3, 6, 5, 4], top)).toMatchObject({
    status: 200,
    body: { outputs: [{ shape: [2, 2], data: ["3.000000:2:fish", "2.000000:1:dog", "6.000000:0:cat", "5.000000:1:dog"] }] },
  });
  const rows = await ask(server.url, "/v1/models/pets:predict", { instances: [[[1], [2], [3]]] });
  expect(rows).toMatchObject({ status: 200, body: { predictions: [[1, 2, 3]] } });
});

it("refuses requests that do not fit it, in Triton's words", async () => {
  expect(await request("pets", [3, 3, 1], Array(9).fill(0))).toMatchObject({
    status: 400,
    body: { error: expect.stringContaining("inference request batch-size must be <= 2 for 'pets'") },
  });
  expect(await request("pets", [1, 3], [1, 2, 3])).toMatchObject({
    status: 400,
    body: {
      error: expect.stringContaining("Expected [-1,3,1], got [1,3]. NOTE: Setting a non-zero max_batch_size in the model config"),
    },
  });
});

it("completes one that says nothing by its graph, and prints it", async () => {
  expect((await ask(server.url, "/v2/models/bare/config")).body).toMatchObject({
    max_batch_size: 4,
    input: [{ name: "x", data_type: "TYPE_FP32", dims: [1], reshape: { shape: [] } }],
    output: [{ name: "x_out", data_type: "TYPE_FP32", dims: [1], reshape: { shape: [] } }],
    dynamic_batching: {},
  });
  expect(await request("bare", [2, 1], [7, 8])).toMatchObject({ status: 200, body: { outputs: [{ shape: [2, 1], data: [7, 8] }] } });
});

it("does not load models that contradict theirs, or that fail their warm-up", async () => {
  const index = (await ask(server.url, "/v2/repository/index", {})).body as ReadonlyArray<{
    readonly name: string;
    readonly reason: string;
  }>;
  const reasonOf = (name: string): string | undefined => index.find((each) => each.name === name)?.reason;
  expect(reasonOf("wrong")).toContain("model 'wrong', tensor 'x': the model expects 2 dimensions (shape [-1,3])");
  expect(reasonOf("cold")).toContain("its warm-up sample 'gone' failed");
});
