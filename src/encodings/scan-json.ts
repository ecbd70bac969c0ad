import { ServeError } from "../core/errors.ts";

export interface JsonScan {
  /** Some integer has more than 15 digits, so a double may not hold it. */
  readonly longIntegers: boolean;
  /** No byte is above 127. */
  readonly ascii: boolean;
}

const MAX_DEPTH = 100;
/** Lists and objects in one text: empty ones are 3 bytes each, but more than ten times as many once they are values. */
const MAX_CONTAINERS = 2_000_000;
/** Strings in one text, keys too: those that are all different take a microsecond or more each, while nothing else is answered. */
const MAX_STRINGS = 2_000_000;
const MAX_SAFE_DIGITS = 15;

const QUOTE = 0x22;
const PLUS = 0x2b;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const UPPER_E = 0x45;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LOWER_E = 0x65;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * One pass over a JSON text in UTF-8, before it is parsed. What is not JSON passes; the parser refuses it.
 * @throws ServeError INVALID_ARGUMENT when lists and objects are nested more than 100 deep, or they or strings are too many
 */
export function scanJson(bytes: Uint8Array): JsonScan {
  const { length } = bytes;
  let depth = 0;
  let containers = 0;
  let strings = 0;
  let seen = 0;
  let longIntegers = false;
  let index = 0;
  while (index < length) {
    const byte = bytes[index++] as number;
    seen |= byte;
    if (byte === QUOTE) {
      if (++strings > MAX_STRINGS) {
        throw new ServeError("INVALID_ARGUMENT", `the JSON has more than ${MAX_STRINGS} strings and keys; send binary tensors`);
      }
      while (index < length) {
        const inside = bytes[index++] as number;
        if (inside === QUOTE) break;
        seen |= inside;
        if (inside === BACKSLASH) index++;
      }
    } else if ((byte >= ZERO && byte <= NINE) || byte === MINUS) {
      const start = byte === MINUS ? index : index - 1;
      while (isDigit(bytes[index])) index++;
      const digits = index - start;
      if (!continuesNumber(bytes[index])) longIntegers ||= digits > MAX_SAFE_DIGITS;
      else while (continuesNumber(bytes[index])) index++;
    } else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
      if (++depth > MAX_DEPTH) {
        throw new ServeError("INVALID_ARGUMENT", `JSON nesting depth exceeds maximum allowed limit (${MAX_DEPTH})`);
      }
      if (++containers > MAX_CONTAINERS) {
        throw new ServeError("INVALID_ARGUMENT", `the JSON has more than ${MAX_CONTAINERS} lists and objects; send binary tensors`);
      }
    } else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) {
      depth--;
    }
  }
  return { longIntegers, ascii: seen < 0x80 };
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

/** A fraction or an exponent: digits there do not make an integer long. */
function continuesNumber(byte: number | undefined): boolean {
  return isDigit(byte) || byte === DOT || byte === LOWER_E || byte === UPPER_E || byte === PLUS || byte === MINUS;
}
