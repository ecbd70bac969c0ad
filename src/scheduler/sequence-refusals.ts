import { ServeError } from "../core/errors.ts";

/** A request of a sequence that has not begun, or has ended. */
export function neverBegun(id: string | bigint, model: string): ServeError {
  return new ServeError(
    "INVALID_ARGUMENT",
    `inference request for sequence ${id} to model '${model}' must specify the START flag on the first request of the sequence`,
  );
}

export function withoutSequence(model: string): ServeError {
  return new ServeError(
    "INVALID_ARGUMENT",
    `inference request to model '${model}' must specify a non-zero or non-empty correlation ID; send it as sequence_id`,
  );
}

export function replicaGone(id: string | bigint): ServeError {
  return new ServeError("ABORTED", `the replica that had the state of sequence ${id} is gone; begin the sequence again`);
}

export function wasGivenUp(id: string | bigint): ServeError {
  return new ServeError(
    "ABORTED",
    `an earlier request of sequence ${id} was not waited for until its answer, so the sequence has ended; begin it again`,
  );
}
