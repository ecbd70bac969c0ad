import type { ModelStatus } from "../../../core/model.ts";
import { defaultMethodOf } from "../../../core/replica.ts";
import type { Signature, TensorSpec } from "../../../core/signature.ts";
import { configuredDatatype } from "../../../model-configurations/index.ts";
import { platformOf } from "./platform.ts";

/** What a model says when it says nothing of batches. */
export interface ConfigurationDefaults {
  /** Rows that one batch may have. */
  readonly maxBatchRows: number;
}

/**
 * A model in the words of Triton's model configuration extension: the JSON of its `ModelConfig` message with every default printed, made of
 * what the loaded model says of itself. Dimensions are without the batch's where `max_batch_size` is above 0, as there. One that has a
 * configuration of its own has that.
 */
export function modelConfiguration(model: ModelStatus, { maxBatchRows }: ConfigurationDefaults): Readonly<Record<string, unknown>> {
  const { name, description, scheduling = {}, artefact, responseCache, replicas } = model;
  // A real server may have been given it under another name.
  if (description?.configuration !== undefined) return { ...description.configuration, name };
  const method = description === undefined ? undefined : defaultMethodOf(description);
  const signature: Signature = (method === undefined ? undefined : description?.methods[method]) ?? {
    accepts: "json",
    inputs: [],
    outputs: [],
  };
  const batches = signature.batchable === true && hasRows(signature);
  const maxBatch = batches ? (scheduling.maxBatchRows ?? maxBatchRows) : 0;
  const { platform, backend } = platformOf(description);
  return {
    name,
    platform,
    backend,
    runtime: "",
    version_policy: { all: {} },
    max_batch_size: maxBatch,
    input: signature.inputs.map((tensor) => inputOf(tensor, maxBatch > 0)),
    output: signature.outputs.map((tensor) => outputOf(tensor, maxBatch > 0)),
    batch_input: [],
    batch_output: [],
    optimization: {
      priority: "PRIORITY_DEFAULT",
      input_pinned_memory: { enable: false },
      output_pinned_memory: { enable: false },
      gather_kernel_buffer_threshold: 0,
      eager_batching: false,
    },
    ...(signature.stateful === true ? { sequence_batching: SEQUENCES } : {}),
    ...(maxBatch > 1 && signature.stateful !== true
      ? {
          dynamic_batching: {
            preferred_batch_size: scheduling.preferredBatchRows ?? [],
            max_queue_delay_microseconds: Math.round((scheduling.maxBatchLatencyMs ?? 0) * 1000),
            preserve_ordering: false,
            priority_levels: 5,
            default_priority_level: scheduling.priority ?? 3,
            default_queue_policy: {
              timeout_action: "REJECT",
              default_timeout_microseconds: Math.round((scheduling.timeoutMs ?? 0) * 1000),
              allow_timeout_override: true,
              max_queue_size: 0,
            },
            priority_queue_policy: {},
          },
        }
      : {}),
    instance_group: [
      {
        name,
        kind: "KIND_CPU",
        // One that stands by has one when it is needed.
        count: Math.max(1, replicas.wanted),
        gpus: [],
        secondary_devices: [],
        profile: [],
        passive: false,
        host_policy: "",
      },
    ],
    default_model_filename: artefact,
    cc_model_filenames: {},
    metric_tags: {},
    parameters: {},
    model_warmup: [],
    ...(signature.streaming === true ? { model_transaction_policy: { decoupled: true } } : {}),
    ...(responseCache ? { response_cache: { enable: true } } : {}),
  };
}

const SEQUENCES = {
  oldest: { max_candidate_sequences: 0, preferred_batch_size: [], max_queue_delay_microseconds: 0, preserve_ordering: false },
  max_sequence_idle_microseconds: 60_000_000,
  control_input: [],
  state: [],
  iterative_sequence: false,
};

/** Every tensor has the batch as its first dimension. */
function hasRows({ inputs, outputs }: Signature): boolean {
  return inputs.length > 0 && [...inputs, ...outputs].every(({ shape }) => shape[0] === -1);
}

function dimensionsOf({ shape }: TensorSpec, isBatched: boolean): readonly number[] {
  return isBatched ? shape.slice(1) : shape;
}

function inputOf(tensor: TensorSpec, isBatched: boolean): object {
  return {
    name: tensor.name,
    data_type: configuredDatatype(tensor.datatype),
    format: "FORMAT_NONE",
    dims: dimensionsOf(tensor, isBatched),
    is_shape_tensor: false,
    allow_ragged_batch: false,
    optional: tensor.optional === true,
    is_non_linear_format_io: false,
  };
}

function outputOf(tensor: TensorSpec, isBatched: boolean): object {
  return {
    name: tensor.name,
    data_type: configuredDatatype(tensor.datatype),
    dims: dimensionsOf(tensor, isBatched),
    label_filename: "",
    is_shape_tensor: false,
    is_non_linear_format_io: false,
  };
}
