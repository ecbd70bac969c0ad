import { ServeError } from "../../core/errors.ts";
import type { JsonValue } from "../../core/inference.ts";
import type { ModelConfiguration } from "../../core/model-configuration.ts";

/**
 * Refuses what a configuration asks for and this server does not do, where leaving it out would give other answers.
 * @param together requests stay what they are when they share a call, so their sizes may differ
 * @throws ServeError UNIMPLEMENTED naming the field and what to do
 */
export function refuseUnsupported({ inputs, json, sequenceBatching }: ModelConfiguration, together: boolean): void {
  if (sequenceBatching?.iterative === true && !together) {
    throw refusal(
      "its sequence_batching has iterative_sequence, and only models of Triton's Python backend say when a request is over; remove it",
    );
  }
  if (sequenceBatching?.iterative === true && sequenceBatching.states.length > 0) {
    throw refusal("its sequence_batching has iterative_sequence and state; keep the state of a request in the model, and remove 'state'");
  }
  const ragged = inputs.find((input) => input.ragged);
  if (ragged !== undefined && !together) {
    const hint = "set it to false, so that only requests of equal sizes share a call";
    throw refusal(`its input '${ragged.name}' has allow_ragged_batch, and requests of different sizes do not share a call here; ${hint}`);
  }
  for (const field of ["batch_input", "batch_output"]) {
    const { length } = listOf(json[field]);
    if (length === 0) continue;
    throw refusal(
      `its ${field} is not supported: this server makes no tensors about the requests of a call; let the model take rows, and remove it`,
    );
  }
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}

function refusal(message: string): ServeError {
  return new ServeError("UNIMPLEMENTED", message);
}
