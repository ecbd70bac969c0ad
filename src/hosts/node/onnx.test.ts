import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GraphValue, identityGraph, onnxGraph } from "../../../test/onnx-graph.ts";
import type { JsonObject, Payload } from "../../core/inference.ts";
import { bytesOf, type Datatype, type Tensor } from "../../core/tensor.ts";
import type { HostedModel } from "./hosted-model.ts";
import { loadOnnx } from "./onnx.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-onnx-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function load(graph: Uint8Array | string, settings: JsonObject = {}): Promise<HostedModel> {
  const file = typeof graph === "string" ? graph : "";
  const meta = {
    model: "m",
    version: "1",
    format: "onnx",
    file,
    directory: folder,
    example: null,
    threads: 1,
    trust: "none",
    code: false,
  } as const;
  return await loadOnnx({ ...meta, settings }, typeof graph === "string" ? [] : [graph], () => undefined);
}

function call(tensors: readonly Tensor[], outputs?: readonly string[]) {
  const payload: Payload = { kind: "tensors", tensors };
  return { method: "predict", payload, outputs, parameters: {}, signal: new AbortController().signal };
}

async function answer(model: HostedModel, tensors: readonly Tensor[], outputs?: readonly string[]): Promise<readonly Tensor[]> {
  const payload = await model.run(call(tensors, outputs));
  if (payload.kind !== "tensors") throw new Error(`it answered ${payload.kind}`);
  return payload.tensors;
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe("an ONNX model", () => {
  it.each<[GraphValue["type"], Datatype, Uint8Array | Uint8Array[]]>([
    ["BOOL", "BOOL", Uint8Array.of(1, 0)],
    ["INT8", "INT8", Uint8Array.of(128, 127)],
    ["INT16", "INT16", bytesOf(Int16Array.of(-32768, 32767))],
    ["INT32", "INT32", bytesOf(Int32Array.of(-(2 ** 31), 2 ** 31 - 1))],
    ["INT64", "INT64", bytesOf(BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n))],
    ["UINT8", "UINT8", Uint8Array.of(0, 255)],
    ["UINT16", "UINT16", bytesOf(Uint16Array.of(0, 65535))],
    ["UINT32", "UINT32", bytesOf(Uint32Array.of(0, 2 ** 32 - 1))],
    ["UINT64", "UINT64", bytesOf(BigUint64Array.of(0n, 2n ** 64n - 1n))],
    ["FLOAT16", "FP16", bytesOf(Uint16Array.of(0x3c00, 0x7e00))],
    ["FLOAT", "FP32", bytesOf(Float32Array.of(Number.NaN, -0.1))],
    ["DOUBLE", "FP64", bytesOf(Float64Array.of(Number.NEGATIVE_INFINITY, 0.1))],
    ["STRING", "BYTES", [text("größe 東京"), text("")]],
  ])("gives %s as %s with all bits", async (type, datatype, data) => {
    const model = await load(identityGraph([{ name: "x", type, shape: ["batch", 2] }]));
    expect(model.description.methods.predict).toMatchObject({ inputs: [{ name: "x", datatype, shape: [-1, 2] }], batchable: true });
    expect(model.description.warnings).toEqual([]);
    const [output] = await answer(model, [{ name: "x", datatype, shape: [1, 2], data } as Tensor]);
    expect(output).toEqual({ name: "x_out", datatype, shape: [1, 2], data });
    await model.close();
  });

  it("refuses what the binding cannot pass, before it serves", async () => {
    await expect(load(identityGraph([{ name: "x", type: "BFLOAT16", shape: ["batch"] }]))).rejects.toMatchObject({
      code: "UNIMPLEMENTED",
      message: expect.stringContaining("elements of type BFLOAT16"),
    });
    const model = await load(identityGraph([{ name: "x", type: "STRING", shape: ["batch"] }]));
    await expect(answer(model, [{ name: "x", datatype: "BYTES", shape: [1], data: [Uint8Array.of(255)] }])).rejects.toThrow(
      "element 0 of input 'x' is not UTF-8",
    );
  });

  it("takes scalars, empty batches and dimensions of any size", async () => {
    const scalar: GraphValue = { name: "scalar", type: "FLOAT", shape: [] };
    const image: GraphValue = { name: "image", type: "UINT8", shape: ["batch", 3, "height", "width"] };
    const model = await load(identityGraph([scalar, image]));
    expect(model.description.methods.predict?.inputs.map(({ shape }) => shape)).toEqual([[], [-1, 3, -1, -1]]);
    const one: Tensor = { name: "scalar", datatype: "FP32", shape: [], data: bytesOf(Float32Array.of(2.5)) };
    const none: Tensor = { name: "image", datatype: "UINT8", shape: [0, 3, 2, 5], data: new Uint8Array() };
    expect(await answer(model, [one, none])).toEqual([
      { ...one, name: "scalar_out" },
      { ...none, name: "image_out" },
    ]);
    expect(await answer(model, [one, none], ["image_out"])).toHaveLength(1);
  });

  it("gives inputs that the graph has values for those values", async () => {
    const graph = onnxGraph({
      nodes: [{ operator: "Add", inputs: ["x", "offset"], outputs: ["y"] }],
      inputs: [
        { name: "x", type: "FLOAT", shape: ["batch"] },
        { name: "offset", type: "FLOAT", shape: [1] },
      ],
      outputs: [{ name: "y", type: "FLOAT", shape: ["batch"] }],
      constants: [{ name: "offset", type: "FLOAT", shape: [1], data: bytesOf(Float32Array.of(10)) }],
    });
    const model = await load(graph);
    expect(model.description.methods.predict?.inputs.map(({ name }) => name)).toEqual(["x"]);
    const [y] = await answer(model, [{ name: "x", datatype: "FP32", shape: [2], data: bytesOf(Float32Array.of(1, Number.NaN)) }]);
    expect(y?.data).toEqual(bytesOf(Float32Array.of(11, Number.NaN)));
  });

  it("reads weights from the files beside it, and says what to do when they are not there", async () => {
    const graph = onnxGraph({
      nodes: [{ operator: "Add", inputs: ["x", "weights"], outputs: ["y"] }],
      inputs: [{ name: "x", type: "FLOAT", shape: ["batch", 2] }],
      outputs: [{ name: "y", type: "FLOAT", shape: ["batch", 2] }],
      constants: [{ name: "weights", type: "FLOAT", shape: [2], data: "the-weights.bin" }],
    });
    const file = join(folder, "external.onnx");
    await writeFile(file, graph);
    await expect(load(file)).rejects.toThrow("put the files with the weights that the export wrote");
    await writeFile(join(folder, "the-weights.bin"), bytesOf(Float32Array.of(1, 2)));
    const [y] = await answer(await load(file), [{ name: "x", datatype: "FP32", shape: [1, 2], data: bytesOf(Float32Array.of(1, 1)) }]);
    expect(y?.data).toEqual(bytesOf(Float32Array.of(2, 3)));
  });

  it("refuses a file that was cut off, at any place, and input that the graph refuses", async () => {
    const graph = onnxGraph({
      nodes: [{ operator: "Reshape", inputs: ["x", "shape"], outputs: ["y"] }],
      inputs: [{ name: "x", type: "FLOAT", shape: ["size"] }],
      outputs: [{ name: "y", type: "FLOAT", shape: ["a", 2] }],
      constants: [{ name: "shape", type: "INT64", shape: [2], data: bytesOf(BigInt64Array.of(-1n, 2n)) }],
    });
    for (const length of [0, 1, Math.floor(graph.length / 2), graph.length - 1])
      await expect(load(graph.subarray(0, length))).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    const model = await load(graph);
    expect(model.description.methods.predict?.batchable).toBe(false);
    await expect(
      answer(model, [{ name: "x", datatype: "FP32", shape: [3], data: bytesOf(Float32Array.of(1, 2, 3)) }]),
    ).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining("the model refused the input") });
  });
});

describe("settings of an ONNX model", () => {
  const graph = identityGraph([{ name: "x", type: "FLOAT", shape: ["batch", "width"] }]);

  it("reach its session", async () => {
    const model = await load(graph, {
      intra_op_num_threads: "2",
      inter_op_num_threads: "2",
      execution_mode: "parallel",
      graph_optimization_level: "disabled",
      execution_providers: "CPUExecutionProvider",
      session_config: "session.intra_op.allow_spinning=1,session.dynamic_block_base=4",
      free_dimension_overrides: "width:3",
      enable_cpu_mem_arena: "false",
    });
    expect(model.description.warnings).toEqual([]);
    // A dimension that was fixed belongs to the signature, so that nobody sends another.
    expect(model.description.methods.predict?.inputs[0]?.shape).toEqual([-1, 3]);
  });

  it.each([
    [{ intra_op_num_threads: "many" }, 'the setting intra_op_num_threads is "many": expected a whole number from 1'],
    [{ graph_optimization_level: "best" }, "expected one of disabled, basic, extended, layout, all"],
    [{ execution_providers: "gpu,cpu" }, "names 'gpu'; expected some of cpu, cuda, tensorrt"],
    [{ execution_providers: true }, "expected text"],
    [{ free_dimension_overrides: "width=wide" }, "has 'width' as 'wide'"],
  ])("are refused when they are wrong: %j", async (settings, message) => {
    await expect(load(graph, settings)).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining(message) });
  });

  it("warn of what nobody knows", async () => {
    const { description } = await load(graph, { speed: "high" });
    expect(description.warnings[0]).toMatch(/^--speed has no effect; known are --batchable, --device_id, --enable_cpu_mem_arena, /);
  });

  it("fall back to the processor only when the list of providers ends in it", async () => {
    const other = process.platform === "win32" ? "coreml" : "directml";
    const { description } = await load(graph, { execution_providers: `${other},cpu` });
    expect(description.warnings[0]).toMatch(/^it runs on cpu, because of (coreml|dml): this build of ONNX Runtime has only cpu/);
    await expect(load(graph, { execution_providers: other })).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringContaining("or end the setting execution_providers in ,cpu to fall back to the processor"),
    });
  });
});
