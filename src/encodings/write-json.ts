import { stringify } from "lossless-json";
import type { JsonValue } from "../core/inference.ts";

/** JSON text without white space. Bigints become integers with all their digits, NaN and infinities null. */
export function writeJson(value: JsonValue): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    // JSON.stringify stops at the first bigint, so only such values pay for the slower way.
    if (!(error instanceof TypeError) || !error.message.includes("BigInt")) throw error;
    return stringify(value) as string;
  }
}
