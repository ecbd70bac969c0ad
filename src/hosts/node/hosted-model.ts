import type { Parameters, Payload } from "../../core/inference.ts";
import type { Lengths, ModelDescription } from "../../core/replica.ts";

export interface ModelCall {
  readonly payload: Payload;
  readonly outputs: readonly string[] | undefined;
  readonly parameters: Parameters;
  readonly signal: AbortSignal;
  readonly lengths?: Lengths;
}

/** A model inside of the host. */
export interface HostedModel {
  readonly description: ModelDescription;
  run(call: ModelCall): Promise<Payload>;
  /** Only of models whose method streams. */
  stream?(call: ModelCall): AsyncIterable<Payload>;
  close(): Promise<void>;
}
