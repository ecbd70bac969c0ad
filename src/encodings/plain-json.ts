import { isUtf8 } from "node:buffer";
import type { JsonValue } from "../core/inference.ts";
import { parseJson } from "./parse-json.ts";

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const LOWER_E = 0x65;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
/** What E has not and e has, and what a bracket of a list has not and one of an object has. */
const CASE_BIT = 0x20;

/** Far below what the parser takes. */
const MAX_DEPTH = 20;

/** So many digits are exact in a double, and so is a power of ten with as many zeros: their quotient is rounded once, as it should be. */
const EXACT_DIGITS = 15;
/** Digits up to which powers of ten are exact, and the sum of digits is off by less than {@link MOST_ERROR}. */
const MOST_DIGITS = 19;
const MOST_ERROR = 2 ** -47;
const POWERS = Array.from({ length: MOST_DIGITS + 1 }, (_, exponent) => Number(`1e${exponent}`));

/** Numbers and texts that are given to the parser one by one: with more of them, the parser is quicker with the whole. */
const MOST_PARSED = 16;

const encoder = new TextEncoder();

/**
 * Reads JSON in UTF-8 where it stands, for who knows what comes next. What it does not know, JSON or not, is for the parser: the function
 * that met it says so, and the rest is not to be read.
 */
export class PlainJson {
  readonly #bytes: Buffer;
  #at = 0;
  /** All bytes of strings together: above 127 when one of them is. */
  #seen = 0;
  #parsed = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get bytesLeft(): number {
    return this.#bytes.length - this.#at;
  }

  /** The next byte that is no white space; -1 at the end. */
  peek(): number {
    const bytes = this.#bytes;
    for (let at = this.#at; at < bytes.length; at++) {
      const byte = bytes[at] as number;
      if (byte === SPACE || byte === LINE_FEED || byte === CARRIAGE_RETURN || byte === TAB) continue;
      this.#at = at;
      return byte;
    }
    this.#at = bytes.length;
    return -1;
  }

  /** Whether it is the next one, which then is read. */
  take(byte: number): boolean {
    if (this.peek() !== byte) return false;
    this.#at++;
    return true;
  }

  /** Whether all has been read, and is UTF-8. */
  ends(): boolean {
    return this.peek() === -1 && (this.#seen < 0x80 || isUtf8(this.#bytes));
  }

  /** Whether a member of this name follows: ASCII, written without escapes. Then its value is next. */
  takeKey(key: string): boolean {
    if (this.peek() !== QUOTE) return false;
    const bytes = this.#bytes;
    const quote = this.#at;
    const end = quote + key.length + 1;
    if (byteAt(bytes, end) !== QUOTE) return false;
    for (let index = 0; index < key.length; index++) if (bytes[quote + 1 + index] !== key.charCodeAt(index)) return false;
    this.#at = end + 1;
    if (this.take(COLON)) return true;
    this.#at = quote;
    return false;
  }

  /** A string of ASCII without escapes. */
  ascii(): string | undefined {
    if (!this.take(QUOTE)) return undefined;
    const bytes = this.#bytes;
    const start = this.#at;
    const seen = this.#seen;
    this.#seen = 0;
    const end = this.#endOfPlain();
    if (byteAt(bytes, end) !== QUOTE || this.#seen >= 0x80) return undefined;
    this.#seen = seen;
    this.#at = end + 1;
    return bytes.toString("latin1", start, end);
  }

  /** The UTF-8 of a string: a view where nothing in it is escaped. */
  utf8(): Uint8Array | undefined {
    if (!this.take(QUOTE)) return undefined;
    const bytes = this.#bytes;
    const start = this.#at;
    const plain = this.#endOfPlain();
    const end = byteAt(bytes, plain) === BACKSLASH ? this.#endOfString() : plain;
    if (byteAt(bytes, end) !== QUOTE) return undefined;
    this.#at = end + 1;
    if (end === plain) return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
    if (++this.#parsed > MOST_PARSED) return undefined;
    const text = parsed(bytes.subarray(start - 1, this.#at));
    return typeof text === "string" ? encoder.encode(text) : undefined;
  }

  /** A list or an object, read by the parser. */
  container(): JsonValue | undefined {
    const bytes = this.#bytes;
    let next = this.peek();
    const start = this.#at;
    for (let depth = 0; next !== -1; next = this.peek()) {
      const bracket = next | CASE_BIT;
      this.#at++;
      if (next === QUOTE) {
        this.#at = this.#endOfString() + 1;
      } else if (bracket === OPEN_BRACE) {
        if (++depth > MAX_DEPTH) return undefined;
      } else if (bracket === CLOSE_BRACE) depth--;
      if (depth <= 0) break;
    }
    return parsed(bytes.subarray(start, this.#at));
  }

  /** A number as JSON.parse rounds it; NaN for what is none, or an integer of more digits than a double has. */
  number(): number {
    return this.#number(false);
  }

  /** The same rounded to single precision, which takes less time. */
  single(): number {
    return this.#number(true);
  }

  #number(single: boolean): number {
    const bytes = this.#bytes;
    let byte = this.peek();
    const start = this.#at;
    let at = start;
    if (byte === MINUS) byte = byteAt(bytes, ++at);
    const first = at;
    const isZeroFirst = byte === ZERO;
    let sum = 0;
    while (byte >= ZERO && byte <= NINE) {
      sum = sum * 10 + (byte - ZERO);
      byte = byteAt(bytes, ++at);
    }
    const integerDigits = at - first;
    if (integerDigits === 0 || (isZeroFirst && integerDigits > 1)) return Number.NaN;
    let digits = integerDigits;
    if (byte === DOT) {
      const point = at;
      byte = byteAt(bytes, ++at);
      while (byte >= ZERO && byte <= NINE) {
        sum = sum * 10 + (byte - ZERO);
        byte = byteAt(bytes, ++at);
      }
      if (at === point + 1) return Number.NaN;
      digits += at - point - 1;
    }
    this.#at = at;
    if ((byte | CASE_BIT) === LOWER_E) return this.#exponent() ? this.#parsedNumber(start) : Number.NaN;
    if (digits <= MOST_DIGITS) {
      const value = (first > start ? -sum : sum) / (POWERS[digits - integerDigits] as number);
      if (digits <= EXACT_DIGITS) return value;
      // Rounding never changes the order of numbers: where both ends of what it may be become the same, so does what it is.
      const end = Math.fround(value * (1 - MOST_ERROR));
      if (single && end === Math.fround(value * (1 + MOST_ERROR))) return end;
    }
    return digits === integerDigits ? Number.NaN : this.#parsedNumber(start);
  }

  /** Whether there are digits in an exponent, which then is read. */
  #exponent(): boolean {
    const bytes = this.#bytes;
    let at = this.#at + 1;
    const sign = byteAt(bytes, at);
    if (sign === PLUS || sign === MINUS) at++;
    const first = at;
    for (let byte = byteAt(bytes, at); byte >= ZERO && byte <= NINE; byte = byteAt(bytes, ++at));
    this.#at = at;
    return at > first;
  }

  #parsedNumber(start: number): number {
    if (++this.#parsed > MOST_PARSED) return Number.NaN;
    return Number(this.#bytes.toString("latin1", start, this.#at));
  }

  /** Where there is the end of a string, or what no string has. */
  #endOfString(): number {
    let end = this.#endOfPlain();
    while (byteAt(this.#bytes, end) === BACKSLASH) {
      this.#at = end + 2;
      end = this.#endOfPlain();
    }
    return end;
  }

  /** Where there is the end of a string, an escape, or what no string has. */
  #endOfPlain(): number {
    const bytes = this.#bytes;
    const { length } = bytes;
    let seen = this.#seen;
    let at = this.#at;
    for (; at < length; at++) {
      const byte = bytes[at] as number;
      if (byte === QUOTE || byte === BACKSLASH || byte < SPACE) break;
      seen |= byte;
    }
    this.#seen = seen;
    return at;
  }
}

/** -1 behind the end. To read there would make all reading slower. */
function byteAt(bytes: Buffer, at: number): number {
  return at < bytes.length ? (bytes[at] as number) : -1;
}

function parsed(bytes: Uint8Array): JsonValue | undefined {
  try {
    return parseJson(bytes);
  } catch {
    return undefined;
  }
}
