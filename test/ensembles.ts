import type { EnsembleStep, ModelConfiguration } from "../src/core/model-configuration.ts";
import type { ModelDescription } from "../src/core/replica.ts";
import type { Signature, TensorSpec } from "../src/core/signature.ts";
import type { Datatype } from "../src/core/tensor.ts";

/** "x FP32 [2,3]" */
type Written = string;

function tensorSpec(text: Written): TensorSpec {
  const [name = "", datatype = "FP32", shape = "[]", optional] = text.split(" ");
  return {
    name,
    datatype: datatype as Datatype,
    shape: JSON.parse(shape) as number[],
    ...(optional === undefined ? {} : { optional: true }),
  };
}

/** A configuration of an ensemble; tensors as "x FP32 [2,3]", without the dimension of rows, and "optional" behind it. */
export function ensembleConfiguration(given: {
  inputs: readonly Written[];
  outputs: readonly Written[];
  steps: ReadonlyArray<Pick<EnsembleStep, "modelName" | "inputMap" | "outputMap"> & { readonly modelVersion?: string }>;
  maxBatchSize?: number;
  maxInflightRequests?: number;
  responseCache?: boolean;
}): ModelConfiguration {
  const { inputs, outputs, steps, maxBatchSize = 0, maxInflightRequests = 0, responseCache = false } = given;
  const named = (text: Written) => {
    const { name, datatype, shape: dims, optional = false } = tensorSpec(text);
    return { name, datatype, dims, reshape: undefined, optional, ragged: false, labelFilename: "" };
  };
  return {
    json: { platform: "ensemble", max_batch_size: maxBatchSize },
    backend: "ensemble",
    maxBatchSize,
    inputs: inputs.map(named),
    outputs: outputs.map(named),
    versionPolicy: undefined,
    defaultModelFilename: "",
    instanceGroups: [],
    dynamicBatching: undefined,
    sequenceBatching: undefined,
    ensemble: { maxInflightRequests, steps: steps.map((step) => ({ modelVersion: undefined, ...step })) },
    decoupled: false,
    responseCache,
    parameters: {},
    optimization: {},
    warmUp: [],
  };
}

/** What a loaded model has told; tensors with the dimension of rows, where it has one. */
export function modelDescription(
  inputs: readonly Written[],
  outputs: readonly Written[],
  { maxBatchSize, ...signature }: Partial<Signature> & { readonly maxBatchSize?: number } = {},
): ModelDescription {
  const predict: Signature = { accepts: "tensors", inputs: inputs.map(tensorSpec), outputs: outputs.map(tensorSpec), ...signature };
  const configuration = maxBatchSize === undefined ? {} : { configuration: { max_batch_size: maxBatchSize } };
  return { methods: { predict }, framework: "fake", frameworkVersion: "0", warnings: [], ...configuration };
}
