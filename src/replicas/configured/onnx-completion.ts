import { ServeError } from "../../core/errors.ts";
import type { ConfiguredInput, ConfiguredOutput, DynamicBatching, ModelConfiguration } from "../../core/model-configuration.ts";
import type { Signature, TensorSpec } from "../../core/signature.ts";

/** What a graph says where its configuration says nothing. */
type OnnxCompletion = Partial<Pick<ModelConfiguration, "maxBatchSize" | "inputs" | "outputs" | "dynamicBatching">>;

/** `default-max-batch-size` of Triton's onnxruntime backend. */
const DEFAULT_MAX_BATCH_SIZE = 4;

const DEFAULT_BATCHING: DynamicBatching = {
  preferredBatchSizes: [],
  maxQueueDelayMs: 0,
  preserveOrdering: false,
  priorityLevels: 0,
  defaultPriorityLevel: 0,
  defaultQueuePolicy: { timeoutAction: "REJECT", defaultTimeoutMs: 0, allowTimeoutOverride: false, maxQueueSize: 0 },
  priorityQueuePolicy: {},
};

/**
 * Completes a configuration as Triton's onnxruntime backend does (AutoCompleteConfig in its onnxruntime.cc): one that has inputs and
 * outputs is complete. For others the graph says which there are, and whether their first dimension is one of rows.
 * @throws ServeError INVALID_ARGUMENT for rows that the configuration wants and the graph has not
 */
export function completionOf(configuration: ModelConfiguration, graph: Signature, model: string): OnnxCompletion {
  const { inputs, outputs, maxBatchSize = 0, dynamicBatching, sequenceBatching } = configuration;
  if (inputs.length > 0 && outputs.length > 0) return configuration.maxBatchSize === undefined ? { maxBatchSize } : {};
  const hasRows = [...graph.inputs, ...graph.outputs].every(({ shape }) => shape[0] === -1);
  if (!hasRows && maxBatchSize > 0) {
    throw new ServeError(
      "INVALID_ARGUMENT",
      `autofill failed for model '${model}': model does not support batching while non-zero max_batch_size is specified`,
    );
  }
  const completed = hasRows ? maxBatchSize || DEFAULT_MAX_BATCH_SIZE : 0;
  const batches = completed > 1 && dynamicBatching === undefined && sequenceBatching === undefined;
  const hidden = new Set([
    ...(sequenceBatching?.controls ?? []).map(({ name }) => name),
    ...(sequenceBatching?.states ?? []).flatMap(({ inputName, outputName }) => [inputName, outputName]),
  ]);
  const seen = (specs: readonly TensorSpec[]): readonly TensorSpec[] => specs.filter(({ name }) => !hidden.has(name));
  return {
    maxBatchSize: completed,
    ...(batches ? { dynamicBatching: DEFAULT_BATCHING } : {}),
    ...(inputs.length > 0 ? {} : { inputs: seen(graph.inputs).map((spec) => inputOf(spec, hasRows)) }),
    ...(outputs.length > 0 ? {} : { outputs: seen(graph.outputs).map((spec) => outputOf(spec, hasRows)) }),
  };
}

function inputOf({ name, datatype, shape }: TensorSpec, hasRows: boolean): ConfiguredInput {
  return { name, datatype, ...dimensionsOf(shape, hasRows), optional: false, ragged: false };
}

function outputOf({ name, datatype, shape }: TensorSpec, hasRows: boolean): ConfiguredOutput {
  return { name, datatype, ...dimensionsOf(shape, hasRows), labelFilename: "" };
}

/** No dimension at all is one of 1: of rows that are scalars by a reshape. */
function dimensionsOf(shape: readonly number[], hasRows: boolean): Pick<ConfiguredInput, "dims" | "reshape"> {
  const dims = hasRows ? shape.slice(1) : shape;
  if (dims.length > 0) return { dims, reshape: undefined };
  return { dims: [1], reshape: hasRows ? [] : undefined };
}
