import { describe, expect, it } from "vitest";
import type { JsonObject } from "../core/inference.ts";
import { completeConfiguration } from "./complete-configuration.ts";
import { readModelConfiguration } from "./read-configuration.ts";

const source = { file: "c", name: "m", versionFiles: ["model.onnx"] };
const x = { name: "x", datatype: "FP32", dims: [3], reshape: undefined, optional: false, ragged: false } as const;
const y = { name: "y", datatype: "INT64", dims: [1], reshape: [], labelFilename: "" } as const;
const batcher = readModelConfiguration("dynamic_batching { }", source).dynamicBatching;

describe("a configuration that the loaded model completes", () => {
  it("is printed as Triton prints it, in the order of the proto file", () => {
    const given = readModelConfiguration("", source);
    const completed = completeConfiguration(given, { maxBatchSize: 4, inputs: [x], outputs: [y], dynamicBatching: batcher, gpus: [0] });
    expect(JSON.stringify(completed.json)).toBe(
      JSON.stringify({
        name: "m",
        platform: "onnxruntime_onnx",
        backend: "onnxruntime",
        runtime: "",
        version_policy: { latest: { num_versions: 1 } },
        max_batch_size: 4,
        input: [
          {
            name: "x",
            data_type: "TYPE_FP32",
            format: "FORMAT_NONE",
            dims: [3],
            is_shape_tensor: false,
            allow_ragged_batch: false,
            optional: false,
            is_non_linear_format_io: false,
          },
        ],
        output: [
          {
            name: "y",
            data_type: "TYPE_INT64",
            dims: [1],
            reshape: { shape: [] },
            label_filename: "",
            is_shape_tensor: false,
            is_non_linear_format_io: false,
          },
        ],
        batch_input: [],
        batch_output: [],
        optimization: {
          priority: "PRIORITY_DEFAULT",
          input_pinned_memory: { enable: true },
          output_pinned_memory: { enable: true },
          gather_kernel_buffer_threshold: 0,
          eager_batching: false,
        },
        dynamic_batching: {
          preferred_batch_size: [4],
          max_queue_delay_microseconds: 0,
          preserve_ordering: false,
          priority_levels: 0,
          default_priority_level: 0,
          priority_queue_policy: {},
        },
        instance_group: [
          {
            name: "m",
            kind: "KIND_GPU",
            count: 1,
            gpus: [0],
            secondary_devices: [],
            profile: [],
            passive: false,
            host_policy: "",
          },
        ],
        default_model_filename: "model.onnx",
        cc_model_filenames: {},
        metric_tags: {},
        parameters: {},
        model_warmup: [],
      }),
    );
    expect(completed).toMatchObject({ maxBatchSize: 4, inputs: [x], outputs: [y], dynamicBatching: { preferredBatchSizes: [4] } });
    // Nobody said how many replicas there are to be.
    expect(completed.instanceGroups).toEqual([]);
    expect(completeConfiguration(completed, { gpus: [0] })).toEqual(completed);
  });

  it("keeps what is said of a tensor beside what the model says, and the scheduler that it has", () => {
    const given = readModelConfiguration(
      'max_batch_size: 2 input { name: "x" format: FORMAT_NCHW } sequence_batching { direct { minimum_slot_utilization: 0.1 } }',
      source,
    );
    const completed = completeConfiguration(given, {
      inputs: [{ ...x, dims: [3, 4, 5] }],
      outputs: [{ ...y, reshape: undefined }],
      dynamicBatching: batcher,
    });
    expect(completed.json).toMatchObject({
      input: [{ format: "FORMAT_NCHW", dims: [3, 4, 5] }],
      sequence_batching: { direct: { max_queue_delay_microseconds: 0, minimum_slot_utilization: 0.1 } },
      instance_group: [{ kind: "KIND_CPU" }],
    });
    expect(completed.json).not.toHaveProperty("dynamic_batching");
  });

  it("prints what no number of JSON is as text, and keys as they are", () => {
    const text = `model_metrics { metric_control { metric_identifier { family: "f" } histogram_options { buckets: [ inf, 0.1 ] } } }
      dynamic_batching { max_queue_delay_microseconds: 18446744073709551615 } parameters { key: "__proto__" value { string_value: "1" } }`;
    const { json } = readModelConfiguration(text, source);
    expect(json.dynamic_batching).toMatchObject({ max_queue_delay_microseconds: "18446744073709551615" });
    expect(json.model_metrics).toMatchObject({ metric_control: [{ histogram_options: { buckets: ["Infinity", 0.1] } }] });
    expect(Object.entries(json.parameters as JsonObject)).toEqual([["__proto__", { string_value: "1" }]]);
    expect(completeConfiguration(readModelConfiguration(text, source), {}).json.parameters).toEqual(json.parameters);
  });

  it("is refused when it still misses something", () => {
    const given = readModelConfiguration('input { name: "x" }', source);
    expect(() => completeConfiguration(given, { maxBatchSize: 0 })).toThrow("model input 'x' must specify 'data_type' for m");
    const batched = readModelConfiguration("dynamic_batching { preferred_batch_size: 8 }", source);
    expect(() => completeConfiguration(batched, { maxBatchSize: 4 })).toThrow("preferred size must be <= max batch size");
  });
});
