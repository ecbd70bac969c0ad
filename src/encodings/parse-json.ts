import { isUtf8 } from "node:buffer";
import { messageOf, ServeError } from "../core/errors.ts";
import { parseExactly } from "../core/exact-json.ts";
import type { JsonValue } from "../core/inference.ts";
import { scanJson } from "./scan-json.ts";

/** Longer ones are outside of UINT64 and INT64 anyway, and cost more to read than their bytes. */
const MAX_EXACT_LENGTH = 20;

/**
 * The value of a JSON text in UTF-8. Integers that a double cannot hold exactly are bigints, when 64 bits hold them.
 * @throws ServeError INVALID_ARGUMENT for what is not JSON, not UTF-8, nested more than 100 deep, or
 * has too many lists and objects
 */
export function parseJson(bytes: Uint8Array): JsonValue {
  const { longIntegers, ascii } = scanJson(bytes);
  const buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!ascii && !isUtf8(buffer)) throw notJson("the body is not valid UTF-8");
  const text = buffer.toString(ascii ? "latin1" : "utf8");
  try {
    return (longIntegers ? parseExactly(text, MAX_EXACT_LENGTH) : JSON.parse(text)) as JsonValue;
  } catch (error) {
    throw notJson(bytes.byteLength === 0 ? "the body is empty, expected a JSON object" : messageOf(error));
  }
}

function notJson(reason: string): ServeError {
  return new ServeError("INVALID_ARGUMENT", `Unrecognized request format: ${reason}`);
}
