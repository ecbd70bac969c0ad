import type { JsonObject, JsonValue } from "../core/inference.ts";
import type { ConfiguredInput, ConfiguredOutput, DynamicBatching, ModelConfiguration } from "../core/model-configuration.ts";
import { configuredDatatype } from "./datatypes.ts";
import { readModelConfigurationJson } from "./read-configuration.ts";

/** What the loaded model says where its configuration says nothing. What is absent stays as it is. */
export interface ConfigurationCompletion
  extends Partial<Pick<ModelConfiguration, "backend" | "maxBatchSize" | "inputs" | "outputs" | "decoupled" | "dynamicBatching">> {
  /** The GPUs that it is on, by index; none for the processor. */
  readonly gpus?: readonly number[];
}

/**
 * The configuration with what the loaded model says in its place, checked as a whole; the `json` of the result is what Triton prints, for
 * ModelDescription.configuration. Tensors are those of the completion, and keep what else the configuration says of them. A batcher is only
 * for one that says nothing of how its requests are scheduled.
 * @throws ServeError INVALID_ARGUMENT for what is still missing, or does not go together
 */
export function completeConfiguration(configuration: ModelConfiguration, completion: ConfigurationCompletion): ModelConfiguration {
  const { json } = configuration;
  const { maxBatchSize = configuration.maxBatchSize, backend, inputs, outputs, decoupled, dynamicBatching, gpus = [] } = completion;
  const hasScheduler = ["dynamic_batching", "sequence_batching", "ensemble_scheduling"].some((name) => name in json);
  const completed: JsonObject = {
    ...json,
    ...(maxBatchSize === undefined ? {} : { max_batch_size: maxBatchSize }),
    ...(backend === undefined || backend === "" || json.platform === backend ? {} : { backend }),
    ...(inputs === undefined ? {} : { input: inputs.map((input) => merged(json.input, inputJson(input))) }),
    ...(outputs === undefined ? {} : { output: outputs.map((output) => merged(json.output, outputJson(output))) }),
    ...(decoupled === undefined ? {} : { model_transaction_policy: { decoupled } }),
    ...(dynamicBatching === undefined || hasScheduler ? {} : { dynamic_batching: batchingJson(dynamicBatching) }),
  };
  const result = readModelConfigurationJson(completed, { file: "", name: String(json.name), complete: true, gpus });
  // What is printed for a model that says nothing of instances does not say how many replicas it may have.
  return { ...result, instanceGroups: configuration.instanceGroups };
}

/** Without priorities and queue policies, which only people say. */
function batchingJson({ preferredBatchSizes, maxQueueDelayMs, preserveOrdering }: DynamicBatching): JsonObject {
  return {
    preferred_batch_size: [...preferredBatchSizes],
    max_queue_delay_microseconds: Math.round(maxQueueDelayMs * 1000),
    preserve_ordering: preserveOrdering,
  };
}

/** A tensor with what the configuration says of the one of its name. */
function merged(tensors: JsonValue | undefined, tensor: JsonObject): JsonObject {
  const known = Array.isArray(tensors) ? tensors.find((each) => isObject(each) && each.name === tensor.name) : undefined;
  return isObject(known) ? { ...known, ...tensor } : tensor;
}

function inputJson({ optional, ragged, ...tensor }: ConfiguredInput): JsonObject {
  return { ...tensorJson(tensor), optional, allow_ragged_batch: ragged };
}

function outputJson({ labelFilename, ...tensor }: ConfiguredOutput): JsonObject {
  return { ...tensorJson(tensor), label_filename: labelFilename };
}

function tensorJson({ name, datatype, dims, reshape }: Pick<ConfiguredInput, "name" | "datatype" | "dims" | "reshape">): JsonObject {
  return {
    name,
    data_type: configuredDatatype(datatype),
    dims: [...dims],
    ...(reshape === undefined ? {} : { reshape: { shape: [...reshape] } }),
  };
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
