import { ServeError } from "../../core/errors.ts";
import type { JsonValue, Parameters } from "../../core/inference.ts";
import { describe, isObject } from "../../encodings/index.ts";

/** The error for a field of a request body: where it is, what was expected there, and what came. */
export function unexpected(path: string, expected: string, value: JsonValue | undefined): ServeError {
  return new ServeError("INVALID_ARGUMENT", `${path}: expected ${expected}, got ${describe(value)}`);
}

const MOST_CHARACTERS = 60;

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
