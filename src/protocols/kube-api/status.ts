import type { Code, ServeError } from "../../core/errors.ts";
import type { HttpReply } from "../../core/http.ts";
import { HttpError, type RefusalStatus } from "../../core/http-error.ts";
import { InvalidResourceError } from "../../core/resource.ts";
import { writeJson } from "../shared/index.ts";

/** What a request was about, for messages and `details`. */
export interface Subject {
  readonly kind: string;
  readonly plural: string;
  /** Empty for the core group. */
  readonly group: string;
  readonly name?: string | undefined;
}

/** Kubernetes' `Status` object (apimachinery, pkg/apis/meta/v1/types.go). */
export interface StatusObject {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: Record<string, never>;
  readonly status: "Success" | "Failure";
  readonly message?: string;
  readonly reason?: string;
  readonly details?: {
    readonly name?: string;
    readonly group?: string;
    readonly kind?: string;
    readonly uid?: string;
    readonly causes?: readonly { readonly reason: string; readonly message: string; readonly field: string }[];
  };
  readonly code: number;
}

interface Meaning {
  readonly code: number;
  readonly reason: string;
}

/** HTTP statuses and reasons of the error codes. Kubernetes has no reason for a full disk. */
const MEANINGS: Readonly<Record<Code, Meaning>> = {
  CANCELLED: { code: 499, reason: "ClientClosedRequest" },
  UNKNOWN: { code: 500, reason: "InternalError" },
  INVALID_ARGUMENT: { code: 400, reason: "BadRequest" },
  DEADLINE_EXCEEDED: { code: 504, reason: "Timeout" },
  NOT_FOUND: { code: 404, reason: "NotFound" },
  ALREADY_EXISTS: { code: 409, reason: "AlreadyExists" },
  PERMISSION_DENIED: { code: 403, reason: "Forbidden" },
  RESOURCE_EXHAUSTED: { code: 507, reason: "InsufficientStorage" },
  FAILED_PRECONDITION: { code: 409, reason: "Conflict" },
  ABORTED: { code: 409, reason: "Conflict" },
  OUT_OF_RANGE: { code: 410, reason: "Expired" },
  UNIMPLEMENTED: { code: 501, reason: "NotImplemented" },
  INTERNAL: { code: 500, reason: "InternalError" },
  UNAVAILABLE: { code: 503, reason: "ServiceUnavailable" },
  DATA_LOSS: { code: 500, reason: "InternalError" },
  UNAUTHENTICATED: { code: 401, reason: "Unauthorized" },
};

const INVALID: Meaning = { code: 422, reason: "Invalid" };
const TOO_MANY: Meaning = { code: 429, reason: "TooManyRequests" };

/** Kubernetes' reasons for what HTTP itself refuses. */
const REFUSALS: Readonly<Record<RefusalStatus, string>> = {
  400: "BadRequest",
  405: "MethodNotAllowed",
  408: "Timeout",
  413: "RequestEntityTooLarge",
  415: "UnsupportedMediaType",
  417: "ExpectationFailed",
  429: "TooManyRequests",
  431: "RequestHeaderFieldsTooLarge",
};

/** An error as Kubernetes tells it. */
export function failureStatus(error: ServeError, subject?: Subject): StatusObject {
  const { code, reason } = meaningOf(error);
  const invalid = error instanceof InvalidResourceError;
  const details = subject && {
    ...(subject.name === undefined ? {} : { name: subject.name }),
    ...(subject.group === "" ? {} : { group: subject.group }),
    kind: invalid ? subject.kind : subject.plural,
    ...(invalid ? { causes: error.problems.map(({ path, message }) => ({ reason: "FieldValueInvalid", message, field: path })) } : {}),
  };
  const message = subject?.name === undefined ? error.message : messageOf(error, subject);
  return failure(code, reason, message, details);
}

export function failureReply(error: ServeError, subject?: Subject): HttpReply {
  const headers = error.retryAfter === undefined ? {} : { "Retry-After": String(Math.max(1, Math.ceil(error.retryAfter))) };
  return statusReply(failureStatus(error, subject), headers);
}

/** The path means nothing here: unknown group, version or plural. */
export function unknownResource(): HttpReply {
  return statusReply(failure(404, "NotFound", "the server could not find the requested resource", {}));
}

export function methodNotAllowed(
  allowed: readonly string[],
  message = "the server does not allow this method on the requested resource",
): HttpReply {
  return statusReply(failure(405, "MethodNotAllowed", message, {}), { Allow: allowed.join(", ") });
}

export function unsupportedMediaType(accepted: readonly string[]): HttpReply {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`;
  return statusReply(failure(415, "UnsupportedMediaType", message));
}

/** The answer to a deletion. */
export function deletedReply({ name = "", group, plural }: Subject, uid: string): HttpReply {
  const details = { name, group, kind: plural, uid };
  return statusReply({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details, code: 200 });
}

function failure(code: number, reason: string, message: string, details?: StatusObject["details"]): StatusObject {
  const optional = details === undefined ? {} : { details };
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, ...optional, code };
}

function statusReply(status: StatusObject, headers: Readonly<Record<string, string>> = {}): HttpReply {
  return { status: status.code, headers: { "Content-Type": "application/json", ...headers }, body: writeJson(status as never) };
}

function meaningOf(error: ServeError): Meaning {
  if (error instanceof InvalidResourceError) return INVALID;
  if (error instanceof HttpError) return { code: error.status, reason: REFUSALS[error.status] };
  return error.code === "RESOURCE_EXHAUSTED" && error.retryAfter !== undefined ? TOO_MANY : MEANINGS[error.code];
}

/** Begins as Kubernetes' messages do, which scripts look for. */
function messageOf(error: ServeError, { kind, plural, group, name }: Subject): string {
  const resource = `${group === "" ? plural : `${plural}.${group}`} "${name}"`;
  if (error instanceof InvalidResourceError) return `${kind}.${group} "${name}" is invalid: ${error.message.replaceAll("\n", ", ")}`;
  switch (error.code) {
    case "NOT_FOUND":
      return `${resource} not found`;
    case "ABORTED":
      return `Operation cannot be fulfilled on ${resource}: ${error.message}`;
    case "PERMISSION_DENIED":
      return `${resource} is forbidden: ${error.message}`;
    default:
      return error.message;
  }
}
