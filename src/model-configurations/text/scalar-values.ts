import { type DescEnum, ScalarType } from "@bufbuild/protobuf";
import { closestNames } from "../../core/closest.ts";
import { enumNames, enumNumber, type FieldValue, wholeNumberBounds } from "../fields.ts";
import { errorAt } from "./position.ts";
import { bytesOfLiteral, LiteralError } from "./string-literals.ts";
import type { Token, Tokens } from "./tokens.ts";

const TRUE = ["true", "True", "t"];
const FALSE = ["false", "False", "f"];

/**
 * @param name of the field, for messages
 * @throws ServeError INVALID_ARGUMENT
 */
export function readScalarValue(tokens: Tokens, type: ScalarType, name: string): FieldValue {
  if (type === ScalarType.STRING) return readString(tokens, name);
  if (type === ScalarType.BOOL) return readBool(tokens, name);
  if (type === ScalarType.FLOAT || type === ScalarType.DOUBLE) return readFloat(tokens, type, name);
  return readWholeNumber(tokens, type, name);
}

/** By name or by number. */
export function readEnumValue(tokens: Tokens, desc: DescEnum, name: string): number {
  const expected = `one of ${enumNames(desc)} for ${name}`;
  if (tokens.next.kind === "name") {
    const token = tokens.take();
    const number = enumNumber(desc, token.text, true);
    if (number !== undefined) return number;
    const [closest] = closestNames(
      token.text,
      desc.values.map((value) => value.name),
    );
    throw tokens.unexpected(`${expected}${closest === undefined ? "" : `; did you mean ${closest}?`}`, token);
  }
  const [token, value] = readInteger(tokens, expected);
  if (desc.values.some(({ number }) => BigInt(number) === value)) return Number(value);
  throw tokens.unexpected(expected, token);
}

/** Literals beside each other are one text. */
function readString(tokens: Tokens, name: string): string {
  const first = tokens.next;
  if (first.kind !== "text") throw tokens.unexpected(`a text in quotes for ${name}`);
  const parts: Buffer[] = [];
  while (tokens.next.kind === "text") {
    const token = tokens.take();
    try {
      parts.push(bytesOfLiteral(token.text));
    } catch (error) {
      if (error instanceof LiteralError) throw errorAt(tokens.source, token.offset + error.index, error.message);
      throw error;
    }
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(parts));
  } catch {
    throw tokens.error(first, `the bytes of ${name} are no UTF-8, expected text`);
  }
}

function readBool(tokens: Tokens, name: string): boolean {
  const expected = `true or false for ${name}`;
  if (tokens.next.kind === "name") {
    const token = tokens.take();
    if (TRUE.includes(token.text)) return true;
    if (FALSE.includes(token.text)) return false;
    throw tokens.unexpected(expected, token);
  }
  const [token, value] = readInteger(tokens, expected);
  if (value !== 0n && value !== 1n) throw tokens.unexpected(expected, token);
  return value === 1n;
}

function readFloat(tokens: Tokens, type: ScalarType.FLOAT | ScalarType.DOUBLE, name: string): number {
  const sign = tokens.takes("-") ? -1 : 1;
  const token = tokens.next;
  const expected = `a number for ${name}`;
  let value: number | undefined;
  if (token.kind === "name")
    value = { inf: Number.POSITIVE_INFINITY, infinity: Number.POSITIVE_INFINITY, nan: Number.NaN }[token.text.toLowerCase()];
  // What begins with 0 is octal or hexadecimal, which no float is.
  else if (token.kind === "float" || (token.kind === "integer" && /^(?:0|[1-9]\d*)$/.test(token.text)))
    value = Number.parseFloat(token.text);
  if (value === undefined) throw tokens.unexpected(expected);
  tokens.take();
  return type === ScalarType.FLOAT ? Math.fround(sign * value) : sign * value;
}

function readWholeNumber(tokens: Tokens, type: ScalarType, name: string): number | bigint {
  const bounds = wholeNumberBounds(type);
  if (bounds === undefined) throw tokens.unexpected(`a field other than ${name}, whose type is unknown`);
  const [token, value] = readInteger(tokens, `a whole number for ${name}`);
  if (value < bounds.least || value > bounds.most) {
    throw tokens.error(token, `found ${value}, expected a whole number from ${bounds.least} to ${bounds.most} for ${name}`);
  }
  return bounds.long ? value : Number(value);
}

function readInteger(tokens: Tokens, expected: string): readonly [Token, bigint] {
  const first = tokens.next;
  const isNegative = tokens.takes("-");
  if (tokens.next.kind !== "integer") throw tokens.unexpected(expected);
  const token = tokens.take();
  // More digits than any bound has need no arithmetic.
  if (token.text.length > 100) throw tokens.unexpected(expected, token);
  const value = integerOf(token.text);
  return [first, isNegative ? -value : value];
}

function integerOf(text: string): bigint {
  if (/^0[xX]/.test(text)) return BigInt(text);
  return BigInt(/^0\d/.test(text) ? `0o${text.slice(1)}` : text);
}
