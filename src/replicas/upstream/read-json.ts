import { messageOf, ServeError } from "../../core/errors.ts";
import type { JsonValue } from "../../core/inference.ts";
import { parseJson } from "../../encodings/index.ts";

/** The JSON that a server answered. @throws ServeError INTERNAL for what is none */
export function readJson(body: Uint8Array): JsonValue {
  return ofAnswer(() => parseJson(body));
}

/** What is wrong with an answer is the server's fault and not the client's. @throws ServeError INTERNAL for whatever `read` throws */
export function ofAnswer<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw new ServeError("INTERNAL", `the model's server answered something that cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
