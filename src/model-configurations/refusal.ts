import { ServeError } from "../core/errors.ts";

/** What is wrong with a configuration, in the words of Triton's checks where it has the same one. */
export function refusal(message: string): ServeError {
  return new ServeError("INVALID_ARGUMENT", message);
}
