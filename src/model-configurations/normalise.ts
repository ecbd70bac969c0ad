import { create } from "@bufbuild/protobuf";
import {
  type ModelConfig,
  ModelInstanceGroup_Kind,
  ModelInstanceGroupSchema,
  ModelOptimizationPolicy_PinnedMemoryBufferSchema,
  ModelOptimizationPolicySchema,
  ModelVersionPolicySchema,
} from "../grpc-messages/index.ts";
import { ONNXRUNTIME } from "./backends.ts";

/** Microseconds after which Triton ends a sequence that does not say. */
const SEQUENCE_IDLE = 1_000_000n;

/** Puts Triton's defaults in the place of what is not said, as far as nothing but the configuration is needed for them. */
export function normalise(config: ModelConfig): void {
  config.versionPolicy ??= create(ModelVersionPolicySchema, { policyChoice: { case: "latest", value: { numVersions: 1 } } });
  if (config.versionPolicy.policyChoice.case === "latest" && config.versionPolicy.policyChoice.value.numVersions === 0) {
    config.versionPolicy.policyChoice.value.numVersions = 1;
  }
  const scheduling = config.schedulingChoice;
  if (scheduling.case === "dynamicBatching") preferAll(scheduling.value, config.maxBatchSize);
  if (scheduling.case === "sequenceBatching") {
    if (scheduling.value.maxSequenceIdleMicroseconds === 0n) scheduling.value.maxSequenceIdleMicroseconds = SEQUENCE_IDLE;
    if (scheduling.value.strategyChoice.case === "oldest") preferAll(scheduling.value.strategyChoice.value, config.maxBatchSize);
  }
  if (scheduling.case === "ensembleScheduling") return;
  config.optimization ??= create(ModelOptimizationPolicySchema);
  config.optimization.inputPinnedMemory ??= create(ModelOptimizationPolicy_PinnedMemoryBufferSchema, { enable: true });
  config.optimization.outputPinnedMemory ??= create(ModelOptimizationPolicy_PinnedMemoryBufferSchema, { enable: true });
}

function preferAll(batching: { preferredBatchSize: number[] }, maxBatchSize: number): void {
  if (batching.preferredBatchSize.length === 0 && maxBatchSize > 0) batching.preferredBatchSize.push(maxBatchSize);
}

/**
 * The same for the instance groups of a model that is loaded.
 * @param gpus that it is on, by index
 */
export function normaliseInstances(config: ModelConfig, gpus: readonly number[]): void {
  if (config.schedulingChoice.case === "ensembleScheduling") return;
  if (config.instanceGroup.length === 0) {
    config.instanceGroup.push(create(ModelInstanceGroupSchema, { name: config.name, kind: kindOn(gpus), count: 1 }));
  }
  for (const group of config.instanceGroup) {
    if (group.kind === ModelInstanceGroup_Kind.AUTO) {
      group.kind = kindOn(gpus);
      if (gpus.length === 0) group.gpus = [];
    }
    if (group.kind === ModelInstanceGroup_Kind.GPU && group.gpus.length === 0) group.gpus.push(...gpus);
  }
  nameInstances(config);
}

/** Names and counts, which need nothing else. */
export function nameInstances({ name, backend, instanceGroup }: ModelConfig): void {
  for (const [index, group] of instanceGroup.entries()) {
    if (group.name === "") group.name = `${name}_${index}`;
    // Two, because Triton's ONNX backend says so for processors.
    if (group.count < 1) group.count = backend === ONNXRUNTIME && group.kind === ModelInstanceGroup_Kind.CPU ? 2 : 1;
  }
}

function kindOn(gpus: readonly number[]): ModelInstanceGroup_Kind {
  return gpus.length > 0 ? ModelInstanceGroup_Kind.GPU : ModelInstanceGroup_Kind.CPU;
}
