import { type Code, ServeError } from "../../core/errors.ts";
import type { HttpReply } from "../../core/http.ts";
import { failJson } from "../shared/index.ts";

/** The names of TorchServe's exceptions, which its clients look for in `type`. */
const TYPES: Readonly<Partial<Record<Code, string>>> = {
  NOT_FOUND: "ModelNotFoundException",
  INVALID_ARGUMENT: "BadRequestException",
  FAILED_PRECONDITION: "BadRequestException",
  OUT_OF_RANGE: "BadRequestException",
  ALREADY_EXISTS: "ConflictStatusException",
  ABORTED: "ConflictStatusException",
  UNAVAILABLE: "ServiceUnavailableException",
  RESOURCE_EXHAUSTED: "ServiceUnavailableException",
  DEADLINE_EXCEEDED: "RequestTimeoutException",
  UNAUTHENTICATED: "InvalidKeyException",
  PERMISSION_DENIED: "BadRequestException",
  UNIMPLEMENTED: "MethodNotAllowedException",
};

/** A version that the model does not have, which TorchServe tells apart from a model that is not there. */
export class UnknownVersionError extends ServeError {
  constructor(model: string, version: string) {
    super("NOT_FOUND", `Model version: ${version.slice(0, 60)} does not exist for model: ${model}`);
  }
}

/** TorchServe's error body, `{"code","type","message"}`: `code` is the HTTP status. */
export function failTorchServe(error: ServeError): HttpReply {
  const reply = failJson(error);
  const type = error instanceof UnknownVersionError ? "ModelVersionNotFoundException" : TYPES[error.code];
  return { ...reply, body: errorBody(reply.status, type ?? "InternalServerException", error.message) };
}

/** The answer to a request on which a handler failed; TorchServe gives it the status that the handler chose, or 503. */
export function failedPrediction(status: number, message: string): HttpReply {
  return { status, headers: { "Content-Type": "application/json" }, body: errorBody(status, "InternalServerException", message) };
}

function errorBody(code: number, type: string, message: string): string {
  return JSON.stringify({ code, type, message }, undefined, 2);
}
