import { create, type DescEnum, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { messageOf, ServeError } from "../../core/errors.ts";
import { parseExactly } from "../../core/exact-json.ts";
import type { JsonObject, JsonValue } from "../../core/inference.ts";
import { enumNames, enumNumber, type FieldValue, LONGEST_TEXT, secondChoice, unknownField, wholeNumberBounds } from "../fields.ts";

/** @throws ServeError INVALID_ARGUMENT, for what is no JSON one that begins with "Invalid JSON" */
export function parseObject(text: string): JsonObject {
  if (text.length > LONGEST_TEXT) throw invalid(`${text.length} characters are more than ${LONGEST_TEXT}`);
  let value: JsonValue;
  try {
    value = parseExactly(text, 40);
  } catch (error) {
    throw invalid(`Invalid JSON: ${messageOf(error)}`);
  }
  if (isObject(value)) return value;
  throw invalid(`expected an object, got ${show(value)}`);
}

/**
 * Reads a message from its JSON as protobuf has it: names of fields in snake or camel case, numbers also as text, enumerations by name in
 * any case or by number; null says nothing.
 * @param path before the names of fields in messages, empty or with a dot at its end
 * @returns the fields that are there, by their names in the proto file
 * @throws ServeError INVALID_ARGUMENT that names the field
 */
export function readJson(value: JsonObject, message: ReflectMessage, path = ""): ReadonlySet<string> {
  const seen = new Set<string>();
  for (const [name, member] of Object.entries(value)) {
    const field = message.desc.fields.find((each) => each.name === name || each.jsonName === name);
    if (field === undefined) throw invalid(`${path}${unknownField(message.desc, name)}`);
    if (member === null) continue;
    if (seen.has(field.name)) throw invalid(`${path}${field.name} is there twice`);
    const other = field.oneof?.fields.find((each) => seen.has(each.name));
    if (other !== undefined) throw invalid(`${path}${secondChoice(field, other)}`);
    seen.add(field.name);
    setField(message, field, member, `${path}${field.name}`);
  }
  return seen;
}

function setField(message: ReflectMessage, field: DescField, value: JsonValue, path: string): void {
  switch (field.fieldKind) {
    case "list": {
      if (!Array.isArray(value)) throw expected("a list", value, path);
      const list = message.get(field);
      for (const [index, item] of value.entries()) list.add(itemOf(field, item, `${path}[${index}]`));
      return;
    }
    case "map": {
      if (!isObject(value)) throw expected("an object", value, path);
      const map = message.get(field);
      for (const [key, item] of Object.entries(value)) map.set(keyOf(field.mapKey, key, path), itemOf(field, item, `${path}.${key}`));
      return;
    }
    default:
      message.set(field, itemOf(field, value, path));
  }
}

function itemOf(
  field: { readonly scalar?: ScalarType | undefined; readonly enum?: DescEnum | undefined; readonly message?: DescMessage | undefined },
  value: JsonValue,
  path: string,
): FieldValue | ReflectMessage {
  if (field.message !== undefined) {
    if (!isObject(value)) throw expected("an object", value, path);
    const message = reflect(field.message, create(field.message));
    readJson(value, message, `${path}.`);
    return message;
  }
  if (field.enum !== undefined) return enumOf(field.enum, value, path);
  return scalarOf(field.scalar ?? ScalarType.STRING, value, path);
}

function enumOf(desc: DescEnum, value: JsonValue, path: string): number {
  const number = typeof value === "string" ? enumNumber(desc, value, false) : desc.values.find((each) => each.number === value)?.number;
  if (number === undefined) throw expected(`one of ${enumNames(desc)}`, value, path);
  return number;
}

function keyOf(type: ScalarType, key: string, path: string): string | number | bigint | boolean {
  if (type === ScalarType.STRING) return key;
  return scalarOf(type, key, `a key of ${path}`);
}

function scalarOf(type: ScalarType, value: JsonValue, path: string): FieldValue {
  if (type === ScalarType.STRING) {
    if (typeof value === "string" && !/\p{Surrogate}/u.test(value)) return value;
    throw expected("text", value, path);
  }
  if (type === ScalarType.BOOL) {
    if (typeof value === "boolean") return value;
    throw expected("true or false", value, path);
  }
  if (type === ScalarType.FLOAT || type === ScalarType.DOUBLE) return floatOf(type, value, path);
  const bounds = wholeNumberBounds(type);
  const whole = bounds === undefined ? undefined : wholeNumberOf(value);
  if (bounds !== undefined && whole !== undefined && whole >= bounds.least && whole <= bounds.most)
    return bounds.long ? whole : Number(whole);
  const range = bounds?.least === 0n ? "a whole number that is not negative" : "a whole number";
  throw expected(
    `${range}${whole === undefined || bounds === undefined || whole < bounds.least ? "" : ` up to ${bounds.most}`}`,
    value,
    path,
  );
}

function floatOf(type: ScalarType, value: JsonValue, path: string): number {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : typeof value === "bigint" ? Number(value) : value;
  if (typeof number !== "number" || (Number.isNaN(number) && value !== "NaN")) throw expected("a number", value, path);
  return type === ScalarType.FLOAT ? Math.fround(number) : number;
}

function wholeNumberOf(value: JsonValue): bigint | undefined {
  if (typeof value === "bigint") return value;
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : undefined;
  return typeof value === "string" && /^-?\d{1,20}$/.test(value) ? BigInt(value) : undefined;
}

function expected(what: string, value: JsonValue, path: string): ServeError {
  return invalid(`${path}: expected ${what}, got ${show(value)}`);
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function show(value: JsonValue): string {
  if (Array.isArray(value)) return "a list";
  if (isObject(value)) return "an object";
  const text = typeof value === "bigint" ? String(value) : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function invalid(message: string): ServeError {
  return new ServeError("INVALID_ARGUMENT", message);
}
