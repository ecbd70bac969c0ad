import { reflect } from "@bufbuild/protobuf/reflect";
import type { JsonObject } from "../core/inference.ts";
import type {
  ConfiguredInput,
  ConfiguredOutput,
  DynamicBatching,
  EnsembleSteps,
  InstanceGroup,
  ModelConfiguration,
  QueuePolicy,
  WarmUpSample,
} from "../core/model-configuration.ts";
import type { VersionPolicy } from "../core/version-policy.ts";
import {
  type ModelConfig,
  ModelConfigSchema,
  type ModelDynamicBatching,
  type ModelEnsembling,
  type ModelInput,
  ModelInstanceGroup_KindSchema,
  type ModelOutput,
  type ModelQueuePolicy,
  ModelQueuePolicy_TimeoutAction,
  type ModelVersionPolicy,
  type ModelWarmup,
} from "../grpc-messages/index.ts";
import { ENSEMBLE } from "./backends.ts";
import { datatypeOf } from "./datatypes.ts";
import { printJson } from "./json/print-json.ts";
import { sequenceBatchingOf } from "./sequence-batching-of.ts";
import { numbersOf } from "./whole-numbers.ts";

/** What other parts of the server act on, of a message that has been checked. */
export function configurationOf(config: ModelConfig, maxBatchSize: number | undefined): ModelConfiguration {
  const json = printJson(reflect(ModelConfigSchema, config));
  const { schedulingChoice: scheduling } = config;
  return {
    json,
    backend: config.platform === ENSEMBLE ? ENSEMBLE : config.backend,
    maxBatchSize,
    inputs: config.input.flatMap(inputOf),
    outputs: config.output.flatMap(outputOf),
    versionPolicy: versionPolicyOf(config.versionPolicy),
    defaultModelFilename: config.defaultModelFilename,
    instanceGroups: config.instanceGroup.filter(({ passive }) => !passive).map(instanceGroupOf),
    dynamicBatching: scheduling.case === "dynamicBatching" ? dynamicBatchingOf(scheduling.value) : undefined,
    sequenceBatching: scheduling.case === "sequenceBatching" ? sequenceBatchingOf(scheduling.value, config.maxBatchSize) : undefined,
    ensemble: scheduling.case === "ensembleScheduling" ? stepsOf(scheduling.value) : undefined,
    decoupled: config.modelTransactionPolicy?.decoupled === true,
    responseCache: config.responseCache?.enable === true,
    parameters: Object.fromEntries(Object.entries(config.parameters).map(([name, { stringValue }]) => [name, stringValue])),
    optimization: (json.optimization ?? {}) as JsonObject,
    warmUp: config.modelWarmup.filter(({ batchSize }) => batchSize > 0).map(warmUpOf),
  };
}

/** None for one that does not say yet what it is. */
function inputOf({ name, dataType, dims, reshape, optional, allowRaggedBatch }: ModelInput): ConfiguredInput[] {
  const datatype = datatypeOf(dataType);
  if (datatype === undefined || dims.length === 0) return [];
  return [{ name, datatype, dims: numbersOf(dims), reshape: reshape && numbersOf(reshape.shape), optional, ragged: allowRaggedBatch }];
}

function outputOf({ name, dataType, dims, reshape, labelFilename }: ModelOutput): ConfiguredOutput[] {
  const datatype = datatypeOf(dataType);
  if (datatype === undefined || dims.length === 0) return [];
  return [{ name, datatype, dims: numbersOf(dims), reshape: reshape && numbersOf(reshape.shape), labelFilename }];
}

/** Undefined for all. */
function versionPolicyOf(policy: ModelVersionPolicy | undefined): VersionPolicy | undefined {
  switch (policy?.policyChoice.case) {
    case "latest":
      return { latest: policy.policyChoice.value.numVersions };
    case "specific":
      return { specific: policy.policyChoice.value.versions.map(String) };
    default:
      return undefined;
  }
}

function instanceGroupOf({ name, kind, count, gpus, rateLimiter }: ModelConfig["instanceGroup"][number]): InstanceGroup {
  return {
    name,
    kind: (ModelInstanceGroup_KindSchema.values.find(({ number }) => number === kind)?.name ?? "KIND_AUTO") as InstanceGroup["kind"],
    count,
    gpus,
    resources: Object.fromEntries((rateLimiter?.resources ?? []).map((resource) => [resource.name, resource.count])),
    priority: rateLimiter?.priority ?? 0,
  };
}

function dynamicBatchingOf(batching: ModelDynamicBatching): DynamicBatching {
  return {
    preferredBatchSizes: batching.preferredBatchSize,
    maxQueueDelayMs: Number(batching.maxQueueDelayMicroseconds) / 1000,
    preserveOrdering: batching.preserveOrdering,
    priorityLevels: Number(batching.priorityLevels),
    defaultPriorityLevel: Number(batching.defaultPriorityLevel),
    defaultQueuePolicy: queuePolicyOf(batching.defaultQueuePolicy),
    priorityQueuePolicy: Object.fromEntries(
      Object.entries(batching.priorityQueuePolicy).map(([level, policy]) => [level, queuePolicyOf(policy)]),
    ),
  };
}

function queuePolicyOf(policy: ModelQueuePolicy | undefined): QueuePolicy {
  return {
    timeoutAction: policy?.timeoutAction === ModelQueuePolicy_TimeoutAction.DELAY ? "DELAY" : "REJECT",
    defaultTimeoutMs: Number(policy?.defaultTimeoutMicroseconds ?? 0n) / 1000,
    allowTimeoutOverride: policy?.allowTimeoutOverride === true,
    maxQueueSize: policy?.maxQueueSize ?? 0,
  };
}

function stepsOf({ maxInflightRequests, step }: ModelEnsembling): EnsembleSteps {
  return {
    maxInflightRequests,
    steps: step.map(({ modelName, modelVersion, inputMap, outputMap }) => ({
      modelName,
      // Triton's documentation says -1 for the latest version, and the same of a step that says nothing.
      modelVersion: modelVersion <= 0n ? undefined : String(modelVersion),
      inputMap,
      outputMap,
    })),
  };
}

function warmUpOf({ name, batchSize, count, inputs }: ModelWarmup): WarmUpSample {
  return {
    name,
    batchSize,
    count: Math.max(1, count),
    inputs: Object.fromEntries(
      Object.entries(inputs).map(([input, { dataType, dims, inputDataType: data }]) => [
        input,
        {
          datatype: datatypeOf(dataType) ?? "FP32",
          dims: numbersOf(dims),
          data:
            data.case === "inputDataFile"
              ? { kind: "file", file: `warmup/${data.value}` }
              : { kind: data.case === "randomData" ? "random" : "zero" },
        },
      ]),
    ),
  };
}
