import { isUtf8 } from "node:buffer";
import { parse } from "lossless-json";
import { messageOf, ServeError } from "../../core/errors.ts";
import type { JsonValue } from "../../core/inference.ts";
import { scanJson } from "./scan-json.ts";

/** Longer ones are outside of UINT64 and INT64 anyway, and cost more to read than their bytes. */
const MAX_EXACT_LENGTH = 20;

const LOSSLESS = {
  parseNumber(text: string): number | bigint {
    const number = Number(text);
    return Number.isSafeInteger(number) || text.length > MAX_EXACT_LENGTH || /[.eE]/.test(text) ? number : BigInt(text);
  },
  onDuplicateKey: ({ newValue }: { newValue: unknown }): unknown => newValue,
};

/**
 * The value of a JSON text in UTF-8. Integers that a double cannot hold exactly are bigints, when 64 bits hold them.
 * @throws ServeError INVALID_ARGUMENT for what is not JSON, not UTF-8, or nested more than 100 deep
 */
export function parseJson(bytes: Uint8Array): JsonValue {
  const { longIntegers, ascii } = scanJson(bytes);
  const buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!ascii && !isUtf8(buffer)) throw notJson("the body is not valid UTF-8");
  const text = buffer.toString(ascii ? "latin1" : "utf8");
  try {
    return (longIntegers ? parse(text, null, LOSSLESS) : JSON.parse(text)) as JsonValue;
  } catch (error) {
    throw notJson(bytes.byteLength === 0 ? "the body is empty, expected a JSON object" : messageOf(error));
  }
}

function notJson(reason: string): ServeError {
  return new ServeError("INVALID_ARGUMENT", `Unrecognized request format: ${reason}`);
}
