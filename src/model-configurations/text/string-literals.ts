/** A mistake in a literal: `index` counts from its opening quote. */
export class LiteralError extends Error {
  readonly index: number;

  constructor(index: number, message: string) {
    super(message);
    this.index = index;
  }
}

const SIMPLE_ESCAPES: Readonly<Record<string, number>> = {
  a: 0x07,
  b: 0x08,
  f: 0x0c,
  n: 0x0a,
  r: 0x0d,
  t: 0x09,
  v: 0x0b,
  "?": 0x3f,
  "\\": 0x5c,
  "'": 0x27,
  '"': 0x22,
};

/** Digits of escapes of bytes and of characters, behind what begins them. */
const HEXADECIMAL = /^[0-9A-Fa-f]{1,2}/;
const OCTAL = /^[0-7]{1,3}/;

/**
 * The bytes that a literal of the text format stands for, in one pair of quotes.
 * @throws LiteralError
 */
export function bytesOfLiteral(literal: string): Buffer {
  const parts: Buffer[] = [];
  let index = 1;
  while (index < literal.length - 1) {
    const next = literal.indexOf("\\", index);
    const end = next === -1 ? literal.length - 1 : next;
    if (end > index) parts.push(Buffer.from(literal.slice(index, end)));
    index = end;
    if (index < literal.length - 1) {
      const [bytes, length] = escapeAt(literal, index);
      parts.push(bytes);
      index += length;
    }
  }
  return Buffer.concat(parts);
}

/** The bytes of the escape that begins at the backslash, and how many characters it has. */
function escapeAt(literal: string, index: number): readonly [Buffer, number] {
  const letter = literal[index + 1] ?? "";
  const simple = SIMPLE_ESCAPES[letter];
  if (simple !== undefined) return [Buffer.of(simple), 2];
  const octal = OCTAL.exec(literal.slice(index + 1, index + 4))?.[0];
  if (octal !== undefined) {
    const value = Number.parseInt(octal, 8);
    if (value > 0xff) throw new LiteralError(index, `the escape \\${octal} is above \\377`);
    return [Buffer.of(value), 1 + octal.length];
  }
  if (letter === "x" || letter === "X") {
    const digits = HEXADECIMAL.exec(literal.slice(index + 2, index + 4))?.[0];
    if (digits === undefined) throw new LiteralError(index, `expected hexadecimal digits after \\${letter}`);
    return [Buffer.of(Number.parseInt(digits, 16)), 2 + digits.length];
  }
  if (letter === "u" || letter === "U") return characterAt(literal, index, letter === "u" ? 4 : 8);
  throw new LiteralError(index, `there is no escape \\${letter}; a backslash itself is \\\\`);
}

function characterAt(literal: string, index: number, digits: 4 | 8): readonly [Buffer, number] {
  const first = codeAt(literal, index, digits);
  const length = 2 + digits;
  if (first >= 0xd800 && first <= 0xdbff && digits === 4 && literal.startsWith("\\u", index + length)) {
    const second = codeAt(literal, index + length, 4);
    if (second >= 0xdc00 && second <= 0xdfff) return [Buffer.from(String.fromCharCode(first, second)), 2 * length];
  }
  if ((first >= 0xd800 && first <= 0xdfff) || first > 0x10ffff) {
    throw new LiteralError(index, `\\${literal.slice(index + 1, index + length)} is no character`);
  }
  return [Buffer.from(String.fromCodePoint(first)), length];
}

function codeAt(literal: string, index: number, digits: 4 | 8): number {
  const text = literal.slice(index + 2, index + 2 + digits);
  if (text.length === digits && /^[0-9A-Fa-f]+$/.test(text)) return Number.parseInt(text, 16);
  throw new LiteralError(index, `expected ${digits} hexadecimal digits after ${literal.slice(index, index + 2)}`);
}
