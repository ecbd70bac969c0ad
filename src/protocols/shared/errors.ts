import type { Code, ServeError } from "../../core/errors.ts";
import type { HttpReply } from "../../core/http.ts";
import { HttpError, type RefusalStatus } from "../../core/http-error.ts";

/** HTTP statuses of the error codes, as gRPC's own gateways map them, but with 400 for OUT_OF_RANGE and FAILED_PRECONDITION. */
const STATUSES: Readonly<Record<Code, number>> = {
  CANCELLED: 499,
  UNKNOWN: 500,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  FAILED_PRECONDITION: 400,
  ABORTED: 409,
  OUT_OF_RANGE: 400,
  UNIMPLEMENTED: 501,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DATA_LOSS: 500,
  UNAUTHENTICATED: 401,
};

/** `{"error": message}`, the error body of KServe V1 and the Open Inference Protocol. */
export function errorBody(error: ServeError): string {
  return `{"error":${JSON.stringify(error.message)}}`;
}

/** The reply to a failed request; `Retry-After` is in whole seconds, at least 1. */
export function failJson(error: ServeError): HttpReply {
  const headers: Record<string, string> = { "Content-Type": "application/json" };
  if (error.retryAfter !== undefined) headers["Retry-After"] = String(Math.max(1, Math.ceil(error.retryAfter)));
  const status = error instanceof HttpError ? error.status : STATUSES[error.code];
  return { status, headers, body: errorBody(error) };
}

/** {@link failJson} with the code beside the message: whoever gets it can throw the same error. */
export function failCoded(error: ServeError): HttpReply {
  return { ...failJson(error), body: codedBody(error) };
}

/** `{"error", "code"}` */
export function codedBody({ message, code }: ServeError): string {
  return `{"error":${JSON.stringify(message)},"code":"${code}"}`;
}

/** The reply to a path or method that no route has: `detail` is what KServe's tests look for, `error` what everybody else does. */
export function unknownPath(status: 404 | 405): HttpReply {
  const text = status === 404 ? "Not Found" : "Method Not Allowed";
  return { status, headers: { "Content-Type": "application/json" }, body: JSON.stringify({ error: text, detail: text }) };
}

/** The reply to what is no request of any protocol: broken HTTP, too many headers, too many connections. */
export function refusedRequest(status: RefusalStatus, message: string): HttpReply {
  return failJson(new HttpError(status, message));
}
