import type { Code } from "../core/errors.ts";
import type { ModelFormat } from "../core/formats.ts";
import type { JsonValue, Parameters } from "../core/inference.ts";
import type { ModelMetricChange } from "../core/model-metrics.ts";
import type { Lengths, ModelDescription } from "../core/replica.ts";
import type { Datatype } from "../core/tensor.ts";

/** The frames of docs/frames.md that this version sends and reads. */
export const FRAME_TYPES = {
  hello: 1,
  load: 2,
  progress: 3,
  ready: 4,
  infer: 5,
  result: 8,
  chunk: 9,
  end: 10,
  error: 11,
  cancel: 12,
  credit: 13,
  call: 14,
  ping: 15,
  stats: 16,
  log: 17,
  unload: 19,
  pong: 20,
  check: 21,
} as const;

export type FrameName = keyof typeof FRAME_TYPES;

export const PROTOCOL_VERSION = 1;
/** Bytes. */
export const HEADER_SIZE = 24;
/** Bytes. */
export const MAX_METADATA = 64 * 1024 * 1024;
/** Bytes. */
export const MAX_BODY = 2 * 1024 * 1024 * 1024;

export type JsonObject = { [key: string]: JsonValue };

/** One frame as it was read; its type is one of FRAME_TYPES. */
export interface Frame {
  readonly type: number;
  /** 0 is the connection itself. */
  readonly stream: number;
  readonly meta: JsonObject;
  /** Views of the bytes that were received, in the order of the metadata. */
  readonly blobs: readonly Uint8Array[];
}

/** How the metadata tells of one blob. */
export interface TensorMetadata {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  /** Length of the blob without its padding. */
  readonly bytes: number;
}

/** A payload's part of the metadata: one key says what it is. */
export type PayloadMetadata =
  | { readonly tensors: readonly TensorMetadata[]; readonly parameters?: Parameters | undefined }
  | { readonly rows: readonly JsonValue[] }
  | { readonly columns: Readonly<Record<string, JsonValue>> }
  | { readonly json: JsonValue };

export interface HelloMetadata {
  readonly protocol: number;
  readonly host: string;
  readonly version: string;
  readonly language: string;
  readonly pid: number;
  /** Calls that may be under way at once. */
  readonly credit: number;
}

export interface LoadMetadata {
  readonly model: string;
  readonly version: string;
  readonly format: ModelFormat;
  readonly file: string;
  readonly directory: string;
  /** Path of example.json. */
  readonly example: string | null;
  readonly threads: number;
  /** "pickle": a pickle or joblib file may run whatever it names. */
  readonly trust: "none" | "pickle";
  /** Code that the artefact carries may run. */
  readonly code: boolean;
  /** What the model's resource or settings file says to the format's loader. */
  readonly settings: JsonObject;
  /** Of a model of a Triton model repository, as Triton prints it. */
  readonly configuration?: JsonObject;
  /** Of such a model: its name among the replicas that it has or has had. */
  readonly instance?: string;
}

/** What a host is told of one request besides its payload. */
export interface RequestMetadata {
  /** Of one of several in a frame: so many of the frame's tensors are its own, behind those of the requests before it. */
  readonly tensors?: number | undefined;
  readonly outputs?: readonly string[] | undefined;
  readonly parameters?: Parameters | undefined;
  readonly id?: string | undefined;
  /** Milliseconds that its client has asked for; of a call of the host, those that it gives. */
  readonly timeoutMs?: number | undefined;
  readonly sequence?: { readonly id: string | number | bigint; readonly start: boolean; readonly end: boolean } | undefined;
}

/** What became of one of them. */
export type AnswerMetadata = { readonly tensors: number; readonly parameters?: Parameters } | { readonly error: ErrorMetadata };

export interface InferMetadata extends Omit<RequestMetadata, "tensors"> {
  /** Stream id of the load. */
  readonly model: number;
  readonly method: string;
  readonly lengths?: Lengths;
  /** Of a method that is `together`. */
  readonly requests?: readonly RequestMetadata[];
  /** Chunks that a streaming method may send before more credit comes. */
  readonly credit?: number;
}

export interface ErrorMetadata {
  readonly code: Code;
  /** For the client. */
  readonly message: string;
  /** For the log. */
  readonly detail?: string;
}

/** What a model asks of the server. */
export interface CallMetadata extends Omit<RequestMetadata, "tensors"> {
  /** Stream of the call or load for whose sake it asks. */
  readonly parent: number;
  /** Absent: an inference. */
  readonly action?: "load" | "unload" | "ready";
  /** The host takes no other call until it is answered. */
  readonly blocking?: boolean;
  readonly model: string;
  readonly version?: string;
  /** Any number of answers may come: so many before more credit does. Without it exactly one does. */
  readonly credit?: number;
  /** Of "load": a model configuration in JSON instead of the model's own. The tensors are then files, by their paths. */
  readonly configuration?: string;
  /** Of "unload": with an ensemble, its steps go that nobody else needs. */
  readonly dependents?: boolean;
}

type Empty = Readonly<Record<never, never>>;

/** The metadata of each frame. */
export interface FrameMetadata {
  readonly hello: HelloMetadata;
  readonly load: LoadMetadata;
  readonly progress: { readonly step: string };
  readonly ready: { readonly description: ModelDescription };
  readonly infer: InferMetadata & PayloadMetadata;
  readonly result: (PayloadMetadata | { readonly answers: readonly AnswerMetadata[]; readonly tensors: readonly TensorMetadata[] }) & {
    readonly computeMs: number;
  };
  readonly chunk: PayloadMetadata;
  readonly end: { readonly computeMs: number };
  readonly error: ErrorMetadata;
  readonly cancel: { readonly request?: number };
  readonly credit: { readonly chunks: number };
  readonly call: CallMetadata & { readonly tensors: readonly TensorMetadata[] };
  readonly ping: Empty;
  readonly stats: ModelMetricChange;
  readonly log: { readonly level: "info" | "warning" | "error"; readonly message: string };
  readonly unload: Empty;
  readonly pong: Empty;
  /** Whether a model is ready by its own account; `model` is its handle. */
  readonly check: { readonly model: number };
}

/** Bytes that fill `length` up to a multiple of 8. */
export function paddingOf(length: number): number {
  return -length & 7;
}
