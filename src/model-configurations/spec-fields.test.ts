import { describe, expect, it } from "vitest";
import { readModelConfiguration, readModelConfigurationJson } from "./read-configuration.ts";
import { type ConfiguredSpecFields, specFieldsOf } from "./spec-fields.ts";

const TENSORS = 'input { name: "x" data_type: TYPE_FP32 dims: 1 } output { name: "y" data_type: TYPE_FP32 dims: 1 }';

function fieldsOf(text: string): ConfiguredSpecFields {
  return specFieldsOf(readModelConfiguration(`backend: "onnxruntime" ${text}`, { file: "c", name: "m" }));
}

describe("what a configuration says to the scheduler", () => {
  it.each([
    [`max_batch_size: 8 ${TENSORS}`, { maxBatchRows: 1 }],
    [`max_batch_size: 0 ${TENSORS}`, { maxBatchRows: 1 }],
    // Where the model says which tensors it has, it gets a batcher with them.
    ["max_batch_size: 8", { maxBatchRows: 8 }],
    [TENSORS, {}],
    ["dynamic_batching { }", {}],
    ["max_batch_size: 8 dynamic_batching { }", { maxBatchRows: 8 }],
    ["max_batch_size: 0 dynamic_batching { }", { maxBatchRows: 1 }],
    [
      "max_batch_size: 8 dynamic_batching { preferred_batch_size: [ 4, 2, 4 ] max_queue_delay_microseconds: 500 preserve_ordering: true }",
      { maxBatchRows: 8, preferredBatchRows: [2, 4], maxBatchLatencyMs: 0.5, preserveOrder: true },
    ],
    [
      "max_batch_size: 8 dynamic_batching { default_queue_policy { default_timeout_microseconds: 2000 max_queue_size: 3 } }",
      { maxBatchRows: 8, maxWaitMs: 2, fixedTimeout: true, maxQueueRequests: 3 },
    ],
    [
      `max_batch_size: 8 dynamic_batching { priority_levels: 3 default_priority_level: 2
         priority_queue_policy { key: 3 value { timeout_action: DELAY default_timeout_microseconds: 1000 allow_timeout_override: true } } }`,
      { maxBatchRows: 8, priority: 2, byPriority: { 3: { maxWaitMs: 1, lateRequestsWait: true } } },
    ],
    [
      "max_batch_size: 4 sequence_batching { direct { max_queue_delay_microseconds: 100 minimum_slot_utilization: 0.5 } }",
      { maxBatchRows: 4, sequences: { strategy: "direct", perReplica: 4, idleMs: 1000, maxDelayMs: 0.1, minimumSlotUtilization: 0.5 } },
    ],
    [
      "max_batch_size: 0 sequence_batching { max_sequence_idle_microseconds: 5000 oldest { max_candidate_sequences: 9 preserve_ordering: true } }",
      {
        maxBatchRows: 1,
        sequences: { strategy: "oldest", perReplica: 9, idleMs: 5, maxDelayMs: 0, preferredSizes: [] },
        preserveOrder: true,
      },
    ],
    [
      "max_batch_size: 4 sequence_batching { iterative_sequence: true }",
      {
        maxBatchRows: 4,
        sequences: {
          strategy: "direct",
          perReplica: 4,
          idleMs: 1000,
          maxDelayMs: 0,
          iterative: true,
          idBits: 64,
          minimumSlotUtilization: 0,
        },
      },
    ],
  ])("is, of %s", (text, scheduling) => {
    expect(fieldsOf(text).scheduling).toEqual(scheduling);
  });

  it.each([
    ["INT32", 31],
    ["UINT32", 32],
    ["INT64", 63],
    ["UINT64", 64],
    ["STRING", 64],
  ])("knows the ids that fit into an input of type %s", (datatype, idBits) => {
    const control = `control_input { name: "ID" control { kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_${datatype} } }`;
    expect(fieldsOf(`sequence_batching { iterative_sequence: true ${control} }`).scheduling?.sequences).toMatchObject({ idBits });
  });

  it("is what a load says, of a model that has no configuration otherwise", () => {
    const { scheduling } = specFieldsOf(readModelConfigurationJson({ max_batch_size: 16 }, { file: "", name: "m" }));
    expect(scheduling).toEqual({ maxBatchRows: 16 });
  });

  it("is nothing for an ensemble, whose steps have queues of their own", () => {
    const text = `platform: "ensemble" max_batch_size: 4 ${TENSORS} ensemble_scheduling { step { model_name: "n"
      input_map { key: "a" value: "x" } output_map { key: "b" value: "y" } } }`;
    expect(specFieldsOf(readModelConfiguration(text, { file: "c", name: "m" }))).toEqual({ scheduling: {} });
  });

  it("spreads more levels than there are priorities, and says so", () => {
    const { scheduling, notes } = fieldsOf(`dynamic_batching { priority_levels: 10 default_priority_level: 6
      priority_queue_policy { key: 1 value { max_queue_size: 1 } } priority_queue_policy { key: 2 value { max_queue_size: 2 } } }`);
    expect(scheduling).toEqual({ priority: 3, byPriority: { 1: { maxQueueRequests: 1 } } });
    expect(notes).toEqual([
      "dynamic_batching.priority_queue_policy of level 2 has no effect: it shares a priority with the level before it",
      "dynamic_batching.priority_levels: 10 levels share the 5 priorities of this server, neighbours with each other",
    ]);
  });
});

describe("what a configuration says of replicas", () => {
  it("is as many as there are instances", () => {
    expect(fieldsOf("instance_group [ { count: 2 }, { count: 3 } ]").scaling).toMatchObject({ least: 5, most: 5 });
    // As Triton's ONNX backend has it on processors.
    expect(fieldsOf("instance_group { kind: KIND_CPU }").scaling).toMatchObject({ least: 2, most: 2 });
    expect(fieldsOf(TENSORS)).not.toHaveProperty("scaling");
    const many = fieldsOf("instance_group { count: 100 }");
    expect(many.scaling).toMatchObject({ least: 64, most: 64 });
    expect(many.notes).toEqual(["instance_group has 100 instances; a model has 64 replicas at most"]);
  });

  it("is where they are", () => {
    expect(fieldsOf("instance_group { kind: KIND_CPU }").device).toEqual({ kind: "cpu" });
    expect(fieldsOf("instance_group { kind: KIND_GPU }").device).toMatchObject({ kind: "count", count: 1 });
    expect(fieldsOf("instance_group { kind: KIND_GPU gpus: 1 }").device).toMatchObject({ kind: "index", index: 1 });
    expect(fieldsOf("instance_group { }").device).toBeUndefined();
    expect(fieldsOf("instance_group [ { kind: KIND_CPU }, { kind: KIND_GPU } ]").device).toBeUndefined();
  });

  it("is what they hold of shared resources", () => {
    const limiter = 'rate_limiter { resources [ { name: "R1" count: 4 }, { name: "R2" global: true count: 2 } ] priority: 2 }';
    expect(fieldsOf(`instance_group { ${limiter} }`)).toMatchObject({ scheduling: { resources: { R1: 4, R2: 2 }, resourcePriority: 2 } });
    expect(fieldsOf(`instance_group [ { ${limiter} }, { } ]`).notes).toEqual([
      "instance_group.rate_limiter: every replica holds the largest number of each resource that a group says",
    ]);
  });
});

it("says which fields have no effect, and only when they say something", () => {
  expect(fieldsOf("optimization { eager_batching: false priority: PRIORITY_DEFAULT } response_cache { enable: true }")).toEqual({
    scheduling: {},
    responseCache: true,
  });
  expect(
    fieldsOf('runtime: "x" instance_group { host_policy: "h" } optimization { cuda { graphs: true } } metric_tags { key: "a" }').notes,
  ).toEqual([
    "runtime of the model's configuration has no effect in this server",
    "instance_group.host_policy of the model's configuration has no effect in this server",
    "optimization.cuda of the model's configuration has no effect in this server",
  ]);
});
