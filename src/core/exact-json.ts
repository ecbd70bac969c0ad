import { randomBytes } from "node:crypto";
import type { JsonValue } from "./inference.ts";

/** Begins a string that stands for a long integer. Nobody outside of this process knows it, so no other string begins with it. */
const MARK = randomBytes(6).toString("base64url");

/** The shortest integer that a double may not hold has so many digits. */
const LONG_DIGITS = 16;

const QUOTE = 0x22;
const PLUS = 0x2b;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const UPPER_E = 0x45;
const BACKSLASH = 0x5c;
const LOWER_E = 0x65;

/**
 * The value of a JSON text; integers that a double cannot hold exactly are bigints, unless they have more than `longest` characters.
 * It is JSON.parse that reads the text, with strings in the place of these integers: so duplicate keys, `__proto__` and long strings
 * are what they are there, and what they cost.
 * @throws SyntaxError
 */
export function parseExactly(text: string, longest = Number.POSITIVE_INFINITY): JsonValue {
  const quoted = quoteLongIntegers(text, longest);
  if (quoted === undefined) return JSON.parse(text) as JsonValue;
  try {
    return restore(JSON.parse(quoted) as JsonValue);
  } catch {
    // The error is to show the text as it came.
    JSON.parse(text);
    throw new SyntaxError("an integer is where a key is expected");
  }
}

function restore(value: JsonValue): JsonValue {
  if (typeof value === "string") return value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) value[index] = restore(value[index] as JsonValue);
    return value;
  }
  for (const key of Object.keys(value)) {
    if (key.startsWith(MARK)) throw new SyntaxError("a number is no key");
    // A member called __proto__ is the object's own, so that this does not change its prototype.
    value[key] = restore(value[key] as JsonValue);
  }
  return value;
}

/** Undefined when there are none. What is not JSON stays what is not JSON. */
function quoteLongIntegers(text: string, longest: number): string | undefined {
  let quoted = "";
  let taken = 0;
  let index = 0;
  while (index < text.length) {
    const start = index;
    const code = text.charCodeAt(index++);
    if (code === QUOTE) {
      index = endOfString(text, index);
    } else if (isDigit(code) || code === MINUS) {
      while (isDigit(text.charCodeAt(index))) index++;
      const end = index;
      while (continuesNumber(text.charCodeAt(index))) index++;
      if (end < index || !isLong(text, start, end, longest)) continue;
      quoted += `${text.slice(taken, start)}"${MARK}${text.slice(start, end)}"`;
      taken = end;
    }
  }
  return quoted === "" ? undefined : quoted + text.slice(taken);
}

function isLong(text: string, start: number, end: number, longest: number): boolean {
  const first = text.charCodeAt(start) === MINUS ? start + 1 : start;
  if (end - first < LONG_DIGITS || end - start > longest || text.charCodeAt(first) === ZERO) return false;
  return end - first > LONG_DIGITS || !Number.isSafeInteger(Number(text.slice(start, end)));
}

function endOfString(text: string, from: number): number {
  let index = from;
  while (index < text.length) {
    const code = text.charCodeAt(index++);
    if (code === QUOTE) break;
    if (code === BACKSLASH) index++;
  }
  return index;
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

/** A fraction or an exponent. */
function continuesNumber(code: number): boolean {
  return isDigit(code) || code === DOT || code === LOWER_E || code === UPPER_E || code === PLUS || code === MINUS;
}
