import { ServeError } from "../../core/errors.ts";
import type { JsonValue, Parameters } from "../../core/inference.ts";

export type JsonObject = { readonly [key: string]: JsonValue };

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The error for a field of a request body: where it is, what was expected there, and what came. */
export function unexpected(path: string, expected: string, value: JsonValue | undefined): ServeError {
  return new ServeError("INVALID_ARGUMENT", `${path}: expected ${expected}, got ${describe(value)}`);
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

/**
 * Request parameters; null counts as absent, as KServe's clients send it.
 * @throws ServeError INVALID_ARGUMENT unless it is an object of strings, numbers and booleans
 */
export function parametersOf(value: JsonValue | undefined, path: string): Parameters | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw unexpected(path, "an object", value);
  for (const key in value) {
    const parameter = value[key];
    if (typeof parameter === "object")
      throw unexpected(`${path}.${key.slice(0, MOST_CHARACTERS)}`, "a string, number or boolean", parameter);
  }
  return value as Parameters;
}
