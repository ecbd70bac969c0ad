import type { ConfiguredInput, ConfiguredOutput, ModelConfiguration } from "../src/core/model-configuration.ts";

/** A configuration that says only what a test is about. */
export function configurationOf(said: Partial<ModelConfiguration> = {}): ModelConfiguration {
  return {
    json: {},
    backend: "onnxruntime",
    maxBatchSize: undefined,
    inputs: [],
    outputs: [],
    versionPolicy: undefined,
    defaultModelFilename: "",
    instanceGroups: [],
    dynamicBatching: undefined,
    sequenceBatching: undefined,
    ensemble: undefined,
    decoupled: false,
    responseCache: false,
    parameters: {},
    optimization: {},
    warmUp: [],
    ...said,
  };
}

export function configuredInput(name: string, dims: readonly number[], said: Partial<ConfiguredInput> = {}): ConfiguredInput {
  return { name, datatype: "FP32", dims, reshape: undefined, optional: false, ragged: false, ...said };
}

export function configuredOutput(name: string, dims: readonly number[], said: Partial<ConfiguredOutput> = {}): ConfiguredOutput {
  return { name, datatype: "FP32", dims, reshape: undefined, labelFilename: "", ...said };
}
