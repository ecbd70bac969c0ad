import { create, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import fc from "fast-check";
import { wholeNumberBounds } from "../src/model-configurations/fields.ts";

type Kinds = Pick<DescField, "scalar" | "enum" | "message">;

/** Any message of a type, for tests. Messages in it become fewer with their depth. */
export function anyMessage(desc: DescMessage, depth = 0): fc.Arbitrary<ReflectMessage> {
  const names = desc.fields.map(({ name }) => name);
  return fc.subarray(names, { maxLength: Math.min(names.length, 5 - depth) }).chain((wanted) => {
    const fields = desc.fields.filter(({ name }) => wanted.includes(name));
    return fc.tuple(...fields.map((field) => anyField(field, depth + 1))).map((values) => {
      const message = reflect(desc, create(desc));
      for (const [index, field] of fields.entries()) setField(message, field, values[index]);
      return message;
    });
  });
}

function setField(message: ReflectMessage, field: DescField, value: unknown): void {
  if (field.fieldKind === "list") for (const item of value as unknown[]) message.get(field).add(item);
  else if (field.fieldKind === "map") for (const [key, item] of value as Array<[never, unknown]>) message.get(field).set(key, item);
  else if (field.oneof === undefined || message.oneofCase(field.oneof) === undefined) message.set(field, value);
}

function anyField(field: DescField, depth: number): fc.Arbitrary<unknown> {
  const value = anyValue(field, depth);
  if (field.fieldKind === "list") return fc.array(value, { maxLength: 2 });
  if (field.fieldKind === "map") return fc.array(fc.tuple(anyScalar(field.mapKey), value), { maxLength: 2 });
  return value;
}

function anyValue({ scalar, enum: desc, message }: Kinds, depth: number): fc.Arbitrary<unknown> {
  if (message !== undefined) return anyMessage(message, depth);
  if (desc !== undefined) return fc.constantFrom(...desc.values.map(({ number }) => number));
  return anyScalar(scalar ?? ScalarType.STRING);
}

function anyScalar(type: ScalarType): fc.Arbitrary<unknown> {
  if (type === ScalarType.STRING) return fc.string({ unit: "binary", maxLength: 12 });
  if (type === ScalarType.BOOL) return fc.boolean();
  if (type === ScalarType.DOUBLE) return fc.double({ noNaN: true });
  const bounds = wholeNumberBounds(type);
  if (bounds === undefined) return fc.float({ noNaN: true });
  const integers = fc.bigInt({ min: bounds.least, max: bounds.most });
  return bounds.long ? integers : integers.map(Number);
}

/** A message in the text format, in one of the many ways that it may be written; `style` chooses from 0 to 5. */
export function printText(message: ReflectMessage, style: () => number): string {
  return message.fields
    .filter((field) => message.isSet(field))
    .map((field) => printField(message, field, style))
    .join([" ", "\n", ", ", "; ", " # a comment } \n", "\t"][style()]);
}

function printField(message: ReflectMessage, field: DescField, style: () => number): string {
  switch (field.fieldKind) {
    case "list": {
      const items = [...message.get(field)].map((item) => printValue(field, item, style));
      const colon = field.listKind === "message" && style() > 2 ? "" : ":";
      return style() > 2 ? `${field.name}${colon}[${items.join(" , ")}]` : items.map((item) => `${field.name}: ${item}`).join(" ");
    }
    case "map": {
      const entries = [...message.get(field)].map(
        ([key, item]) => `${field.name} { key: ${printScalar(key)} value: ${printValue(field, item, style)} }`,
      );
      return entries.join(" ");
    }
    default:
      return `${field.name}${field.fieldKind === "message" && style() > 2 ? " " : ": "}${printValue(field, message.get(field), style)}`;
  }
}

function printValue(field: Kinds, value: unknown, style: () => number): string {
  if (field.message !== undefined) {
    const inner = printText(value as ReflectMessage, style);
    return style() > 2 ? `{ ${inner} }` : `< ${inner}\n>`;
  }
  if (field.enum === undefined) return printScalar(value);
  return style() > 3 ? String(value) : (field.enum.values.find(({ number }) => number === value)?.name ?? "");
}

function printScalar(value: unknown): string {
  if (typeof value === "string") return printString(value);
  if (typeof value === "number" && !Number.isFinite(value)) return String(value).toLowerCase();
  return Object.is(value, -0) ? "-0.0" : String(value);
}

/** Bytes that are not printed as they are go as octal escapes. */
function printString(text: string): string {
  const bytes = [...Buffer.from(text)];
  const parts = bytes.map((byte) =>
    byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, "0")}`,
  );
  return `"${parts.join("")}"`;
}
