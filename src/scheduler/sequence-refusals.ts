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

/** An id of those that the server gives to requests without one. */
export function ofTheServer(id: string | bigint, model: string, range: string): ServeError {
  return new ServeError(
    "INVALID_ARGUMENT",
    `sequence id ${id} cannot be sent to model '${model}': ids from ${range} are for requests that have none of their own`,
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
