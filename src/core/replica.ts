import type { Cancellation } from "./cancellation.ts";
import { ServeError } from "./errors.ts";
import type { JsonObject, Parameters, Payload } from "./inference.ts";
import type { Priority, SchedulingSpec } from "./scheduling.ts";
import type { Signature } from "./signature.ts";

/** One call of a replica: one request, or a batch that was put together from several. */
export interface ReplicaCall {
  readonly method: string;
  readonly payload: Payload;
  readonly outputs?: readonly string[] | undefined;
  readonly parameters?: Parameters | undefined;
  /** Of a batch that was padded. Without it all rows are as long as the tensors' shapes say. */
  readonly lengths?: Lengths;
  /** Of one request for a server of the model's own, or a model that asks others; a batch that is one call has none. */
  readonly origin?: CallOrigin | undefined;
  /** Of a request of a sequence, for a model whose owner said how sequences share its calls. */
  readonly sequence?: SequenceStep;
}

/** What a model is told of the request besides what it asks; a RequestContext is one. */
export interface CallOrigin {
  readonly id: string | undefined;
  /** Lower-case names. Only those that say which request it is go on, never keys. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>> | undefined;
  /** Clock milliseconds after which nobody waits for the answer. */
  readonly deadline: number;
  /** Milliseconds that its client has asked for. */
  readonly timeoutMs?: number | undefined;
  readonly principal: string;
  readonly priority: Priority | undefined;
  /** Names of the models that have asked each other for it, the first one by a client, and this one last. */
  readonly models: readonly string[];
  /** The one that answers it, of a service with several. */
  readonly revision?: string | undefined;
  /** Aborted when nobody waits any more. */
  readonly signal: AbortSignal;
  /** Calls back when nobody waits any more, as `signal` does; that one is made only when somebody asks for it, and costs much more. */
  onEnd(listener: () => void): void;
}

/** Where a request stands in its sequence. */
export interface SequenceStep {
  readonly id: string | bigint;
  readonly start: boolean;
  readonly end: boolean;
  /** Of the replica, the same until the sequence ends; undefined where sequences have none of their own (the strategy "oldest"). */
  readonly slot?: number;
}

/** By padded input: for each request its number of rows, and then the sizes that its padded dimensions had. */
export type Lengths = Readonly<Record<string, ReadonlyArray<readonly number[]>>>;

export interface ReplicaResult {
  readonly payload: Payload;
  /** Milliseconds that the host spent in the model. */
  readonly computeMs: number;
}

/** A loaded model as its host described it. */
export interface ModelDescription {
  readonly methods: Readonly<Record<string, Signature>>;
  /** Serves requests that name none; without it that is `predict`, else the first. */
  readonly defaultMethod?: string;
  /** For example "scikit-learn" and "1.9.1". */
  readonly framework: string;
  readonly frameworkVersion: string;
  /** What the artefact itself calls its version, such as the "1.0" of a TorchServe archive. */
  readonly artefactVersion?: string;
  /** What an operator should know although the model serves: a version that differs, a warm-up that could not be tried. */
  readonly warnings: readonly string[];
  /** A request that the model has answered in its warm-up, as Open Inference Protocol inputs or V1 instances. */
  readonly example?: unknown;
  /** Its own code says whether it is ready. */
  readonly checksReadiness?: boolean;
  /** Of a model with a config.pbtxt: that, with what it does not say completed, as Triton prints it. */
  readonly configuration?: JsonObject;
  /** How its requests are scheduled, instead of what its spec says: its own code has completed that. */
  readonly scheduling?: SchedulingSpec;
}

/** The name of the method that serves requests which name none; undefined for a model without methods. */
export function defaultMethodOf({ methods, defaultMethod }: ModelDescription): string | undefined {
  return defaultMethod ?? (Object.hasOwn(methods, DEFAULT_METHOD) ? DEFAULT_METHOD : Object.keys(methods)[0]);
}

const DEFAULT_METHOD = "predict";

/** Something that answers calls for one model version. The scheduler never has more than `credit` calls under way. */
export interface Replica {
  readonly id: string;
  /** Calls that it takes at once now. */
  readonly credit: number;
  readonly description: ModelDescription;
  /**
   * Rows that it takes at once now. A replica that has this is asked before all others, and what it has no room for goes to them;
   * one that has not takes whatever the batch limits allow.
   */
  readonly roomForRows?: () => number;
  /** Of one that may not answer for a while although it is there: others are asked then, if there are any. */
  readonly readiness?: ReplicaReadiness;
  /** Of a model whose own code says whether it is ready: what keeps it from answering now, or undefined. Never rejects. */
  checkReadiness?(): Promise<string | undefined>;
  run(call: ReplicaCall, cancellation?: Cancellation): Promise<ReplicaResult>;
  /**
   * Carries out several calls of one method that is `together`, each with an answer or a failure of its own, in their order. Rejects when
   * nothing can be said of any of them, as when its host is gone.
   */
  runTogether?(calls: readonly ReplicaCall[], cancellation?: Cancellation): Promise<ReadonlyArray<ReplicaResult | ServeError>>;
  stream(call: ReplicaCall, signal: AbortSignal): AsyncIterable<Payload>;
  /**
   * No request of the sequence comes any more, unless it begins anew, and none is under way: it was idle for too long, or who asked has
   * gone. It is not called for a sequence whose last request had `end`, nor before one with `start`.
   */
  endSequence?(id: string | bigint): void;
  /** Settles when it answers nothing any more; how it ended may be known only later. */
  readonly lost: Promise<void>;
  /** Settles when the replica is gone, with the reason. */
  readonly exited: Promise<string>;
  /** Drain: finish what is under way, then stop. */
  close(): Promise<void>;
  /** Stop now; calls under way fail. `how` goes on after "its host" and is what `exited` settles with. */
  destroy(how: string): void;
}

export interface ReplicaReadiness {
  /** What keeps it from answering now; undefined when nothing does. */
  readonly obstacle: string | undefined;
  /** Tells of each change, until the returned function is called. */
  watch(listener: () => void): () => void;
}

/** The replica is gone, and with it what was under way there; whether a call has been carried out nobody knows. */
export class ReplicaLostError extends ServeError {
  /** The call was the only thing that its process did, so it may be what ended it. */
  readonly alone: boolean;

  constructor(message: string, alone = false) {
    super("UNAVAILABLE", message, { retryAfter: 1 });
    this.alone = alone;
  }
}
