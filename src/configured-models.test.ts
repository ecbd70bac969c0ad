import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type GraphValue, identityGraph, onnxGraph } from "../test/onnx-graph.ts";
import { withConfiguredModels } from "./configured-models.ts";
import type { ModelSpec } from "./core/model.ts";
import { processlessEndpoint } from "./core/processless-endpoint.ts";
import type { Replica } from "./core/replica.ts";
import { bytesOf, elementsOf, type NumericTensor, type Tensor } from "./core/tensor.ts";
import { loadOnnx } from "./hosts/node/onnx.ts";
import { readModelConfiguration } from "./model-configurations/index.ts";
import type { LoaderSteps } from "./models/index.ts";
import { ProgramReplica } from "./replicas/index.ts";

/** Loads graphs in this process, with the settings that a host would get. */
class GraphSteps implements LoaderSteps {
  readonly prepared: ModelSpec[] = [];
  closed = 0;

  async prepare(spec: ModelSpec) {
    this.prepared.push(spec);
    return { host: { name: spec.name, command: "", arguments: [], environment: {} }, warnings: spec.notes ?? [] };
  }

  start({ name }: { readonly name: string }) {
    return processlessEndpoint(name);
  }

  async connect() {
    return {
      warm: async (_: unknown, spec: ModelSpec, report: (step: string) => void): Promise<Replica> => {
        const { name: model, version, format, file, directory, settings = {} } = spec;
        const meta = { model, version, format, file, directory, example: null, threads: 1, trust: "none" as const, code: false, settings };
        const hosted = await loadOnnx(meta, [], report);
        const close = async (): Promise<void> => {
          this.closed++;
          await hosted.close();
        };
        return new ProgramReplica(model, { description: hosted.description, run: (call) => hosted.run(call), close }, 1);
      },
    };
  }
}

/** Of an identity of FLOAT. */
const config = ({ rows, dims, reshape = "" }: { readonly rows: number; readonly dims: string; readonly reshape?: string }): string =>
  `max_batch_size: ${rows}
  input { name: "x" data_type: TYPE_FP32 dims: [${dims}] ${reshape} }
  output { name: "x_out" data_type: TYPE_FP32 dims: [${dims}] ${reshape} }`;

const floats = (name: string, shape: readonly number[], ...values: number[]): Tensor => ({
  name,
  datatype: "FP32",
  shape,
  data: bytesOf(Float32Array.from(values)),
});

describe("an ONNX model with a configuration", () => {
  let folder: string;
  let steps: GraphSteps;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "configured-"));
    steps = new GraphSteps();
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function load(graph: Buffer, text = ""): Promise<Replica> {
    const file = join(folder, "model.onnx");
    await writeFile(file, graph);
    const source = { file: "config.pbtxt", name: "m", versionFiles: ["model.onnx"] };
    const place = { namespace: "default", name: "m", version: "1", format: "onnx", file, directory: folder, folder } as const;
    const spec: ModelSpec = { ...place, bytes: graph.byteLength, configuration: readModelConfiguration(text, source) };
    const { signal } = new AbortController();
    const wrapped = withConfiguredModels(steps);
    const { host } = await wrapped.prepare(spec, () => undefined, signal);
    const endpoint = wrapped.start(host);
    const { warm } = await wrapped.connect(endpoint, signal);
    return await warm(endpoint, spec, () => undefined, signal);
  }
  const answer = async (replica: Replica, ...tensors: Tensor[]): Promise<readonly Tensor[]> => {
    const { payload } = await replica.run({ method: "predict", payload: { kind: "tensors", tensors } });
    return payload.kind === "tensors" ? payload.tensors : [];
  };
  const identity = (type: GraphValue["type"], ...shape: ReadonlyArray<number | string>): Buffer =>
    identityGraph([{ name: "x", type, shape }]);

  it("is completed by its graph: at most four rows in a request, which share calls as the graph's rows are independent", async () => {
    const { description } = await load(identity("FLOAT", "batch", 3));
    expect(description.methods.predict).toMatchObject({
      inputs: [{ name: "x", datatype: "FP32", shape: [-1, 3] }],
      outputs: [{ name: "x_out", datatype: "FP32", shape: [-1, 3] }],
      batchable: true,
      maxRows: 4,
    });
    expect(description.warnings).toEqual([expect.stringContaining("its max_batch_size was not said, so it is 4")]);
    const { description: fixed } = await load(identity("FLOAT", 2, "width"));
    expect(fixed.methods.predict).toMatchObject({ inputs: [{ shape: [2, -1] }], batchable: false });
    expect(fixed.methods.predict).not.toHaveProperty("maxRows");
  });

  it("shares calls where the graph only says that its first dimension is variable, unless its rows depend on each other", async () => {
    const { description } = await load(identity("FLOAT", "", 2), config({ rows: 8, dims: "2" }));
    expect(description.methods.predict).toMatchObject({ batchable: true, maxRows: 8 });
    expect(description.warnings).toEqual([]);
    const summed = onnxGraph({
      nodes: [
        { operator: "ReduceSum", inputs: ["x", "axes"], outputs: ["sum"] },
        { operator: "Add", inputs: ["x", "sum"], outputs: ["y"] },
      ],
      inputs: [{ name: "x", type: "FLOAT", shape: ["batch", 1] }],
      outputs: [{ name: "y", type: "FLOAT", shape: ["batch", 1] }],
      constants: [{ name: "axes", type: "INT64", shape: [1], data: bytesOf(BigInt64Array.of(0n)) }],
    });
    const completed = await load(summed);
    expect(completed.description.methods.predict).toMatchObject({ batchable: false, maxRows: 4 });
  });

  it.each<[GraphValue["type"], Tensor]>([
    ["FLOAT16", { name: "x", datatype: "FP16", shape: [1, 2], data: bytesOf(Uint16Array.of(0x3c00, 0xc000)) }],
    ["STRING", { name: "x", datatype: "BYTES", shape: [1, 2], data: ["größe", ""].map((text) => new TextEncoder().encode(text)) }],
    ["BOOL", { name: "x", datatype: "BOOL", shape: [1, 2], data: Uint8Array.of(1, 0) }],
  ])("answers tensors of type %s in the shapes that its configuration says", async (type, tensor) => {
    const { datatype } = tensor;
    const typed = `TYPE_${datatype === "BYTES" ? "STRING" : datatype}`;
    const replica = await load(
      identity(type, "batch", 2, 1),
      `max_batch_size: 2
      input { name: "x" data_type: ${typed} dims: 2 reshape { shape: [2, 1] } }
      output { name: "x_out" data_type: ${typed} dims: [1, 2] reshape { shape: [2, 1] } }
      model_warmup { name: "zeros" batch_size: 2 inputs { key: "x" value { data_type: ${typed} dims: 2 zero_data: true } } }`,
    );
    const [output] = await answer(replica, tensor);
    expect(output).toEqual({ ...tensor, name: "x_out", shape: [1, 1, 2] });
  });

  it("takes scalars as single elements, with rows and without", async () => {
    const without = await load(identity("FLOAT"));
    expect(await answer(without, floats("x", [1], 7))).toEqual([floats("x_out", [1], 7)]);
    const explicit = await load(identity("FLOAT"), config({ rows: 0, dims: "1, 1", reshape: "reshape { shape: 1 }" }));
    expect(await answer(explicit, floats("x", [1, 1], 8))).toEqual([floats("x_out", [1, 1], 8)]);
    const rows = await load(identity("FLOAT", "batch"));
    expect(rows.description.methods.predict?.inputs[0]?.shape).toEqual([-1, 1]);
    expect(await answer(rows, floats("x", [2, 1], 1, 2))).toEqual([floats("x_out", [2, 1], 1, 2)]);
  });

  it("may have variable dims without rows", async () => {
    const replica = await load(identity("FLOAT", "rows", "columns"), config({ rows: 0, dims: "-1, -1" }));
    expect(replica.description.methods.predict).toMatchObject({ inputs: [{ shape: [-1, -1] }], batchable: false });
    expect(await answer(replica, floats("x", [3, 1], 1, 2, 3))).toEqual([floats("x_out", [3, 1], 1, 2, 3)]);
  });

  it("keeps states and controls from its clients", async () => {
    const graph = onnxGraph({
      nodes: [
        { operator: "Mul", inputs: ["sum", "keep"], outputs: ["kept"] },
        { operator: "Add", inputs: ["kept", "x"], outputs: ["next"] },
        { operator: "Identity", inputs: ["next"], outputs: ["y"] },
      ],
      inputs: ["x", "sum", "keep"].map((name) => ({ name, type: "FLOAT" as const, shape: ["batch", 1] })),
      outputs: ["y", "next"].map((name) => ({ name, type: "FLOAT" as const, shape: ["batch", 1] })),
    });
    const replica = await load(
      graph,
      `sequence_batching {
        oldest { max_candidate_sequences: 4 }
        control_input { name: "keep" control { kind: CONTROL_SEQUENCE_START fp32_false_true: [1, 0] } }
        state { input_name: "sum" output_name: "next" data_type: TYPE_FP32 dims: 1 }
      }`,
    );
    const { inputs, outputs, stateful, together, maxRows } = replica.description.methods.predict ?? {};
    expect([inputs?.map(({ name }) => name), outputs?.map(({ name }) => name)]).toEqual([["x"], ["y"]]);
    expect([stateful, together, maxRows]).toEqual([true, true, 4]);
    const sums: number[] = [];
    for (const [value, start] of [
      [5, true],
      [2, false],
      [1, true],
    ] as const) {
      const payload = { kind: "tensors" as const, tensors: [floats("x", [1, 1], value)] };
      const result = await replica.run({ method: "predict", payload, sequence: { id: 9n, start, end: false } });
      const [y] = result.payload.kind === "tensors" ? result.payload.tensors : [];
      sums.push(Number(elementsOf(y as NumericTensor)[0]));
    }
    expect(sums).toEqual([5, 7, 1]);
  });

  it("is opened with the session options of its parameters, and says what has no effect", async () => {
    const parameter = (key: string, value: string): string => `parameters { key: "${key}" value { string_value: "${value}" } }`;
    const { description } = await load(identity("FLOAT", 2), parameter("intra_op_thread_count", "2") + parameter("gpu_mem_limit", "1"));
    expect(steps.prepared[0]?.settings).toEqual({ batchable: true, intra_op_num_threads: 2 });
    expect(steps.prepared[0]?.notes).toEqual(["the parameter gpu_mem_limit of its configuration has no effect in this server"]);
    expect(description.warnings).toEqual([]);
    await expect(load(identity("FLOAT", 2), parameter("execution_mode", "fast"))).rejects.toThrow("execution_mode");
  });

  it("is refused where the two contradict each other, and closed", async () => {
    await expect(load(identity("FLOAT", "batch", 3), config({ rows: 2, dims: "4" }))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("model 'm', tensor 'x': the model expects 2 dimensions (shape [-1,3])") as unknown,
    });
    const failing =
      'model_warmup { name: "text" batch_size: 1 inputs { key: "x" value { data_type: TYPE_FP32 dims: 5 zero_data: true } } }';
    await expect(load(identity("FLOAT", "batch", 3), failing)).rejects.toThrow("its warm-up sample 'text' failed");
    await expect.poll(() => steps.closed).toBe(2);
  });

  it.each([
    ['input { name: "x" data_type: TYPE_FP32 dims: 3 allow_ragged_batch: true }', "its input 'x' has allow_ragged_batch"],
    [
      'max_batch_size: 2 input { name: "x" data_type: TYPE_FP32 dims: 3 } batch_input { kind: BATCH_ELEMENT_COUNT target_name: "n" data_type: TYPE_FP32 source_input: "x" }',
      "its batch_input is not supported",
    ],
    ["sequence_batching { iterative_sequence: true }", "only models of Triton's Python backend say when a request is over"],
  ])("is refused before it starts for what would give other answers: %s", async (said, message) => {
    await expect(load(identity("FLOAT", "batch", 3), said)).rejects.toMatchObject({
      code: "UNIMPLEMENTED",
      message: expect.stringContaining(message) as unknown,
    });
    expect(steps.prepared).toEqual([]);
  });
});
