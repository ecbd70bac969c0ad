import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { configurationOf, configuredInput, configuredOutput } from "../../../test/model-configuration.ts";
import { ServeError } from "../../core/errors.ts";
import type { ModelConfiguration, WarmUpSample } from "../../core/model-configuration.ts";
import type { ModelDescription, Replica, ReplicaCall, ReplicaResult } from "../../core/replica.ts";
import type { Signature } from "../../core/signature.ts";
import { bytesOf, elementsOf, type NumericTensor, type Tensor } from "../../core/tensor.ts";
import { openConfigured } from "./open.ts";

const spec = (name: string, ...shape: number[]): Signature["inputs"][number] => ({ name, datatype: "FP32", shape });

/** Answers each input `x` as an output `y`, in a shape of the test's choice. */
class EchoReplica implements Replica {
  readonly id = "echo";
  readonly credit = 1;
  readonly description: ModelDescription;
  readonly lost = new Promise<void>(() => undefined);
  readonly exited = new Promise<string>(() => undefined);
  readonly calls: ReplicaCall[] = [];
  readonly #shape: (shape: readonly number[]) => readonly number[];

  constructor(predict: Partial<Signature>, shape: (shape: readonly number[]) => readonly number[] = (own) => own) {
    const method: Signature = { accepts: "tensors", inputs: [spec("x", -1, 4)], outputs: [spec("y", -1, 4)], ...predict };
    this.description = { methods: { predict: method }, framework: "test", frameworkVersion: "1", warnings: ["first"], example: {} };
    this.#shape = shape;
  }

  async run(call: ReplicaCall): Promise<ReplicaResult> {
    this.calls.push(call);
    const tensors = call.payload.kind === "tensors" ? call.payload.tensors : [];
    return {
      payload: { kind: "tensors", tensors: tensors.map((each) => ({ ...each, name: "y", shape: this.#shape(each.shape) })) },
      computeMs: 1,
    };
  }

  async runTogether(calls: readonly ReplicaCall[]): Promise<ReadonlyArray<ReplicaResult | ServeError>> {
    return await Promise.all(
      calls.map((call) => (call.parameters?.fail === true ? new ServeError("INVALID_ARGUMENT", "no") : this.run(call))),
    );
  }

  async *stream(call: ReplicaCall): AsyncGenerator<ReplicaResult["payload"], void, undefined> {
    yield (await this.run(call)).payload;
  }

  async close(): Promise<void> {}
  destroy(): void {}
}

const tensor = (shape: readonly number[], name = "x"): Tensor => ({
  name,
  datatype: "FP32",
  shape,
  data: bytesOf(Float32Array.from({ length: shape.reduce((count, each) => count * each, 1) }, (_, index) => index)),
});
const callOf = (...shape: number[]): ReplicaCall => ({ method: "predict", payload: { kind: "tensors", tensors: [tensor(shape)] } });
const shapeOf = ({ payload }: Pick<ReplicaCall, "payload">): readonly number[] | undefined =>
  payload.kind === "tensors" ? payload.tensors[0]?.shape : undefined;

describe("a configured replica", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "configured-"));
    await mkdir(join(folder, "warmup"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const open = (inner: Replica, said: Partial<ModelConfiguration>, declaresRows = true): Promise<Replica> => {
    const configuration = configurationOf({ inputs: [configuredInput("x", [4])], outputs: [configuredOutput("y", [4])], ...said });
    return openConfigured(inner, { configuration, declaresRows, folder, notes: ["then"] }, () => undefined, new AbortController().signal);
  };

  it("shows rows in front of dims, how many there may be, and the configuration as it was completed", async () => {
    const { description } = await open(new EchoReplica({ columns: ["a"], convertsNumbers: true }), {
      maxBatchSize: 8,
      json: { name: "m" },
    });
    expect(description).toMatchObject({ configuration: { name: "m" }, warnings: ["first", "then"], example: {} });
    expect(description.methods.predict).toEqual({
      accepts: "tensors",
      inputs: [spec("x", -1, 4)],
      outputs: [spec("y", -1, 4)],
      batchable: true,
      maxRows: 8,
    });
  });

  it("keeps the labels of an output whose model knows them, as an ensemble does", async () => {
    const labels = ["cat", "dog"];
    const inner = new EchoReplica({ outputs: [{ ...spec("y", -1, 4), labels }] });
    expect((await open(inner, { maxBatchSize: 8 })).description.methods.predict?.outputs).toEqual([{ ...spec("y", -1, 4), labels }]);
  });

  it("leaves methods that take no tensors by name, and models of which the configuration says too little", async () => {
    const matrix = new EchoReplica({ accepts: "matrix", columns: ["a"] });
    const { description } = await open(matrix, { maxBatchSize: 8, json: { name: "m" } });
    expect(description.methods).toEqual(matrix.description.methods);
    const unsaid = new EchoReplica({});
    const replica = await open(unsaid, { maxBatchSize: 8, inputs: [] });
    expect(replica.description.methods).toEqual(unsaid.description.methods);
    expect(replica.description).not.toHaveProperty("configuration");
  });

  it("lets requests share calls only where the configuration or the model says that rows are independent", async () => {
    const batchable = async (proven: boolean, maxBatchSize: number, declares: boolean): Promise<unknown> =>
      (await open(new EchoReplica({ batchable: proven }), { maxBatchSize }, declares)).description.methods.predict?.batchable;
    expect(await Promise.all([batchable(false, 4, true), batchable(true, 4, false)])).toEqual([true, true]);
    expect(await Promise.all([batchable(false, 4, false), batchable(true, 0, true)])).toEqual([false, false]);
  });

  it("reshapes inputs and outputs, with rows and variable dimensions, of calls alone, together and streamed", async () => {
    const inner = new EchoReplica(
      { together: true, inputs: [spec("x", -1, -1)], outputs: [spec("y", -1, -1, 2, 1)] },
      ([rows = 1, length = 1]) => [rows, length / 2, 2, 1],
    );
    const replica = await open(inner, {
      maxBatchSize: 4,
      inputs: [configuredInput("x", [1, -1], { reshape: [-1] })],
      outputs: [configuredOutput("y", [2, -1], { reshape: [-1, 2, 1] })],
    });
    const result = await replica.run(callOf(3, 1, 6));
    expect([shapeOf(inner.calls[0] ?? result), shapeOf(result)]).toEqual([
      [3, 6],
      [3, 2, 3],
    ]);
    const [one, other] = (await replica.runTogether?.([callOf(1, 1, 6), { ...callOf(1, 1, 6), parameters: { fail: true } }])) ?? [];
    expect(one instanceof ServeError || one === undefined ? one : shapeOf(one)).toEqual([1, 2, 3]);
    expect(other).toBeInstanceOf(ServeError);
    for await (const payload of replica.stream(callOf(1, 1, 2), new AbortController().signal))
      expect(shapeOf({ payload })).toEqual([1, 2, 1]);
    expect(replica.description.example).toBeUndefined();
  });

  it("fails calls whose answers do not have the shape that the reshape expects", async () => {
    const inner = new EchoReplica({}, () => [2, 2, 2]);
    const replica = await open(inner, { maxBatchSize: 4, outputs: [configuredOutput("y", [2, 2], { reshape: [4] })] });
    await expect(replica.run(callOf(2, 4))).rejects.toMatchObject({
      code: "INTERNAL",
      message: "'y' has the shape [2,2,2]; its reshape expects [rows,4]",
    });
  });

  it("has a model's scalars as single elements, and asks for no outputs that the configuration leaves out", async () => {
    const inner = new EchoReplica({ inputs: [spec("x")], outputs: [spec("y"), spec("other")] });
    const replica = await open(inner, { maxBatchSize: 0, inputs: [configuredInput("x", [1])], outputs: [configuredOutput("y", [1, 1])] });
    const result = await replica.run(callOf(1));
    expect([shapeOf(inner.calls[0] ?? result), inner.calls[0]?.outputs, shapeOf(result)]).toEqual([[], ["y"], [1, 1]]);
    await replica.run({ ...callOf(1), outputs: [] });
    expect(inner.calls[1]?.outputs).toEqual([]);
  });

  it("passes calls on as they are where nothing differs", async () => {
    const inner = new EchoReplica({});
    const replica = await open(inner, { maxBatchSize: 4 });
    const call = callOf(2, 4);
    await replica.run(call);
    expect(inner.calls[0]).toBe(call);
  });

  it("reads labels of outputs, and no files of others", async () => {
    await writeFile(join(folder, "labels.txt"), "cat\n\ndog\n");
    const labelled = (labelFilename: string): Promise<Replica> =>
      open(new EchoReplica({}), { maxBatchSize: 4, outputs: [configuredOutput("y", [4], { labelFilename })] });
    expect((await labelled("labels.txt")).description.methods.predict?.outputs[0]?.labels).toEqual(["cat", "", "dog"]);
    await expect(labelled("none.txt")).rejects.toThrow("the labels of its output 'y' cannot be read");
    for (const outside of ["../labels.txt", "/etc/hostname", "a/../../b"])
      await expect(labelled(outside)).rejects.toThrow("which must be in the model's folder");
  });

  describe("warmed up", () => {
    const sample = (said: Partial<WarmUpSample>): WarmUpSample => ({
      name: "some",
      batchSize: 1,
      count: 1,
      inputs: { x: { datatype: "FP32", dims: [4], data: { kind: "zero" } } },
      ...said,
    });
    const floats = (call: ReplicaCall | undefined): number[] =>
      call?.payload.kind === "tensors" ? Array.from(elementsOf(call.payload.tensors[0] as NumericTensor), Number) : [];

    it("gets each sample as often as it says, its rows in one call, before anybody else", async () => {
      await writeFile(join(folder, "warmup", "data"), bytesOf(Float32Array.of(1, 2, 3, 4, 5)));
      const data = { kind: "file", file: "warmup/data" } as const;
      const inner = new EchoReplica({});
      const warmUp = [
        sample({ count: 2 }),
        sample({ batchSize: 2, inputs: { x: { datatype: "FP32", dims: [4], data } } }),
        sample({ inputs: { x: { datatype: "FP32", dims: [4], data: { kind: "random" } } } }),
      ];
      await open(inner, { maxBatchSize: 4, warmUp });
      expect(inner.calls.map(shapeOf)).toEqual([
        [1, 4],
        [1, 4],
        [2, 4],
        [1, 4],
      ]);
      expect(floats(inner.calls[2])).toEqual([1, 2, 3, 4, 1, 2, 3, 4]);
      expect(floats(inner.calls[3]).every((value) => value >= 0 && value < 1)).toBe(true);
    });

    it("gets single requests where they stay what they are, and in client's shapes", async () => {
      const inner = new EchoReplica({ together: true });
      await open(inner, {
        maxBatchSize: 4,
        inputs: [configuredInput("x", [2, 2], { reshape: [4] })],
        warmUp: [sample({ batchSize: 3, inputs: { x: { datatype: "FP32", dims: [2, 2], data: { kind: "zero" } } } })],
      });
      expect(inner.calls.map(shapeOf)).toEqual([
        [1, 4],
        [1, 4],
        [1, 4],
      ]);
      const streaming = new EchoReplica({ streaming: true });
      await open(streaming, { maxBatchSize: 0, warmUp: [sample({})] });
      expect(streaming.calls.map(shapeOf)).toEqual([[4]]);
    });

    it("says which sample failed and why, and which was not sent", async () => {
      const failing = new EchoReplica({}, () => {
        throw new ServeError("INVALID_ARGUMENT", "it does not like zeros");
      });
      await expect(open(failing, { maxBatchSize: 4, warmUp: [sample({ name: "zeros" })] })).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: "its warm-up sample 'zeros' failed: it does not like zeros",
      });
      const variable = sample({ inputs: { x: { datatype: "FP32", dims: [-1], data: { kind: "zero" } } } });
      await expect(open(new EchoReplica({}), { warmUp: [variable] })).rejects.toThrow("all dimensions of its input 'x' must be said");
      const input = { datatype: "FP32", dims: [40_000], data: { kind: "zero" } } as const;
      for (const [batchSize, why] of [
        [65_000, "times 65000 rows needs 10400000000 bytes"],
        [70_000, "its batch_size is 70000"],
      ] as const) {
        const large = sample({ batchSize, inputs: { x: input } });
        await expect(open(new EchoReplica({}), { maxBatchSize: 4, warmUp: [large] })).rejects.toThrow(why);
      }
      const { description } = await open(new EchoReplica({}), { warmUp: [sample({ batchSize: 0 })] });
      expect(description.warnings).toEqual(["first", "then", "its warm-up sample 'some' was not sent: its batch_size is 0"]);
    });
  });
});
