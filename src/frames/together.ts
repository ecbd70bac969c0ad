import { ServeError } from "../core/errors.ts";
import type { JsonValue, Payload } from "../core/inference.ts";
import type { ReplicaCall } from "../core/replica.ts";
import type { Tensor } from "../core/tensor.ts";
import type { JsonObject, RequestMetadata, TensorMetadata } from "./frame.ts";
import { answerOf, decodePayload, encodeTensors } from "./payload.ts";

/** What an infer frame says of one request besides its payload. */
export function requestMetadata(call: ReplicaCall): RequestMetadata {
  return togetherMetadata(call, undefined);
}

/** With fields that are undefined, which JSON leaves out: every request has it. */
function togetherMetadata({ outputs, parameters, origin, sequence }: ReplicaCall, tensors: number | undefined): RequestMetadata {
  const told = sequence && { id: shortest(sequence.id), start: sequence.start, end: sequence.end };
  return { tensors, outputs, parameters, id: origin?.id, timeoutMs: origin?.timeoutMs, sequence: told };
}

/** Numbers that JSON has are written much faster than bigints. */
function shortest(id: string | bigint): string | number | bigint {
  return typeof id === "bigint" && id <= Number.MAX_SAFE_INTEGER ? Number(id) : id;
}

/**
 * Several requests as the payload of one infer frame: what the metadata says of their tensors and of each of them, and the blobs.
 * @throws ServeError INTERNAL for one that does not consist of tensors
 */
export function encodeTogether(calls: readonly ReplicaCall[]): {
  readonly requests: readonly RequestMetadata[];
  readonly tensors: readonly TensorMetadata[];
  readonly blobs: Uint8Array[];
} {
  const tensors: Tensor[] = [];
  const requests: RequestMetadata[] = [];
  for (const call of calls) {
    const { method, payload } = call;
    if (payload.kind !== "tensors") throw new ServeError("INTERNAL", `method '${method}' takes tensors by name, not ${payload.kind}`);
    for (const tensor of payload.tensors) tensors.push(tensor);
    requests.push(togetherMetadata(call, payload.tensors.length));
  }
  const { metadata, blobs } = encodeTensors(tensors);
  return { requests, tensors: metadata, blobs };
}

export type TogetherAnswer = { readonly payload: Payload } | { readonly error: JsonObject };

/**
 * The answers of a result frame, in the order of the requests; `error` is the metadata of an error frame.
 * @throws ServeError DATA_LOSS when they are not as many, or do not add up
 */
export function decodeTogether(meta: JsonObject, blobs: readonly Uint8Array[], requests: number): TogetherAnswer[] {
  const { answers } = meta;
  if (!Array.isArray(answers) || answers.length !== requests) throw broken(`answers for ${requests} requests`);
  const payload = decodePayload(meta, blobs);
  if (payload.kind !== "tensors") throw broken("answers without tensors");
  let position = 0;
  const decoded = answers.map((answer): TogetherAnswer => {
    const { tensors, parameters, error } = answer as unknown as { tensors?: unknown; parameters?: JsonValue; error?: JsonObject };
    if (typeof error === "object" && error !== null) return { error };
    if (!Number.isSafeInteger(tensors) || (tensors as number) < 0) throw broken("an answer without its tensors");
    const from = position;
    position += tensors as number;
    return { payload: answerOf(payload.tensors.slice(from, position), parameters) };
  });
  if (position !== payload.tensors.length) throw broken("answers and tensors disagree");
  return decoded;
}

function broken(what: string): ServeError {
  return new ServeError("DATA_LOSS", `broken frame: ${what}`);
}
