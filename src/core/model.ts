import type { DeviceWish } from "./device.ts";
import type { Code } from "./errors.ts";
import type { ModelFormat } from "./formats.ts";
import type { JsonObject } from "./inference.ts";
import type { ModelConfiguration } from "./model-configuration.ts";
import type { ModelDescription } from "./replica.ts";
import type { ReplicaCounts, ScalingSpec } from "./scaling.ts";
import type { SchedulingSpec } from "./scheduling.ts";
import type { UpstreamProtocol, UpstreamSpec } from "./upstream.ts";

export type Trust = "pickle" | "code";

/** One version of a model as it lies on disk. */
export interface ModelSpec {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly format: ModelFormat;
  /** The model's file, for custom code the file with the class, or a folder for formats that are folders. */
  readonly file: string;
  /** The folder that belongs to this version. */
  readonly directory: string;
  /** `requirements.txt` of the version's folder or the model's, when there is one. */
  readonly requirements?: string;
  /** `example.json` of the version's folder or the model's, when there is one. */
  readonly example?: string;
  /** Size of the artefact in bytes. */
  readonly bytes: number;
  /** Lines of a requirements.txt, besides `requirements`: what the catalog that names the model says of its packages. */
  readonly packages?: string;
  /** What an operator should know although the model serves: what was asked for it that has no effect. */
  readonly notes?: readonly string[];
  /** Environment variables for its host, besides those that every host gets. */
  readonly variables?: Readonly<Record<string, string>>;
  /** What its resource or its own settings file says to the format's loader: KServe's `--task=fill-mask` is `{ task: "fill-mask" }`. */
  readonly settings?: JsonObject;
  /** "pickle": a pickle or joblib file may run what it names; "code": so may code of the model's own. Neither when absent. */
  readonly trust?: Trust;
  /** Somebody named it, or a folder that it is in, on the command line of the server. */
  readonly fromCommandLine?: boolean;
  /** Serve with the framework version that the artefact records or not at all. */
  readonly exactFramework?: boolean;
  readonly scheduling?: SchedulingSpec;
  /** Of a model of a Triton model repository. */
  readonly configuration?: ModelConfiguration;
  /** Of such a model: its own folder, where the folders of its versions, its labels, `warmup` and `initial_state` are. */
  readonly folder?: string;
  /** Of format "typescript": the model itself, of the program that embeds the server, where it runs too. */
  readonly inProgram?: InProgramModel;
  /** Of format "upstream". */
  readonly upstream?: UpstreamSpec;
  readonly residency?: Residency;
  /** What its files were when it was found, of a model whose files are watched: another one when they change. */
  readonly stamp?: string;
  /** One replica when absent. */
  readonly scaling?: ScalingSpec;
  /** Absent: a framework that would take a GPU by itself gets one where there is one. */
  readonly device?: DeviceWish;
  /** Equal requests have equal answers, which may be kept. */
  readonly responseCache?: boolean;
}

export interface InProgramModel {
  /** What a module of such a model would export: an object or a class. */
  readonly model: object;
  /** Calls that it takes at once: more than one for a model that waits for something else. */
  readonly concurrency: number;
}

/**
 * How a model comes and goes. "preferred", which is what a spec without one means: loaded at once where it fits, on demand otherwise,
 * and evicted when others need the room. "pinned": loaded at once, and never evicted. "on-demand": loaded at its first request.
 */
export interface Residency {
  readonly kind: "preferred" | "pinned" | "on-demand";
  /** Milliseconds without a request after which it is unloaded; never when absent. */
  readonly idleMs?: number;
}

/** A file or folder that was found but is not served, and why. */
export interface Rejection {
  readonly path: string;
  readonly reason: string;
  /** Name of the model of a Triton model repository that this keeps from being served. */
  readonly model?: string;
}

/** "standby": it loads at its first request. */
export type ModelState = "registered" | "standby" | "preparing" | "loading" | "ready" | "draining" | "failed";

/** Why a model does not answer, for those who decide whether to try again. */
export interface ModelFailure {
  readonly code: Code;
  /** The first line says what went wrong; the others are what its host printed last. */
  readonly message: string;
  /** RFC 3339. */
  readonly time: string;
}

/** How a host ended that nobody had asked to. */
export interface HostExit {
  /** One line. */
  readonly message: string;
  /** RFC 3339. */
  readonly time: string;
  /** The last lines that it printed. */
  readonly log: readonly string[];
}

/** One model version as everybody may see it. */
export interface ModelStatus {
  /** From its registration to its removal; whatever replaces it has another one. */
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly format: ModelFormat;
  /** What a server of its own speaks; empty for all other models. */
  readonly protocols: readonly UpstreamProtocol[];
  /** Name of its file, or of its folder. */
  readonly artefact: string;
  /** What its owner said about how its requests are scheduled. */
  readonly scheduling: SchedulingSpec | undefined;
  /** Answers are kept for requests that come again. */
  readonly responseCache: boolean;
  readonly state: ModelState;
  /** Requests are answered, if only after a load that the first of them begins. */
  readonly answers: boolean;
  /** The revision of its service that it belongs to, such as `iris-00003`. */
  readonly revision: string | undefined;
  /** Percent of the requests that name no revision which that revision gets. */
  readonly traffic: number;
  /** Served when a request names no version. */
  readonly latest: boolean;
  /** What is going on, or why it failed and what to do. */
  readonly reason: string;
  readonly failure: ModelFailure | undefined;
  readonly description: ModelDescription | undefined;
  /** Resident bytes of the host processes, shared pages counted proportionally; 0 when there is none. */
  readonly memoryBytes: number;
  /** Of the first replica. */
  /** The GPUs that its hosts are on, such as "device 0 (NVIDIA H200)"; empty when they run on the processor. */
  readonly devices: readonly string[];
  readonly hostPid: number | undefined;
  /** Of all replicas that answer. */
  readonly hostPids: readonly number[];
  /** What each of them holds of `memoryBytes`. */
  readonly hostBytes: readonly number[];
  readonly replicas: ReplicaCounts;
  /** Calls that are small enough are answered in the server's own process. */
  readonly inline: boolean;
  /** Why none is, of a model that was tried there. */
  readonly notInline: string | undefined;
  /** Hosts that ended under it. */
  readonly hostExits: number;
  readonly lastHostExit: HostExit | undefined;
  /** Requests that are refused because each was alone in a host at two deaths. */
  readonly quarantined: number;
  /** Requests that wait for a replica. */
  readonly queued: number;
  /** Clock milliseconds at which the one of them that has waited for longest came; undefined when there is none. */
  readonly queuedSince: number | undefined;
}

const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
/** Without leading zeros, or 1 and 01 would be one version with two folders. */
const MODEL_VERSION = /^(0|[1-9][0-9]{0,17})$/;

/** What {@link isModelName} expects, for messages. */
export const MODEL_NAME_RULE = "letters, digits, '.', '_' and '-', at most 128, beginning with a letter or digit";

/** The one validator of model names, and of namespaces in requests for models. */
export function isModelName(text: string): boolean {
  return MODEL_NAME.test(text);
}

/** The one validator of model versions. */
export function isModelVersion(text: string): boolean {
  return MODEL_VERSION.test(text);
}

export const DEFAULT_NAMESPACE = "default";
