import type { JsonObject } from "./inference.ts";
import type { Datatype } from "./tensor.ts";
import type { VersionPolicy } from "./version-policy.ts";

/**
 * What Triton's config.pbtxt says of a model (ModelConfig in model_config.proto), as far as parts of this server act on it. It has been
 * checked for itself; whether the loaded model agrees is seen when it is loaded, and what is not said is completed then.
 */
export interface ModelConfiguration {
  /** The whole of it in protobuf's JSON, with the names of the proto file and every default, as Triton prints it. */
  readonly json: JsonObject;
  /** "onnxruntime", "python", "ensemble" and so on: what `backend` says, or `platform` means. Empty: by the model's file. */
  readonly backend: string;
  /**
   * Above 0, the first dimension of all tensors is rows, so many in a request at most, and `dims` are without it. 0: they have no such
   * dimension, and requests share no call. Undefined: the loaded model decides.
   */
  readonly maxBatchSize: number | undefined;
  readonly inputs: readonly ConfiguredInput[];
  readonly outputs: readonly ConfiguredOutput[];
  readonly versionPolicy: VersionPolicy | undefined;
  /** Name of the model's file in a version's folder; empty for the one that its backend looks for. */
  readonly defaultModelFilename: string;
  readonly instanceGroups: readonly InstanceGroup[];
  readonly dynamicBatching: DynamicBatching | undefined;
  readonly sequenceBatching: SequenceBatching | undefined;
  readonly ensemble: EnsembleSteps | undefined;
  /** One request may have any number of answers. */
  readonly decoupled: boolean;
  readonly responseCache: boolean;
  /** `parameters`, each with its string_value. */
  readonly parameters: Readonly<Record<string, string>>;
  /** `optimization`, as it stands there. */
  readonly optimization: JsonObject;
  readonly warmUp: readonly WarmUpSample[];
}

export interface ConfiguredInput {
  readonly name: string;
  readonly datatype: Datatype;
  /** As clients send it, without the dimension of rows; -1 is variable. */
  readonly dims: readonly number[];
  /** As the model takes it, where that is something else. */
  readonly reshape: readonly number[] | undefined;
  readonly optional: boolean;
  /** Requests of different sizes may share a call; such models are refused when they are loaded. */
  readonly ragged: boolean;
}

export interface ConfiguredOutput {
  readonly name: string;
  readonly datatype: Datatype;
  readonly dims: readonly number[];
  readonly reshape: readonly number[] | undefined;
  /** In the model's folder: one label for each line. */
  readonly labelFilename: string;
}

export interface InstanceGroup {
  readonly name: string;
  readonly kind: "KIND_AUTO" | "KIND_GPU" | "KIND_CPU" | "KIND_MODEL";
  /** From 1. */
  readonly count: number;
  readonly gpus: readonly number[];
  /** What each execution holds of the rate limiter's resources, by name. */
  readonly resources: Readonly<Record<string, number>>;
  /** Of the rate limiter; 0 when it is not said. */
  readonly priority: number;
}

/** What happens to requests that wait: those of one priority level, or all. */
export interface QueuePolicy {
  /** REJECT: a request whose time is over fails. DELAY: it is answered after all others. */
  readonly timeoutAction: "REJECT" | "DELAY";
  /** 0 for none. */
  readonly defaultTimeoutMs: number;
  /** A request may ask for a shorter time than the default. */
  readonly allowTimeoutOverride: boolean;
  /** 0 for any number. */
  readonly maxQueueSize: number;
}

export interface DynamicBatching {
  readonly preferredBatchSizes: readonly number[];
  readonly maxQueueDelayMs: number;
  readonly preserveOrdering: boolean;
  /** 0: there are none. */
  readonly priorityLevels: number;
  readonly defaultPriorityLevel: number;
  readonly defaultQueuePolicy: QueuePolicy;
  /** By priority level. */
  readonly priorityQueuePolicy: Readonly<Record<string, QueuePolicy>>;
}

export interface SequenceBatching {
  readonly strategy: DirectStrategy | OldestStrategy;
  /** Milliseconds after its last request at which a sequence ends by itself. */
  readonly idleMs: number;
  readonly controls: readonly SequenceControl[];
  readonly states: readonly SequenceState[];
  /** A request may be carried out again and again until the model says that it is over. */
  readonly iterative: boolean;
}

export interface DirectStrategy {
  readonly kind: "direct";
  readonly maxQueueDelayMs: number;
  /** Share of the slots, from 0 to 1, for which a call waits within the delay. */
  readonly minimumSlotUtilization: number;
}

export interface OldestStrategy {
  readonly kind: "oldest";
  /** Sequences that a replica works on at once; from 1. */
  readonly maxCandidateSequences: number;
  readonly preferredBatchSizes: readonly number[];
  readonly maxQueueDelayMs: number;
  readonly preserveOrdering: boolean;
}

/** An input that tells the model where a request stands in its sequence. Clients do not see it. */
export type SequenceControl =
  | {
      readonly name: string;
      readonly kind: "start" | "end" | "ready";
      readonly datatype: "INT32" | "FP32" | "BOOL";
      /** For false and for true. */
      readonly values: readonly [number, number];
    }
  | { readonly name: string; readonly kind: "correlation-id"; readonly datatype: Datatype };

/** A tensor that the server keeps for each sequence: an output of the model that is an input of its next call. Clients see neither. */
export interface SequenceState {
  readonly inputName: string;
  readonly outputName: string;
  readonly datatype: Datatype;
  readonly dims: readonly number[];
  /** At the beginning of a sequence, without the dimension of rows; zeros when undefined. */
  readonly initial: InitialTensor | undefined;
}

/** What a tensor holds at first: zeros, random values, or what is in a file. */
export interface InitialTensor {
  readonly datatype: Datatype;
  readonly dims: readonly number[];
  /** `file` is a path below the model's folder ("initial_state/…" or "warmup/…"). */
  readonly data: { readonly kind: "zero" } | { readonly kind: "random" } | { readonly kind: "file"; readonly file: string };
}

export interface EnsembleSteps {
  /** Requests that the ensemble works on at once; 0 for any number. */
  readonly maxInflightRequests: number;
  readonly steps: readonly EnsembleStep[];
}

export interface EnsembleStep {
  readonly modelName: string;
  /** Undefined for the latest one. */
  readonly modelVersion: string | undefined;
  /** Name of the ensemble's tensor, by input of the model. */
  readonly inputMap: Readonly<Record<string, string>>;
  /** Name of the ensemble's tensor, by output of the model. */
  readonly outputMap: Readonly<Record<string, string>>;
}

/** A request that a replica answers before it is given any other. */
export interface WarmUpSample {
  readonly name: string;
  /** Requests of one row each, or without rows where the model has none; with 0 it is not sent. */
  readonly batchSize: number;
  /** How often it is sent; from 1. */
  readonly count: number;
  readonly inputs: Readonly<Record<string, InitialTensor>>;
}
