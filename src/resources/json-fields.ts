import type { JsonObject, JsonValue } from "../core/inference.ts";

/** Whether a value is a map; lists and null are none. */
export function isMap(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fieldOf(value: unknown, key: string): JsonValue | undefined {
  return isMap(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** Whether the field is given, with null counting as not. */
export function isGiven(value: unknown, key: string): boolean {
  return (fieldOf(value, key) ?? null) !== null;
}

/** A field that is a map; undefined when it is absent or something else, as with the other three. */
export function mapIn(value: unknown, key: string): JsonObject | undefined {
  const field = fieldOf(value, key);
  return isMap(field) ? field : undefined;
}

/** A field that is a list; empty when it is absent or something else. */
export function listIn(value: unknown, key: string): readonly JsonValue[] {
  const field = fieldOf(value, key);
  return Array.isArray(field) ? field : [];
}

export function textIn(value: unknown, key: string): string | undefined {
  const field = fieldOf(value, key);
  return typeof field === "string" ? field : undefined;
}

export function numberIn(value: unknown, key: string): number | undefined {
  const field = fieldOf(value, key);
  return typeof field === "number" || typeof field === "bigint" ? Number(field) : undefined;
}

export function flagIn(value: unknown, key: string): boolean {
  return fieldOf(value, key) === true;
}

/** The map's values that are text. */
export function textsIn(value: unknown, key: string): Record<string, string> {
  const entries = Object.entries(mapIn(value, key) ?? {});
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}
