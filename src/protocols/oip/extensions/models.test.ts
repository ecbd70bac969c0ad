import { describe, expect, it } from "vitest";
import { createRecord, type RequestRecord } from "../../../core/context.ts";
import { ServeError } from "../../../core/errors.ts";
import type { ModelStatus } from "../../../core/model.ts";
import type { Signature } from "../../../core/signature.ts";
import { createInferenceStatistics } from "../../../models/index.ts";
import { modelConfiguration } from "./model-configuration.ts";
import { repositoryIndex } from "./repository.ts";
import { modelStatistics } from "./statistics.ts";

/** Triton's example `simple`: two INT32 [16] in, two out, of which any number of rows. */
const simple: Signature = {
  accepts: "tensors",
  batchable: true,
  inputs: ["INPUT0", "INPUT1"].map((name) => ({ name, datatype: "INT32", shape: [-1, 16] })),
  outputs: ["OUTPUT0", "OUTPUT1"].map((name) => ({ name, datatype: "INT32", shape: [-1, 16] })),
};

function status(version: string, others: Partial<ModelStatus> = {}, signature: Signature = simple): ModelStatus {
  return {
    namespace: "default",
    name: "simple",
    version,
    artefact: "model.onnx",
    scheduling: undefined,
    responseCache: false,
    state: "ready",
    answers: true,
    reason: "",
    memoryBytes: 1024,
    replicas: { ready: 1, starting: 1, leaving: 0, wanted: 2, least: 1, most: 3, auto: true, obstacle: undefined },
    description: { methods: { predict: signature }, framework: "onnxruntime", frameworkVersion: "1", warnings: [] },
    ...others,
  } as ModelStatus;
}

describe("the model configuration", () => {
  it("leaves the batch out of the dimensions and prints every default", () => {
    const config = modelConfiguration(status("1", { scheduling: { maxBatchRows: 8, preferredBatchRows: [4], maxBatchLatencyMs: 0.1 } }), {
      maxBatchRows: 256,
    });
    expect(config).toMatchObject({
      name: "simple",
      platform: "onnxruntime_onnx",
      backend: "onnxruntime",
      max_batch_size: 8,
      default_model_filename: "model.onnx",
      instance_group: [{ kind: "KIND_CPU", count: 2 }],
      dynamic_batching: { preferred_batch_size: [4], max_queue_delay_microseconds: 100 },
    });
    expect((config.input as object[])[0]).toEqual({
      name: "INPUT0",
      data_type: "TYPE_INT32",
      format: "FORMAT_NONE",
      dims: [16],
      is_shape_tensor: false,
      allow_ragged_batch: false,
      optional: false,
      is_non_linear_format_io: false,
    });
  });

  it("has no batches where rows are not independent, and says what streams and what is kept", () => {
    const config = modelConfiguration(status("1", { responseCache: true }, { ...simple, batchable: false, streaming: true }), {
      maxBatchRows: 256,
    });
    expect(config).toMatchObject({
      max_batch_size: 0,
      model_transaction_policy: { decoupled: true },
      response_cache: { enable: true },
    });
    expect(config).not.toHaveProperty("dynamic_batching");
    expect((config.output as Array<{ dims: number[] }>)[0]?.dims).toEqual([-1, 16]);
  });

  it("is the model's own where it has one", () => {
    const configuration = { name: "simple", max_batch_size: 3 };
    const model = status("1");
    const configured = { ...model, description: { ...model.description, configuration } } as ModelStatus;
    expect(modelConfiguration(configured, { maxBatchRows: 256 })).toEqual(configuration);
  });
});

describe("statistics", () => {
  const statistics = createInferenceStatistics(1_000_000);
  const observe = (record: Partial<RequestRecord>): void =>
    statistics.observe({ ...createRecord("oip", "simple", 100), namespace: "default", version: "1", ...record });
  observe({ queuedAt: 101, queueMs: 2, computeMs: 3, finishedAt: 110, cache: "miss" });
  observe({ finishedAt: 100.5, cache: "hit" });
  observe({ finishedAt: 104, outcome: "RESOURCE_EXHAUSTED", refusal: "queue_full" });
  observe({ finishedAt: 104, outcome: "CANCELLED" });
  observe({ version: "", finishedAt: 900, outcome: "NOT_FOUND" });
  statistics.observeBatch({
    namespace: "default",
    model: "simple",
    version: "1",
    batch: { size: 2, rows: 4, startedAt: 0, cut: "alone", inline: false, computeMs: 3 },
  });
  const versions = [status("1"), status("2"), status("3", { answers: false, state: "failed" })];
  const controlPlane = { list: () => versions, versions: () => versions };
  const target = { namespace: "default", name: "simple" };

  it("are in Triton's shape, in nanoseconds", () => {
    const [row] = modelStatistics(controlPlane, statistics, { ...target, version: "1" });
    expect(row).toEqual({
      name: "simple",
      version: "1",
      last_inference: 1_000_100,
      inference_count: 4,
      execution_count: 1,
      inference_stats: {
        success: { count: 2, ns: 10_500_000 },
        fail: { count: 2, ns: 8_000_000 },
        queue: { count: 2, ns: 2_000_000 },
        compute_input: { count: 1, ns: 1_000_000 },
        compute_infer: { count: 1, ns: 3_000_000 },
        compute_output: { count: 1, ns: 4_000_000 },
        cache_hit: { count: 1, ns: 500_000 },
        cache_miss: { count: 1, ns: 5_000_000 },
      },
      response_stats: {},
      batch_stats: [
        {
          batch_size: 4,
          compute_input: { count: 1, ns: 0 },
          compute_infer: { count: 1, ns: 3_000_000 },
          compute_output: { count: 1, ns: 0 },
        },
      ],
      memory_usage: [{ type: "CPU", id: 0, byte_size: 1024 }],
    });
  });

  it("count a call without rows as one of one row", () => {
    const empty = createInferenceStatistics(0);
    const batch = { size: 1, rows: 0, startedAt: 0, cut: "alone", inline: false, computeMs: 1 } as const;
    empty.observeBatch({ namespace: "default", model: "simple", version: "1", batch });
    const [row] = modelStatistics(controlPlane, empty, { ...target, version: "1" });
    expect(row).toMatchObject({ inference_count: 1, batch_stats: [{ batch_size: 1 }] });
  });

  it("are those of every version that answers, and say which does not", () => {
    expect(modelStatistics(controlPlane, statistics, target).map(({ version }) => version)).toEqual(["1", "2"]);
    expect(modelStatistics(controlPlane, statistics, { namespace: "default" })).toHaveLength(2);
    expect(modelStatistics(controlPlane, statistics, { namespace: "other" })).toEqual([]);
    expect(() => modelStatistics(controlPlane, statistics, { ...target, version: "3" })).toThrow(
      "requested model version is not available for model 'simple'",
    );
    const none = { ...controlPlane, versions: () => versions.slice(2) };
    expect(() => modelStatistics(none, statistics, target)).toThrow("requested model 'simple' is not available");
    const broken = (): never => {
      throw new ServeError("UNAVAILABLE", "config.pbtxt:3:1: no such field", { refusal: "not_ready" });
    };
    const why = "requested model 'simple' is not available. config.pbtxt:3:1: no such field";
    expect(() => modelStatistics({ ...controlPlane, versions: broken }, statistics, target)).toThrow(why);
  });

  it("tell failures apart as Triton's metrics do", () => {
    const { failures } = statistics.of({ namespace: "default", model: "simple", version: "1" });
    expect(Object.fromEntries(failures)).toEqual({ REJECTED: 1, CANCELED: 1 });
  });
});

describe("the repository index", () => {
  it("has a row for each version, and one for a model without", () => {
    const versions: Record<string, ModelStatus[]> = {
      simple: [status("1"), status("2", { state: "loading", answers: false, reason: "reading the graph" })],
      broken: [status("1", { name: "broken", state: "failed", answers: false, reason: "no graph\n  at line 1" })],
    };
    const controlPlane = {
      names: () => ["simple", "broken", "new"],
      versions: ({ name }: { name: string }) => {
        if (versions[name] === undefined) throw new Error("it is being prepared");
        return versions[name];
      },
    };
    expect(repositoryIndex(controlPlane, "default", false)).toEqual([
      { name: "broken", version: "1", state: "UNAVAILABLE", reason: "no graph" },
      { name: "new", state: "UNAVAILABLE", reason: "it is being prepared" },
      { name: "simple", version: "1", state: "READY", reason: "" },
      { name: "simple", version: "2", state: "LOADING", reason: "reading the graph" },
    ]);
    expect(repositoryIndex(controlPlane, "default", true)).toHaveLength(1);
  });
});
