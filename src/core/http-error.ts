import { type Code, ServeError } from "./errors.ts";

export type RefusalStatus = 400 | 405 | 408 | 413 | 415 | 417 | 429 | 431;

const CODES: Readonly<Record<RefusalStatus, Code>> = {
  400: "INVALID_ARGUMENT",
  405: "UNIMPLEMENTED",
  408: "DEADLINE_EXCEEDED",
  413: "RESOURCE_EXHAUSTED",
  415: "UNIMPLEMENTED",
  417: "UNIMPLEMENTED",
  429: "RESOURCE_EXHAUSTED",
  431: "RESOURCE_EXHAUSTED",
};

/** What HTTP itself refuses, whatever the protocol: it has HTTP's own status, and the protocol only makes the body. */
export class HttpError extends ServeError {
  readonly status: RefusalStatus;

  constructor(status: RefusalStatus, message: string, options: { readonly cause?: unknown; readonly code?: Code } = {}) {
    super(options.code ?? CODES[status], message, options);
    this.status = status;
  }
}
