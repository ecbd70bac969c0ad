import type { Indexed } from "../core/map.ts";
import type { ModelState, ModelStatus } from "../core/model.ts";
import type { Signature } from "../core/signature.ts";
import type { InputValues, OutputValues } from "./values.ts";

export interface RunOptions {
  /** Gives the request up; what it throws is the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** When nobody waits for the answer any more: a moment, or milliseconds from now. The server's own `request-timeout` holds too. */
  readonly deadline?: Date | number | undefined;
  /** 1 is served first, 5 last. */
  readonly priority?: 1 | 2 | 3 | 4 | 5 | undefined;
  /** Request parameters, which the model sees. */
  readonly parameters?: Readonly<Record<string, string | number | bigint | boolean>> | undefined;
  /** Names of the outputs wanted. */
  readonly outputs?: readonly string[] | undefined;
}

export interface MapOptions extends RunOptions {
  /** Requests under way at once; 8 when absent. As many inputs are read ahead of what has been taken, and no more. */
  readonly concurrency?: number;
}

/** A request that somebody will ask for later. */
export interface HandleFuture<Outputs> {
  /** Of a future over HTTP, the server's name for it. */
  readonly id: string;
  /** Whether the outcome is known here. */
  readonly done: boolean;
  /** Settles with the outcome, as often as it is asked for. */
  result(): Promise<Outputs>;
  /** Gives it up, if it is not done; its result is then an error with the code CANCELLED. */
  cancel(): Promise<void>;
}

/** One method of a model. Every call throws a ServeError whose `code` says what to do. */
export interface MethodHandle<Inputs = InputValues, Outputs = OutputValues> {
  /** The answer of one request. */
  run(inputs: Inputs, options?: RunOptions): Promise<Outputs>;
  /** The answers of a method that streams; of any other its one answer. Whoever stops reading gives the request up. */
  stream(inputs: Inputs, options?: RunOptions): AsyncGenerator<Outputs, void, undefined>;
  /** Settles when the server has taken the request; its answer is there later. */
  submit(inputs: Inputs, options?: RunOptions): Promise<HandleFuture<Outputs>>;
  /**
   * The answers to many inputs, in their order. Of the source no more is read ahead than `concurrency`. The first failure ends the
   * iteration; whoever stops reading gives up what is under way.
   */
  map(
    source: Iterable<Inputs> | AsyncIterable<Inputs>,
    options?: MapOptions & { readonly ordered?: true },
  ): AsyncGenerator<Outputs, void, undefined>;
  /** The same, each answer as soon as it is there. */
  map(
    source: Iterable<Inputs> | AsyncIterable<Inputs>,
    options: MapOptions & { readonly ordered: false },
  ): AsyncGenerator<Indexed<Outputs>, void, undefined>;
}

/** What a handle tells of its model. */
export interface HandleStatus
  extends Pick<
    ModelStatus,
    "id" | "namespace" | "name" | "version" | "revision" | "answers" | "reason" | "memoryBytes" | "queued" | "replicas"
  > {
  readonly state: ModelState;
  /** What its methods take and give; undefined until it has been loaded once. */
  readonly methods: Readonly<Record<string, Signature>> | undefined;
}

/**
 * A model to call, in this process or over HTTP. It is for the version that answered its first call: when that is evicted, the next call
 * loads it again; when it was deleted or another revision has replaced it, every call fails with FAILED_PRECONDITION. It holds nothing
 * open, so there is nothing to close.
 */
export interface ModelHandle<Inputs = InputValues, Outputs = OutputValues> extends MethodHandle<Inputs, Outputs> {
  readonly namespace: string;
  readonly name: string;
  /** The version that was asked for; undefined for the latest. */
  readonly version: string | undefined;
  /** Another of the model's methods. */
  method<MethodInputs = InputValues, MethodOutputs = OutputValues>(name: string): MethodHandle<MethodInputs, MethodOutputs>;
  /** How the model is; loads nothing. */
  status(): Promise<HandleStatus>;
  /** Settles when it answers; ends a drain. */
  load(): Promise<HandleStatus>;
  /** Settles when what is under way has been answered and the memory is free; requests are refused until `load`. */
  drain(): Promise<HandleStatus>;
  /**
   * Gives it so many replicas, or as many as its load needs within its bounds ("auto"). Settles when they answer, or when it is known why
   * not all of them do (`status.replicas.obstacle`).
   */
  scale(replicas: number | "auto"): Promise<HandleStatus>;
  /** Frees the memory of a model that has nothing to do; its next request loads it again. */
  evict(): Promise<HandleStatus>;
}
