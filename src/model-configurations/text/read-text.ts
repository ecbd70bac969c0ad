import { create, type DescEnum, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { ServeError } from "../../core/errors.ts";
import { type FieldValue, LONGEST_TEXT, secondChoice, unknownField, zeroOf } from "../fields.ts";
import type { NamedText } from "./position.ts";
import { readEnumValue, readScalarValue } from "./scalar-values.ts";
import { type Token, Tokens } from "./tokens.ts";

type MapField = DescField & { fieldKind: "map" };
type ListField = DescField & { fieldKind: "list" };

/**
 * Reads a message in protocol buffers' text format into `message`, after protobuf.dev/reference/protobuf/textformat-spec. How deep it may
 * go is said by its descriptor, because no message of a configuration has one of its own kind in it.
 * @returns the fields that are there, by their names
 * @throws ServeError INVALID_ARGUMENT with file, line and column
 */
export function readText(source: NamedText, message: ReflectMessage): ReadonlySet<string> {
  if (source.text.length > LONGEST_TEXT) {
    throw new ServeError("INVALID_ARGUMENT", `${source.file}: ${source.text.length} characters are more than ${LONGEST_TEXT}`);
  }
  const tokens = new Tokens(source);
  return readFields(tokens, message, undefined);
}

/** Until `end`, which is taken too; undefined for the end of the text. */
function readFields(tokens: Tokens, message: ReflectMessage, end: string | undefined): ReadonlySet<string> {
  const seen = new Set<string>();
  while (end === undefined ? tokens.next.kind !== "end" : !tokens.takes(end)) {
    const field = readFieldName(tokens, message.desc, end);
    readField(tokens, message, field, seen);
    if (!tokens.takes(",")) tokens.takes(";");
  }
  return seen;
}

function readFieldName(tokens: Tokens, desc: DescMessage, end: string | undefined): { readonly field: DescField; readonly token: Token } {
  if (tokens.next.kind !== "name") {
    throw tokens.unexpected(`the name of a field of ${desc.name}${end === undefined ? "" : ` or ${end}`}`);
  }
  const token = tokens.take();
  const field = desc.fields.find(({ name }) => name === token.text);
  if (field === undefined) throw tokens.error(token, unknownField(desc, token.text));
  return { field, token };
}

function readField(
  tokens: Tokens,
  message: ReflectMessage,
  { field, token }: { readonly field: DescField; readonly token: Token },
  seen: Set<string>,
): void {
  const isRepeated = field.fieldKind === "list" || field.fieldKind === "map";
  if (!isRepeated) {
    if (seen.has(field.name)) throw tokens.error(token, `${field.name} is there a second time, and may be there once`);
    const other = field.oneof?.fields.find(({ name }) => seen.has(name));
    if (other !== undefined) throw tokens.error(token, secondChoice(field, other));
  }
  seen.add(field.name);
  const hasColon = tokens.takes(":");
  const isMessage = isOfMessages(field);
  if (!hasColon && !isMessage) throw tokens.unexpected(`: and a value for ${field.name}`);
  // Without a colon a list can only be one of messages.
  if (isRepeated && tokens.takes("[")) {
    if (tokens.takes("]")) return;
    do readValue(tokens, message, field);
    while (tokens.takes(","));
    if (!tokens.takes("]")) throw tokens.unexpected(`, or ] in the list of ${field.name}`);
  } else {
    readValue(tokens, message, field);
  }
}

function isOfMessages(field: DescField): boolean {
  return field.fieldKind === "message" || field.fieldKind === "map" || (field.fieldKind === "list" && field.listKind === "message");
}

/** One value: of a repeated field one more. */
function readValue(tokens: Tokens, message: ReflectMessage, field: DescField): void {
  switch (field.fieldKind) {
    case "scalar":
      message.set(field, readScalarValue(tokens, field.scalar, field.name));
      return;
    case "enum":
      message.set(field, readEnumValue(tokens, field.enum, field.name));
      return;
    case "message":
      message.set(field, readMessage(tokens, field.message, field.name));
      return;
    case "list":
      message.get(field).add(readItem(tokens, field));
      return;
    case "map":
      readEntry(tokens, message, field);
  }
}

function readItem(tokens: Tokens, field: ListField): FieldValue | ReflectMessage {
  switch (field.listKind) {
    case "scalar":
      return readScalarValue(tokens, field.scalar, field.name);
    case "enum":
      return readEnumValue(tokens, field.enum, field.name);
    case "message":
      return readMessage(tokens, field.message, field.name);
  }
}

function readMessage(tokens: Tokens, desc: DescMessage, name: string): ReflectMessage {
  const message = reflect(desc, create(desc));
  readFields(tokens, message, readOpening(tokens, name));
  return message;
}

/** What closes the braces that are opened here. */
function readOpening(tokens: Tokens, name: string): "}" | ">" {
  if (tokens.takes("{")) return "}";
  if (tokens.takes("<")) return ">";
  throw tokens.unexpected(`{ and the fields of ${name}`);
}

/** An entry of a map is a message of the fields key and value, each of which may be missing. The last of several with one key counts. */
function readEntry(tokens: Tokens, message: ReflectMessage, field: MapField): void {
  const end = readOpening(tokens, field.name);
  let key: FieldValue | undefined;
  let value: FieldValue | ReflectMessage | undefined;
  while (!tokens.takes(end)) {
    if (tokens.next.kind !== "name") throw tokens.unexpected(`key, value or ${end} in an entry of ${field.name}`);
    const token = tokens.take();
    if (token.text !== "key" && token.text !== "value") {
      throw tokens.error(token, `an entry of ${field.name} has no field ${JSON.stringify(token.text)}; there are key and value`);
    }
    if ((token.text === "key" ? key : value) !== undefined) {
      throw tokens.error(token, `${token.text} is there a second time, and may be there once`);
    }
    const hasColon = tokens.takes(":");
    if (!hasColon && (token.text === "key" || field.mapKind !== "message")) throw tokens.unexpected(`: and a value for ${token.text}`);
    if (token.text === "key") key = readScalarValue(tokens, field.mapKey, "key");
    else value = readMapValue(tokens, field);
    if (!tokens.takes(",")) tokens.takes(";");
  }
  message.get(field).set(key ?? zeroOf(field.mapKey), value ?? emptyMapValue(field));
}

function readMapValue(tokens: Tokens, field: MapField): FieldValue | ReflectMessage {
  switch (field.mapKind) {
    case "scalar":
      return readScalarValue(tokens, field.scalar, "value");
    case "enum":
      return readEnumValue(tokens, field.enum as DescEnum, "value");
    case "message":
      return readMessage(tokens, field.message, "value");
  }
}

function emptyMapValue(field: MapField): FieldValue | ReflectMessage {
  if (field.mapKind === "message") return reflect(field.message, create(field.message));
  return zeroOf(field.mapKind === "scalar" ? field.scalar : ScalarType.INT32);
}
