import type { DeviceWish } from "./device.ts";
import { ServeError } from "./errors.ts";
import type { JsonObject } from "./inference.ts";
import type { Residency } from "./model.ts";
import type { ScalingSpec } from "./scaling.ts";
import type { SchedulingSpec } from "./scheduling.ts";

/** The kinds that this server keeps. Cluster-scoped ones have no namespace. */
export type ResourceKind = "InferenceService" | "ServingRuntime" | "ClusterServingRuntime" | "TrainedModel";

/** What Kubernetes calls ObjectMeta, as far as this server gives it a meaning; other fields of a user are kept beside it. */
export interface ObjectMetadata {
  readonly name: string;
  /** Absent for cluster-scoped kinds. */
  readonly namespace?: string;
  readonly uid: string;
  /** Goes up with each change of the spec, from 1. */
  readonly generation: number;
  /** Goes up with each change of anything in any resource; clients compare it for equality only. */
  readonly resourceVersion: string;
  /** RFC 3339, in seconds. */
  readonly creationTimestamp: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** One object of the control API, valid, with its spec as the user wrote it. */
export interface Resource {
  readonly apiVersion: string;
  readonly kind: ResourceKind;
  readonly metadata: ObjectMetadata;
  readonly spec: JsonObject;
}

/** What identifies a resource besides its kind; `namespace` is undefined for cluster-scoped kinds. */
export interface ResourceKey {
  readonly kind: ResourceKind;
  readonly namespace: string | undefined;
  readonly name: string;
}

/** One thing that is wrong with a resource. */
export interface Problem {
  /** For example `spec.predictor.model.storageUri`; empty for the whole document. */
  readonly path: string;
  /** What was wrong, what was expected and how to fix it. */
  readonly message: string;
  /** Where the field is in the file that it was read from, from 1. */
  readonly line?: number;
}

export type ProtocolVersion = "v1" | "v2" | "grpc-v1" | "grpc-v2";

/** An InferenceService as the rest of the server sees it: legacy keys rewritten and defaults filled in, as KServe does. */
export interface InferenceService {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly predictor: Predictor;
  /** Of its annotations, its `timeout` and `batcher`, and its model's environment. */
  readonly scheduling: SchedulingSpec;
  /** Paths of fields that are accepted and stored and change nothing in this version, when one of this server's own hosts serves it. */
  readonly notInEffect: readonly string[];
  /** The same when a server of its own does. */
  readonly notInEffectOfServer: readonly string[];
}

export interface Predictor {
  /** Undefined for a predictor of custom containers. */
  readonly model: PredictorModel | undefined;
  /** 0: nothing is loaded before the first request. */
  readonly minReplicas: number;
  readonly residency: Residency;
  readonly scaling: ScalingSpec;
  /** The predictor needs several machines, so only runtimes with a workerSpec fit. */
  readonly multiNode: boolean;
  /** Its fields as they were written, for a server of its own. */
  readonly pod: JsonObject;
}

export interface PredictorModel {
  readonly format: { readonly name: string; readonly version?: string };
  readonly storageUri?: string;
  /** The runtime that the user asked for by name. */
  readonly runtime?: string;
  readonly protocolVersion?: ProtocolVersion;
  /** Environment variables for the host process. */
  readonly environment: Readonly<Record<string, string>>;
  /** What its arguments say to the format's loader. */
  readonly settings: JsonObject;
  /** Absent: its framework decides. */
  readonly device?: DeviceWish;
}

/** A ServingRuntime or ClusterServingRuntime as the rest of the server sees it. */
export interface ServingRuntime {
  readonly name: string;
  /** Undefined for a ClusterServingRuntime. */
  readonly namespace: string | undefined;
  readonly formats: readonly SupportedFormat[];
  /** Empty: all of them. */
  readonly protocolVersions: readonly ProtocolVersion[];
  readonly multiModel: boolean;
  readonly disabled: boolean;
  /** It has a workerSpec. */
  readonly multiNode: boolean;
  /** RFC 3339; built-in runtimes are as old as can be. */
  readonly creationTimestamp: string;
  /** Which of this server's own hosts runs it (annotation `nitrous/host`), "auto" for whichever an artefact needs; undefined for a container of the user. */
  readonly host: "python" | "node" | "auto" | undefined;
  /** What it says of its server, as it was written; absent when one of this server's own hosts runs it. */
  readonly pod?: { readonly annotations: Readonly<Record<string, string>>; readonly spec: JsonObject };
  /** Image of the container `kserve-container`. */
  readonly image: string | undefined;
  /** Of the environment of that container. */
  readonly scheduling?: SchedulingSpec;
}

export interface SupportedFormat {
  readonly name: string;
  readonly version?: string;
  readonly autoSelect: boolean;
  readonly priority?: number;
}

/** A TrainedModel as the rest of the server sees it: a model in the server of an InferenceService. */
export interface TrainedModel {
  readonly namespace: string;
  readonly name: string;
  /** Whose server holds it. */
  readonly inferenceService: string;
  readonly storageUri: string;
  /** The name of a model format. */
  readonly framework: string;
  /** Bytes that it takes at most, as its owner says. */
  readonly memory: number;
}

/** KServe's words for what went wrong with a model (`status.modelStatus.lastFailureInfo.reason`). */
export type FailureReason =
  | "ModelLoadFailed"
  | "RuntimeUnhealthy"
  | "RuntimeDisabled"
  | "NoSupportingRuntime"
  | "RuntimeNotRecognized"
  | "InvalidPredictorSpec";

/** A document that is not a valid resource, with everything that is wrong with it. */
export class InvalidResourceError extends ServeError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super("INVALID_ARGUMENT", problems.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("\n"));
    this.name = "InvalidResourceError";
    this.problems = problems;
  }
}

/** One thing that happened to a resource, as Kubernetes' events are. */
export interface ServiceEvent {
  /** Unique. */
  readonly name: string;
  /** RFC 3339. */
  readonly time: string;
  readonly type: "Normal" | "Warning";
  /** One word: Applied, Fetching, Ready, ... */
  readonly reason: string;
  readonly message: string;
  readonly about: ResourceKey & { readonly uid: string };
}
