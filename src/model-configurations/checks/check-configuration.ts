import { DataType, type ModelConfig, type ModelInstanceGroup, ModelInstanceGroup_Kind } from "../../grpc-messages/index.ts";
import { checkBackend, ENSEMBLE } from "../backends.ts";
import { refusal } from "../refusal.ts";
import { checkEnsembleGraph } from "./check-ensemble-graph.ts";
import { checkPaths } from "./check-paths.ts";
import { checkScheduling } from "./check-scheduling.ts";
import { checkTensors } from "./check-tensors.ts";

export interface WhatIsKnown {
  /** Undefined while the loaded model may still say it. */
  readonly maxBatchSize: number | undefined;
  /** Tensors must say everything of themselves. */
  readonly complete: boolean;
}

/**
 * Checks what a configuration says by itself, in Triton's order and, where it has them, Triton's words.
 * @throws ServeError INVALID_ARGUMENT
 */
export function checkConfiguration(config: ModelConfig, { maxBatchSize, complete }: WhatIsKnown): void {
  checkBackend(config);
  if (config.maxBatchSize < 0) throw refusal(`'max_batch_size' must be non-negative value for ${config.name}`);
  checkScheduling(config, maxBatchSize);
  checkEnsembleGraph(config);
  checkMetrics(config);
  checkPaths(config);
  checkWarmUp(config);
  checkTensors(config, complete || config.platform === ENSEMBLE);
  for (const group of config.instanceGroup) checkInstanceGroup(group, config);
}

function checkInstanceGroup({ name, kind, gpus, profile }: ModelInstanceGroup, config: ModelConfig): void {
  const group = `instance group ${name} of model ${config.name}`;
  const takesNone = kind === ModelInstanceGroup_Kind.MODEL || kind === ModelInstanceGroup_Kind.CPU;
  if (takesNone && gpus.length > 0) {
    throw refusal(`${group} has kind ${kind === ModelInstanceGroup_Kind.CPU ? "KIND_CPU" : "KIND_MODEL"} but specifies one or more GPUs`);
  }
  const wrong = gpus.find((gpu) => gpu < 0);
  if (wrong !== undefined) throw refusal(`${group} specifies invalid or unsupported gpu id ${wrong}. GPUs are counted from 0`);
  if (profile.length > 0 && config.platform !== "tensorrt_plan") {
    throw refusal(`${group} and platform ${config.platform} specifies profile field which is only supported for TensorRT models`);
  }
}

function checkMetrics({ modelMetrics }: ModelConfig): void {
  for (const { metricIdentifier, metricOptions } of modelMetrics?.metricControl ?? []) {
    if (metricIdentifier === undefined) throw refusal("metric control must specify 'metric_identifier'");
    if (metricIdentifier.family === "") throw refusal("metric identifier must specify non-empty 'family'");
    if (metricOptions.case === undefined) throw refusal("metric control must specify 'histogram_options'");
    if (metricOptions.value.buckets.length === 0) throw refusal("histogram options must specify non-empty 'buckets'");
  }
}

function checkWarmUp({ name, modelWarmup }: ModelConfig): void {
  for (const sample of modelWarmup) {
    for (const [input, { dataType, dims, inputDataType }] of Object.entries(sample.inputs)) {
      const where = `warmup setting '${sample.name}' for input '${input}'`;
      if (dataType === DataType.TYPE_INVALID) throw refusal(`${where} must specify 'data_type' for ${name}`);
      if (dims.some((dimension) => dimension < 0n)) {
        throw refusal(`${where}: warmup setting expects all variable-size dimensions are specified for ${name}`);
      }
      if (inputDataType.case === undefined) {
        throw refusal(`${where} must specify one of 'zero_data', 'random_data' and 'input_data_file' for ${name}`);
      }
    }
  }
}
