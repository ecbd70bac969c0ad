import { stringify } from "lossless-json";
import { parseExactly } from "../core/exact-json.ts";
import type { JsonValue } from "../core/inference.ts";

/** An integer literal of 16 digits or more: the shortest that may not fit a double. Also found inside of strings, which costs only time. */
const LONG_INTEGER = /(?:^|[^\d.])\d{16,}(?![\d.eE])/;

/**
 * The value of a JSON text; integers that a double cannot hold exactly are bigints.
 * @throws SyntaxError
 */
export function parseJson(text: string): JsonValue {
  if (!LONG_INTEGER.test(text)) return JSON.parse(text) as JsonValue;
  return parseExactly(text);
}

/** JSON text that has been made already. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/**
 * JSON text without white space; bigints become integer literals.
 * @throws TypeError for values that refer to themselves
 */
export function stringifyJson(value: object): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    // JSON.stringify stops at the first bigint, so only such values pay for the slower way.
    if (!(error instanceof TypeError) || !error.message.includes("BigInt")) throw error;
    return stringify(value) as string;
  }
}
