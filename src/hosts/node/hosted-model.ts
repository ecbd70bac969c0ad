import type { Parameters, Payload } from "../../core/inference.ts";
import type { Lengths, ModelDescription } from "../../core/replica.ts";

export interface ModelCall {
  /** One of the description's methods. */
  readonly method: string;
  readonly payload: Payload;
  readonly outputs: readonly string[] | undefined;
  readonly parameters: Parameters;
  readonly signal: AbortSignal;
  readonly lengths?: Lengths;
}

/** A model inside of the host. */
export interface HostedModel {
  readonly description: ModelDescription;
  /** Answers a call of a method that does not stream. */
  run(call: ModelCall): Promise<Payload>;
  /** The answers of a streaming method. Only of models that have one. */
  stream?(call: ModelCall): AsyncIterable<Payload>;
  close(): Promise<void>;
}
