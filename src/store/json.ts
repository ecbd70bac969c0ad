import type { JsonValue } from "../core/inference.ts";

/** Begins a string that stands for something else: a bigint with its digits, or, twice, a string that begins with it. */
const MARK = "\0";
const ESCAPED_MARK = "\\u0000";

/**
 * JSON text from which {@link parseJson} makes the same value again: bigints stay bigints, doubles doubles.
 * @throws TypeError for what is not JSON, NaN and the infinities included
 */
export function stringifyJson(value: object): string {
  return JSON.stringify(value, mark);
}

/** The value that was given to {@link stringifyJson}. */
export function parseJson(text: string): JsonValue {
  return JSON.parse(text, text.includes(ESCAPED_MARK) ? unmark : undefined) as JsonValue;
}

function mark(_key: string, value: unknown): unknown {
  if (typeof value === "bigint" || (typeof value === "string" && value.startsWith(MARK))) return `${MARK}${value}`;
  if (typeof value === "number" && !Number.isFinite(value)) throw new TypeError(`${value} is not a number of JSON`);
  return value;
}

function unmark(_key: string, value: unknown): unknown {
  if (typeof value !== "string" || !value.startsWith(MARK)) return value;
  const marked = value.slice(MARK.length);
  return marked.startsWith(MARK) ? marked : BigInt(marked);
}
