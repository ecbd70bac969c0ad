import type { Cancellation } from "./cancellation.ts";
import type { ServeError } from "./errors.ts";
import type { InferResponse, Parameters, Payload, Target } from "./inference.ts";
import type { CallOrigin, ModelDescription } from "./replica.ts";

/** What a model asks of another one while it answers a request. */
export interface NestedRequest {
  readonly target: Target;
  readonly payload: Payload;
  readonly outputs?: readonly string[];
  readonly parameters?: Parameters;
  /** Its own; the parent's when absent. */
  readonly id?: string;
  /** Process id of a host that takes no other call until it has the answer. */
  readonly blocks?: number;
}

export interface NestedResponse extends InferResponse {
  /** Milliseconds that the model has worked on the answer; 0 of a stream, whose work is still to come. */
  readonly computeMs: number;
}

/** Models that may ask each other for one answer of a client. */
export const MOST_NESTED_MODELS = 8;

/**
 * How a model asks other models of this server, in its process and without sockets: steps of ensembles, and business logic. Each request is
 * counted, scheduled and batched like any other.
 */
export interface NestedInference {
  /**
   * It ends when its parent does, or with the cancellation when there is one, which costs less than a signal; it pays with its parent's
   * principal, and comes no later than its parent's deadline.
   * @throws ServeError as the data plane does; FAILED_PRECONDITION when more than {@link MOST_NESTED_MODELS} models ask each other, or all that
   * could answer wait for this answer
   */
  infer(request: NestedRequest, parent: CallOrigin, cancellation?: Cancellation): Promise<NestedResponse>;
  /**
   * What a model takes and gives, as soon as it answers: one that stands by is loaded, and one that loads is waited for.
   * @throws ServeError NOT_FOUND, or why it does not answer
   */
  describe(target: Target, signal: AbortSignal): Promise<ModelDescription>;
  /**
   * Tells at once, and each time that it may have changed until the returned function is called, what a model takes and gives, or why it does
   * not answer.
   */
  watch(target: Target, listener: (found: ModelDescription | ServeError) => void): () => void;
}
