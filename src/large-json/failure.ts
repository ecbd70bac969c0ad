import { type Code, messageOf, ServeError } from "../core/errors.ts";

/** A ServeError on its way between threads. */
export interface Failure {
  readonly code: Code;
  readonly message: string;
  readonly retryAfter: number | undefined;
  /** For the server's own log. */
  readonly cause: string | undefined;
}

/** Any thrown value; what is no ServeError becomes INTERNAL, as it does without a thread. */
export function failureFrom(thrown: unknown): Failure {
  const { code, message, retryAfter, cause } = ServeError.from(thrown);
  return { code, message, retryAfter, cause: cause === undefined ? undefined : messageOf(cause) };
}

export function errorFrom({ code, message, retryAfter, cause }: Failure): ServeError {
  return new ServeError(code, message, {
    ...(retryAfter === undefined ? {} : { retryAfter }),
    ...(cause === undefined ? {} : { cause: new Error(cause) }),
  });
}
