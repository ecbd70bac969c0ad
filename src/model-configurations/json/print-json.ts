import { type DescField, ScalarType } from "@bufbuild/protobuf";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import type { JsonObject, JsonValue } from "../../core/inference.ts";

/**
 * A message in JSON as Triton prints its configurations: names of the proto file in their order there, every default except of messages
 * and of oneofs that are not set, and integers of 64 bits as numbers,
 * unless no double is that number.
 */
export function printJson(message: ReflectMessage): JsonObject {
  const members: Array<[string, JsonValue]> = [];
  for (const field of message.fields) {
    if (hasPresence(field) && !message.isSet(field)) continue;
    members.push([field.name, fieldOf(message, field)]);
  }
  // Keys of maps are anybody's, "__proto__" too.
  return Object.fromEntries(members);
}

function hasPresence(field: DescField): boolean {
  return field.fieldKind === "message" || field.oneof !== undefined;
}

function fieldOf(message: ReflectMessage, field: DescField): JsonValue {
  switch (field.fieldKind) {
    case "list":
      return [...message.get(field)].map((item) => jsonOf(field, item));
    case "map":
      return Object.fromEntries([...message.get(field)].map(([key, item]) => [String(key), jsonOf(field, item)]));
    default:
      return jsonOf(field, message.get(field));
  }
}

function jsonOf(field: Pick<DescField, "message" | "enum" | "scalar">, value: unknown): JsonValue {
  if (field.message !== undefined) return printJson(value as ReflectMessage);
  if (field.enum !== undefined) return field.enum.values.find(({ number }) => number === value)?.name ?? (value as number);
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  return field.scalar === ScalarType.FLOAT ? shortest(value as number) : (value as JsonValue);
}

/** The shortest number that is the same one in 32 bits: 0.1 instead of 0.10000000149011612. */
function shortest(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
