/** gRPC's canonical codes, without OK: the only ways in which anything in nitrous fails. */
export const CODES = [
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

export type Code = (typeof CODES)[number];

/** Why a request was refused before a replica saw it: what the metrics count, and what `Server-Timing` says. */
export const REFUSALS = [
  /** As many requests wait for the model as may. */
  "queue_full",
  /** What waits for the model has as many bytes as it may. */
  "queue_bytes",
  /** The model has as many streams open as it may. */
  "streams",
  /** It would not have been answered before its deadline. */
  "deadline",
  /** Its sender has sent too many. */
  "rate_limit",
  /** It has ended hosts before. */
  "quarantine",
  /** As many requests wait for the model's load as may. */
  "loading",
  /** The model does not answer now, or no replica of it runs. */
  "not_ready",
  /** There is no memory for its body. */
  "body_memory",
  /** The server is ending. */
  "shutting_down",
] as const;

export type Refusal = (typeof REFUSALS)[number];

export interface ServeErrorOptions {
  readonly cause?: unknown;
  /** Seconds after which the same request may succeed. */
  readonly retryAfter?: number;
  readonly refusal?: Refusal;
}

/** The one error class: a closed code, a message that is safe to show to a client, and the cause, which is not. */
export class ServeError extends Error {
  readonly code: Code;
  readonly retryAfter: number | undefined;
  readonly refusal: Refusal | undefined;

  constructor(code: Code, message: string, options: ServeErrorOptions = {}) {
    // Half a surrogate pair, which a model's text may have, is no JSON to strict clients.
    super(message.replace(/\p{Surrogate}/gu, "\uFFFD"), options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "ServeError";
    this.code = code;
    this.retryAfter = options.retryAfter;
    this.refusal = options.refusal;
  }

  /** Any thrown value as a ServeError; what is not one already becomes `code` with a text that leaks nothing. */
  static from(value: unknown, code: Code = "INTERNAL", message = "internal error"): ServeError {
    return value instanceof ServeError ? value : new ServeError(code, message, { cause: value });
  }
}

/** The message of any thrown value, for logs and for statuses that only an operator reads. */
export function messageOf(value: unknown): string {
  return value instanceof Error ? value.message : String(value);
}

/** The first line of a reason, which everybody may read; others are for the operator: what a host has printed may name files. */
export function firstLine(text: string): string {
  return text.split("\n", 1)[0] as string;
}
