import { describe, expect, it } from "vitest";
import { readModelConfiguration, readModelConfigurationJson } from "./read-configuration.ts";

const IN = 'input { name: "x" data_type: TYPE_FP32 dims: [ 16 ] }';
const OUT = 'output { name: "y" data_type: TYPE_FP32 dims: [ 16 ] }';
const ONNX = 'backend: "onnxruntime"';

const source = { file: "m/config.pbtxt", name: "m" };

/** Of a model whose file has been looked at: nothing may be missing. */
function strict(text: string): ReturnType<typeof readModelConfiguration> {
  return readModelConfiguration(text, { ...source, complete: true });
}

function ensemble(steps: string, tensors = `${IN} ${OUT}`): string {
  return `platform: "ensemble" max_batch_size: 2 ${tensors} ensemble_scheduling { ${steps} }`;
}

function step(inputs: Record<string, string>, outputs: Record<string, string>): string {
  const maps = (name: string, map: Record<string, string>): string =>
    Object.entries(map)
      .map(([key, value]) => `${name} { key: "${key}" value: "${value}" }`)
      .join(" ");
  return `step { model_name: "inner" model_version: -1 ${maps("input_map", inputs)} ${maps("output_map", outputs)} }`;
}

describe("a model's configuration", () => {
  it("is what its text says, with Triton's defaults", () => {
    const configuration = readModelConfiguration(
      `name: "m" platform: "onnxruntime_onnx" max_batch_size: 8 ${OUT}
       input { name: "x" data_type: TYPE_STRING dims: [ 1, -1 ] reshape { shape: [ -1 ] } optional: true }
       dynamic_batching { max_queue_delay_microseconds: 1500 default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 250 } }
       instance_group [ { count: 2 kind: KIND_CPU rate_limiter { resources { name: "r" count: 3 } priority: 2 } }, { passive: true } ]
       parameters { key: "execution_mode" value { string_value: "1" } }
       model_warmup { name: "w" batch_size: 1 inputs { key: "x" value { data_type: TYPE_STRING dims: 1 input_data_file: "raw" } } }
       model_warmup { name: "skipped" batch_size: 0 }`,
      source,
    );
    expect(configuration).toMatchObject({
      backend: "onnxruntime",
      maxBatchSize: 8,
      defaultModelFilename: "model.onnx",
      inputs: [{ name: "x", datatype: "BYTES", dims: [1, -1], reshape: [-1], optional: true, ragged: false }],
      outputs: [{ name: "y", datatype: "FP32", dims: [16], reshape: undefined, labelFilename: "" }],
      versionPolicy: { latest: 1 },
      dynamicBatching: {
        preferredBatchSizes: [8],
        maxQueueDelayMs: 1.5,
        defaultQueuePolicy: { timeoutAction: "DELAY", defaultTimeoutMs: 0.25, allowTimeoutOverride: false, maxQueueSize: 0 },
      },
      instanceGroups: [{ name: "m_0", kind: "KIND_CPU", count: 2, resources: { r: 3 }, priority: 2 }],
      parameters: { execution_mode: "1" },
      warmUp: [
        { name: "w", batchSize: 1, count: 1, inputs: { x: { datatype: "BYTES", dims: [1], data: { kind: "file", file: "warmup/raw" } } } },
      ],
    });
  });

  it("has the controls and the states of its sequences", () => {
    const { sequenceBatching } = readModelConfiguration(
      `${ONNX} max_batch_size: 4 sequence_batching {
         oldest { max_candidate_sequences: 7 max_queue_delay_microseconds: 100 }
         control_input { name: "START" control { kind: CONTROL_SEQUENCE_START fp32_false_true: [ 0, 1 ] } }
         control_input { name: "END" control { kind: CONTROL_SEQUENCE_END bool_false_true: [ false, true ] } }
         control_input { name: "ID" control { kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_STRING } }
         state { input_name: "i" output_name: "o" data_type: TYPE_INT32 dims: -1
                 initial_state { name: "s" data_type: TYPE_INT32 dims: 3 data_file: "zeros" } } }`,
      source,
    );
    expect(sequenceBatching).toEqual({
      strategy: { kind: "oldest", maxCandidateSequences: 7, preferredBatchSizes: [4], maxQueueDelayMs: 0.1, preserveOrdering: false },
      idleMs: 1000,
      controls: [
        { name: "START", kind: "start", datatype: "FP32", values: [0, 1] },
        { name: "END", kind: "end", datatype: "BOOL", values: [0, 1] },
        { name: "ID", kind: "correlation-id", datatype: "BYTES" },
      ],
      states: [
        {
          inputName: "i",
          outputName: "o",
          datatype: "INT32",
          dims: [-1],
          initial: { datatype: "INT32", dims: [3], data: { kind: "file", file: "initial_state/zeros" } },
        },
      ],
      iterative: false,
    });
  });

  it.each([
    [{ text: "", files: ["model.onnx"] }, "onnxruntime", "model.onnx"],
    [{ text: "", files: ["model.py", "notes.txt"] }, "python", "model.py"],
    [{ text: 'platform: "tensorflow_savedmodel"', files: undefined }, "tensorflow", "model.savedmodel"],
    [{ text: 'default_model_filename: "model.pt2"', files: undefined }, "pytorch", "model.pt2"],
    [{ text: 'backend: "python" default_model_filename: "other.py"', files: ["other.py"] }, "python", "other.py"],
    [{ text: 'backend: "mine"', files: ["model.onnx"] }, "mine", ""],
    // This server's own kinds of files are for others to find.
    [{ text: "", files: ["model.joblib"] }, "", ""],
    [{ text: "", files: undefined }, "", ""],
  ])("has the backend that it or a file names: %j", ({ text, files }, backend, file) => {
    const read = readModelConfiguration(text, { ...source, ...(files === undefined ? {} : { versionFiles: files }) });
    expect([read.backend, read.defaultModelFilename]).toEqual([backend, file]);
  });

  it("has the backend that its name ends with when nothing else says one", () => {
    expect(readModelConfiguration("", { file: "c", name: "m.identity", versionFiles: [] }).backend).toBe("identity");
    expect(() => readModelConfiguration("", { ...source, versionFiles: [] })).toThrow("Could not determine backend for model 'm'");
  });

  it("leaves what is not said to the model that is loaded, but not for long", () => {
    const text = 'backend: "python" input { name: "x" } output { name: "y" data_type: TYPE_FP32 dims: 1 }';
    expect(readModelConfiguration(text, source)).toMatchObject({ maxBatchSize: undefined, inputs: [], outputs: [{ name: "y" }] });
    expect(readModelConfiguration("max_batch_size: 0", source).maxBatchSize).toBe(0);
    expect(() => strict(text)).toThrow("m/config.pbtxt: model input 'x' must specify 'data_type' for m");
  });

  it("is the same from JSON, in either case of names, with numbers as text", () => {
    const fromText = readModelConfiguration(`${ONNX} max_batch_size: 8 ${IN} dynamic_batching { max_queue_delay_microseconds: 5 }`, source);
    const json = {
      backend: "onnxruntime",
      maxBatchSize: "8",
      input: [{ name: "x", dataType: "type_fp32", dims: ["16"], reshape: null }],
      dynamicBatching: { max_queue_delay_microseconds: 5 },
    };
    expect(readModelConfigurationJson(JSON.stringify(json), source)).toEqual(fromText);
    expect(readModelConfigurationJson(fromText.json, source)).toEqual(fromText);
  });

  it.each([
    ['{"input": {}}', "m/config.pbtxt: input: expected a list, got an object"],
    ['{"input": [{"dims": [true]}]}', "input[0].dims[0]: expected a whole number, got true"],
    ['{"input": [{"shape": []}]}', 'input[0].ModelInput has no field "shape"'],
    ['{"input": [{"data_type": "FP32"}]}', "input[0].data_type: expected one of TYPE_INVALID, "],
    ['{"parameters": {"a": {"string_value": 1}}}', "parameters.a.string_value: expected text, got 1"],
    ['{"name": "\\ud800"}', "name: expected text"],
    ['{"max_batch_size": 1, "maxBatchSize": 1}', "max_batch_size is there twice"],
    ['{"dynamic_batching": {}, "sequence_batching": {}}', "sequence_batching cannot be there beside dynamic_batching"],
    ['{"model_warmup": [{"count": -1}]}', "model_warmup[0].count: expected a whole number that is not negative, got -1"],
    ['{"max_batch_size": 99999999999999999999}', "expected a whole number up to 2147483647"],
    ['{"name": ', "Invalid JSON: "],
    [`{"name": "${"n".repeat(5_000_000)}"}`, "characters are more than 4194304"],
    [
      `{"input": [{"name": "x", "dims": [${"9007199254740991,".repeat(200_000)}1]}]}`,
      "model input 'x' has 200001 dimensions, and may have 64",
    ],
  ])("is refused as JSON when it is %s", (json, message) => {
    expect(() => readModelConfigurationJson(json, source)).toThrow(message);
  });

  it.each([
    // What it is.
    ['name: "other"', "unexpected directory name 'm' for model 'other', directory name must equal model name"],
    ['platform: "onnxruntim"', "unexpected platform type 'onnxruntim' for m"],
    [
      'platform: "onnxruntim" default_model_filename: "model.onnx"',
      "unexpected 'platform' and 'backend' pair, got:onnxruntim, onnxruntime",
    ],
    [`${ONNX} max_batch_size: -1`, "'max_batch_size' must be non-negative value for m"],
    [
      `${ONNX} default_model_filename: "../other/1/model.onnx"`,
      "default_model_filename '../other/1/model.onnx' escapes the model's folder",
    ],
    // Tensors.
    [`${ONNX} input { data_type: TYPE_FP32 dims: 1 }`, "model input must specify 'name' for m"],
    [`${ONNX} output { name: "y" dims: 1 }`, "model output 'y' must specify 'data_type' for m"],
    [`${ONNX} input { name: "x" data_type: TYPE_FP32 }`, "model input 'x' must specify 'dims' for m"],
    [`${ONNX} ${IN} ${IN}`, "model input 'x' is specified more than once for m"],
    [
      `${ONNX} ${OUT.replace("16", "1, 0")}`,
      "model output 'y' dimension must be integer >= 1, or -1 to indicate a variable-size dimension for m",
    ],
    [`${ONNX} ${IN.replace("]", "] reshape { shape: 0 }")}`, "model input 'x' reshape dimensions must be integer >= 1"],
    [`${ONNX} ${IN.replace("]", "] reshape { shape: [ 4, 5 ] }")}`, "model input 'x' has different size for dims and reshape for m"],
    [`${ONNX} ${IN.replace("16", "1").replace("]", "] reshape { }")}`, "cannot have empty reshape for non-batching model"],
    [`${ONNX} ${IN.replace("16", "4, -1").replace("]", "] reshape { shape: [ 2, -1, 3 ] }")}`, "has different size for dims and reshape"],
    [
      `${ONNX} ${IN.replace("16", "4, -1").replace("]", "] reshape { shape: [ 4, -1, -1 ] }")}`,
      "has different number of variable-size dimensions for dims and reshape",
    ],
    [`${ONNX} ${IN.replace("dims", "format: FORMAT_NHWC dims")}`, "model input NHWC/NCHW require 3 dims for m"],
    [`${ONNX} ${IN.replace("dims", "is_shape_tensor: true dims")}`, "shape tensors are only supported for TensorRT platform"],
    [`${ONNX} ${IN} batch_input { kind: BATCH_ITEM_SHAPE data_type: TYPE_FP32 }`, "'BATCH_ITEM_SHAPE' expects 1 source input, got 0 for m"],
    [`${ONNX} ${IN} batch_input { source_input: "z" data_type: TYPE_FP32 }`, "unknown source input name 'z'"],
    [`${ONNX} ${IN} batch_input { source_input: "x" }`, "batch input data type must be TYPE_INT32 or TYPE_FP32"],
    [
      `${ONNX} ${IN} ${OUT} batch_output { source_input: "x" target_name: ["y", "y"] }`,
      "target output name 'y' can only be specified once",
    ],
    [`${ONNX} ${IN} batch_output { source_input: "x" target_name: "z" }`, "unknown target output name 'z'"],
    // Batches.
    [`${ONNX} max_batch_size: 4 dynamic_batching { preferred_batch_size: 0 }`, "dynamic batching preferred size must be positive for m"],
    [
      `${ONNX} max_batch_size: 4 dynamic_batching { preferred_batch_size: 5 }`,
      "dynamic batching preferred size must be <= max batch size for m",
    ],
    [`${ONNX} dynamic_batching { priority_levels: 3 }`, "default priority level must be in range [1, 3] for m"],
    [`${ONNX} dynamic_batching { priority_levels: 3 default_priority_level: 4 }`, "default priority level must be in range [1, 3] for m"],
    [
      `${ONNX} dynamic_batching { priority_levels: 3 default_priority_level: 1 priority_queue_policy { key: 4 value { } } }`,
      "priority queue policy must have priority level in range [1, 3] for m",
    ],
    [
      `${ONNX} dynamic_batching { priority_levels: 2 default_priority_level: 1 preserve_ordering: true }`,
      "Only one priority level is allowed when 'preserve_ordering' is true for m",
    ],
    [
      `${ONNX} dynamic_batching { preserve_ordering: true default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 1 } }`,
      "Queue policy can not have DELAY as timeout action when 'preserve_ordering' is true for m",
    ],
    [
      `${ONNX} sequence_batching { direct { minimum_slot_utilization: 1.5 } }`,
      "minimum slot utilization must be in range (0.0, 1.0] for m",
    ],
    [`${ONNX} sequence_batching { direct { minimum_slot_utilization: nan } }`, "minimum slot utilization must be in range"],
    [
      `${ONNX} sequence_batching { } response_cache { enable: true }`,
      "Response Cache does not currently support model m with sequence batching",
    ],
    [`${ONNX} model_transaction_policy { decoupled: true } response_cache { enable: true }`, "with 'decoupled' transaction policy"],
    // Sequences.
    [control("int32_false_true: 0"), "control 'int32_false_true' must have exactly 2 entries for CONTROL_SEQUENCE_START for m"],
    [control(""), "must specify either 'int32_false_true', 'fp32_false_true' or 'bool_false_true' for CONTROL_SEQUENCE_START for m"],
    [control("int32_false_true: [0, 1] fp32_false_true: [0, 1]"), "specifies more than one from 'int32_false_true'"],
    [
      control("kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_FP32"),
      "Allowed data types are TYPE_UINT64, TYPE_INT64, TYPE_UINT32, TYPE_INT32 and",
    ],
    [control("int32_false_true: [0, 1]", 2), "control tensor 'C0' is specified for multiple control kinds for m", "C0"],
    [control("int32_false_true: [0, 1]", 2), "sequence batching specifies multiple CONTROL_SEQUENCE_START tensors for m"],
    [`${ONNX} sequence_batching { state { input_name: "i" output_name: "o" dims: 1 } }`, "state input 'i' must specify 'data_type' for m"],
    [
      `${ONNX} sequence_batching { state { input_name: "i" output_name: "o" data_type: TYPE_FP32 dims: 1 initial_state { name: "s" data_type: TYPE_FP32 dims: 1 data_file: "/etc/passwd" } } }`,
      "data_file '/etc/passwd' escapes the model's folder",
    ],
    // Instances and metrics.
    [`${ONNX} instance_group { kind: KIND_CPU gpus: 0 }`, "instance group m_0 of model m has kind KIND_CPU but specifies one or more GPUs"],
    [`${ONNX} instance_group { name: "g" gpus: -1 }`, "instance group g of model m specifies invalid or unsupported gpu id -1"],
    [`${ONNX} instance_group { profile: "1" }`, "specifies profile field which is only supported for TensorRT models"],
    [`${ONNX} model_metrics { metric_control { } }`, "metric control must specify 'metric_identifier'"],
    [
      `${ONNX} model_warmup { name: "w" batch_size: 1 inputs { key: "x" value { data_type: TYPE_FP32 dims: -1 zero_data: true } } }`,
      "warmup setting expects all variable-size",
    ],
    // Ensembles.
    ['platform: "ensemble"', "ensemble scheduling must be set for ensemble m whose platform is ensemble"],
    ['platform: "ensemble" backend: "python"', "Ensemble model 'm' must have platform type 'ensemble' and empty backend type"],
    [`${ONNX} ensemble_scheduling { }`, "ensemble scheduling cannot be set for model 'm' whose platform is not ensemble"],
    [ensemble(""), "must specify 'step' for ensemble 'm'"],
    [`${ensemble("")} instance_group { }`, "instance group should not be specified for ensemble 'm'"],
    [`${ensemble("")} optimization { }`, "optimization should not be specified for ensemble 'm'"],
    [`${ensemble("")} model_warmup { }`, "model_warmup can not be specified for ensemble 'm'"],
    [ensemble("step { }"), "must specify 'model_name' in step 0 of ensemble 'm'"],
    [ensemble(step({}, { o: "y" })), "must specify 'input_map' in step 0 of ensemble 'm'"],
    [ensemble(step({ i: "x" }, {})), "must specify 'output_map' in step 0 of ensemble 'm'"],
    [
      ensemble(step({ i: "x" }, { o: "y" }) + step({ i: "x" }, { o: "y" })),
      "ensemble tensor 'y' can appear in an output map only once for ensemble 'm' step 1",
    ],
    [ensemble(step({ i: "z" }, { o: "y" })), "ensemble input 'x' for ensemble m' is not used"],
    [ensemble(step({ i: "x" }, { o: "z" })), "ensemble output 'y' for ensemble m' is not used"],
    [
      ensemble(step({ i: "x" }, { o: "t" }) + step({ i: "t", j: "nobody" }, { o: "y" })),
      "output 'y' for ensemble 'm' is not written: at least one of its depending tensors, 'nobody', is not connected",
    ],
    [ensemble(step({ i: "x", j: "b" }, { o: "a" }) + step({ i: "a" }, { o: "b", p: "y" })), "output 'y' for ensemble 'm' is not written"],
    [ensemble(step({ i: "x" }, { o: "y", p: "t" })), "ensemble tensor 't' is unused in ensemble 'm'"],
    [ensemble(step({ i: "x" }, { o: "y" }), OUT.replace("dims: [ 16 ]", "") + IN), "model output 'y' must specify 'dims' for m"],
  ])("is refused when it is %s", (text, message, onlyName?: string) => {
    const whole = onlyName === undefined ? text : text.replaceAll(/"C\d"/g, `"${onlyName}"`);
    expect(() => strict(whole)).toThrow(`m/config.pbtxt: `);
    expect(() => strict(whole)).toThrow(message);
  });

  it("has as many samples to warm up as it says, with rows or without", () => {
    const sample = `model_warmup { name: "w" batch_size: 2 inputs { key: "x" value { data_type: TYPE_FP32 dims: 1 zero_data: true } } }`;
    for (const rows of [0, 4]) {
      expect(readModelConfiguration(`${ONNX} max_batch_size: ${rows} ${sample}`, source).warmUp).toMatchObject([{ batchSize: 2 }]);
    }
  });

  it("may have steps with very many tensors on either side", () => {
    const names = (side: string): string[] => Array.from({ length: 20_000 }, (_, index) => `${side}${index}`);
    const entries = (field: string, side: string): string =>
      names(side)
        .map((name) => `${field} { key: "${name}" value: "${name}" }`)
        .join("\n");
    const wide = `platform: "ensemble" input { name: "a0" data_type: TYPE_FP32 dims: 1 } output { name: "b0" data_type: TYPE_FP32 dims: 1 }
      ensemble_scheduling { step { model_name: "inner" ${entries("input_map", "a")} ${entries("output_map", "b")} } }`;
    expect(() => readModelConfiguration(wide, source)).toThrow("at least one of its depending tensors, 'a1', is not connected");
  });

  it("is a graph of steps in any order for an ensemble", () => {
    const {
      ensemble: steps,
      backend,
      json,
    } = readModelConfiguration(ensemble(step({ i: "t" }, { o: "y" }) + step({ i: "x" }, { o: "t" }).replace("-1", "3")), source);
    expect(backend).toBe("ensemble");
    expect(steps?.steps).toEqual([
      { modelName: "inner", modelVersion: undefined, inputMap: { i: "t" }, outputMap: { o: "y" } },
      { modelName: "inner", modelVersion: "3", inputMap: { i: "x" }, outputMap: { o: "t" } },
    ]);
    expect(json).not.toHaveProperty("optimization");
  });
});

function control(fields: string, times = 1): string {
  const kind = fields.includes("kind:") ? "" : "kind: CONTROL_SEQUENCE_START";
  const inputs = Array.from({ length: times }, (_, index) => `control_input { name: "C${index}" control { ${kind} ${fields} } }`);
  return `${ONNX} sequence_batching { ${inputs.join(" ")} }`;
}
