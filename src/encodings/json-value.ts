import type { JsonValue } from "../core/inference.ts";

export type JsonObject = { readonly [key: string]: JsonValue };

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const MOST_CHARACTERS = 60;

/** A short text for any JSON value, for messages. */
export function describe(value: JsonValue | undefined): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (isObject(value)) return "an object";
  if (typeof value !== "string") return String(value);
  const text = JSON.stringify(value.slice(0, MOST_CHARACTERS));
  return value.length > MOST_CHARACTERS ? `${text.slice(0, -1)}…"` : text;
}
