import { ServeError } from "../../core/errors.ts";

/** The connection to the model's server ended under a call: whether the server has ended too is known a moment later. */
export class ConnectionLostError extends ServeError {
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super("UNAVAILABLE", message, { ...options, retryAfter: 1 });
  }
}
