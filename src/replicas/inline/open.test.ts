import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { FakeReplica } from "../../../test/fake-replica.ts";
import { configurationOf, configuredInput, configuredOutput } from "../../../test/model-configuration.ts";
import { onnxFile } from "../../../test/onnx-file.ts";
import { systemClock } from "../../core/clock.ts";
import type { ModelSpec } from "../../core/model.ts";
import type { ModelConfiguration } from "../../core/model-configuration.ts";
import type { ReplicaCall, ReplicaResult } from "../../core/replica.ts";
import type { Signature } from "../../core/signature.ts";
import { bytesOf, elementsOf, type NumericTensor, type Tensor } from "../../core/tensor.ts";
import { createSession, runSession } from "../../onnx/index.ts";
import { CrashMarkers } from "./crash-markers.ts";
import { InlineRuns } from "./open.ts";
import { isSame } from "./proof.ts";

const FILE = fileURLToPath(new URL("../../../examples/models/iris-onnx/model.onnx", import.meta.url));
const predict: Signature = {
  accepts: "tensors",
  inputs: [{ name: "features", datatype: "FP32", shape: [-1, 4] }],
  outputs: [],
  batchable: true,
};

/** The same graph as a host would run it; `spoil` is what is wrong with the host's answers. */
class SessionHost extends FakeReplica {
  override readonly description = { methods: { predict }, framework: "onnxruntime", frameworkVersion: "0", warnings: [] };
  readonly #session = createSession(FILE, 1);
  spoil: (tensor: Tensor) => Tensor = (tensor) => tensor;

  override async run({ payload, outputs }: ReplicaCall): Promise<ReplicaResult> {
    const tensors = payload.kind === "tensors" ? payload.tensors : [];
    const answer = await runSession(await this.#session, tensors, outputs);
    return { payload: { kind: "tensors", tensors: answer.map((tensor) => this.spoil(tensor)) }, computeMs: 0.01 };
  }

  override async close(): Promise<void> {
    await (await this.#session).release();
  }
}

const flowers = (rows: number): ReplicaCall => {
  const data = bytesOf(Float32Array.from({ length: rows * 4 }, (_, index) => (index * 7) % 5));
  return { method: "predict", payload: { kind: "tensors", tensors: [{ name: "features", datatype: "FP32", shape: [rows, 4], data }] } };
};

describe("InlineRuns", () => {
  let directory: string;
  let host: SessionHost;
  const spec: ModelSpec = {
    namespace: "default",
    name: "iris",
    version: "1",
    format: "onnx",
    file: FILE,
    directory: ".",
    bytes: statSync(FILE).size,
    fromCommandLine: true,
  };
  const markers = (): string[] => readdirSync(join(directory, "inline"));
  const runs = (suspects = false, trustsCommandLine = true): InlineRuns => {
    const identity = { server: { pid: 1, start: "1" }, boot: "", isRunning: () => !suspects };
    return new InlineRuns({
      clock: systemClock,
      markers: new CrashMarkers({ directory: join(directory, "inline"), ...identity }),
      budgetMs: 1_000,
      trustsCommandLine,
    });
  };

  beforeAll(() => {
    host = new SessionHost();
  });
  afterAll(() => host.close());
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "nitrous-inline-"));
    host.spoil = (tensor) => tensor;
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it("opens a model that answers as its host does, behind a marker that goes with it", async () => {
    const replica = await runs().open(spec, host, flowers(3));
    expect(markers()).toHaveLength(1);
    expect(replica.roomForRows()).toBeGreaterThan(64);
    for (const rows of [1, 7, 64]) {
      const [here, there] = await Promise.all([replica.run(flowers(rows)), host.run(flowers(rows))]);
      expect(here.payload).toEqual(there.payload);
    }
    const only = await replica.run({ ...flowers(2), outputs: ["probabilities"] });
    expect(only.payload).toMatchObject({ tensors: [{ name: "probabilities", shape: [2, 3] }] });
    expect(replica.runs).toBe(4);
    await replica.close();
    expect(markers()).toEqual([]);
  });

  it("suits a model with a configuration unless that changes its calls", () => {
    const inputs = [configuredInput("features", [4])];
    const suits = (said: Partial<ModelConfiguration>): boolean =>
      runs().suits({ ...spec, configuration: configurationOf({ maxBatchSize: 8, inputs, ...said }) }, host.description);
    expect(suits({})).toBe(true);
    expect(suits({ inputs: [configuredInput("features", [2, 2], { reshape: [4] })] })).toBe(false);
    expect(suits({ outputs: [configuredOutput("label", [1], { reshape: [] })] })).toBe(false);
    const strategy = { kind: "direct", maxQueueDelayMs: 0, minimumSlotUtilization: 0 } as const;
    expect(suits({ sequenceBatching: { strategy, idleMs: 1, controls: [], states: [], iterative: false } })).toBe(false);
  });

  it("refuses a model that answers something else than its host, and leaves no marker", async () => {
    host.spoil = (tensor) => {
      if (tensor.datatype !== "FP32") return tensor;
      const elements = (elementsOf(tensor) as Float32Array).map((value) => value * 1.01);
      return { ...tensor, data: bytesOf(elements) };
    };
    await expect(runs().open(spec, host, flowers(3))).rejects.toThrow("'probabilities' differs");
    expect(markers()).toEqual([]);
  });

  it("refuses a file that is another now", async () => {
    await expect(runs().open({ ...spec, bytes: spec.bytes + 1 }, host, undefined)).rejects.toThrow("has changed");
  });

  it("refuses a graph whose cost depends on values before it is opened", async () => {
    const file = join(directory, "model.onnx");
    writeFileSync(file, onnxFile([{ operator: "NonZero" }]));
    const { size } = statSync(file);
    await expect(runs().open({ ...spec, file, bytes: size }, host, undefined)).rejects.toThrow("NonZero");
  });

  it("refuses a file that a server died with, whatever its name is", async () => {
    const file = join(directory, "copy.onnx");
    writeFileSync(file, readFileSync(FILE));
    await runs().open(spec, host, undefined);
    const later = runs(true);
    await expect(later.open({ ...spec, name: "other", file }, host, undefined)).rejects.toThrow("a server died");
  });

  it("takes the command line for trust only when it is told to", () => {
    const strict = runs(false, false);
    expect(strict.suits(spec, host.description)).toBe(false);
    expect(strict.suits({ ...spec, trust: "code" }, host.description)).toBe(true);
  });

  it.each([
    ["one of the command line", {}, true],
    ["one that somebody trusts", { fromCommandLine: false, trust: "code" as const }, true],
    ["one that nobody trusts", { fromCommandLine: false }, false],
    ["another format", { format: "sklearn" as const }, false],
    ["a large one", { bytes: 5 * 1024 * 1024 }, false],
    ["one with variables", { variables: { OMP_NUM_THREADS: "2" } }, false],
  ])("judges %s", (_, change, expected) => {
    expect(runs().suits({ ...spec, ...change }, host.description)).toBe(expected);
  });
});

describe("isSame", () => {
  const floats = (...values: number[]): NumericTensor => ({
    name: "x",
    datatype: "FP64",
    shape: [values.length],
    data: bytesOf(Float64Array.from(values)),
  });
  const whole = (...values: number[]): NumericTensor => ({
    name: "x",
    datatype: "INT8",
    shape: [values.length],
    data: bytesOf(Int8Array.from(values)),
  });

  it("forgives rounding in floating point, and nothing else", () => {
    expect(isSame(floats(1, Number.NaN), floats(1.000001, Number.NaN))).toBe(true);
    expect(isSame(floats(1), floats(1.001))).toBe(false);
    expect(isSame(floats(1), floats(Number.NaN))).toBe(false);
    expect(isSame(floats(1, 2), { ...floats(1, 2), shape: [2, 1] })).toBe(false);
    const large = (value: bigint): NumericTensor => ({ name: "x", datatype: "INT64", shape: [1], data: bytesOf(BigInt64Array.of(value)) });
    expect(isSame(large(10_000_000n), large(10_000_001n))).toBe(false);
    expect(isSame(whole(1), whole(1))).toBe(true);
    expect(isSame(whole(1), whole(2))).toBe(false);
    expect(isSame(whole(1), { ...whole(1), datatype: "UINT8" })).toBe(false);
  });
});
