import { ServeError } from "../../core/errors.ts";
import type { JsonObject, JsonValue } from "../../core/inference.ts";

/** Reads one setting, given as an argument's text, `true` for an argument without a value, or a JSON value. Throws what was expected. */
export type Reader<Value> = (value: JsonValue) => Value;

type Values<Known> = { readonly [Name in keyof Known]?: Known[Name] extends Reader<infer Value> ? Value : never };

/**
 * Values of the known settings that are given. One that is unknown is a warning that names those that are known.
 * @throws ServeError INVALID_ARGUMENT for a value that its reader refuses
 */
export function readSettings<const Known extends Readonly<Record<string, Reader<unknown>>>>(
  given: JsonObject,
  known: Known,
): { readonly values: Values<Known>; readonly warnings: readonly string[] } {
  const names = Object.keys(known).sort();
  const unknown = Object.keys(given)
    .filter((name) => !Object.hasOwn(known, name))
    .sort();
  const values: Record<string, unknown> = {};
  for (const name of names) {
    const value = given[name];
    if (value === undefined) continue;
    try {
      values[name] = known[name]?.(value);
    } catch (error) {
      if (error instanceof ServeError) throw error;
      throw new ServeError("INVALID_ARGUMENT", `the setting ${name} is ${JSON.stringify(value)}: ${(error as Error).message}`);
    }
  }
  const list = unknown.map((name) => `--${name}`).join(", ");
  const effect = `${unknown.length === 1 ? "has" : "have"} no effect; known are ${names.map((name) => `--${name}`).join(", ")}`;
  return { values: values as Values<Known>, warnings: unknown.length === 0 ? [] : [`${list} ${effect}`] };
}

/** True, or text that says yes or no. */
export function flag(value: JsonValue): boolean {
  if (typeof value === "boolean") return value;
  const word = String(value).toLowerCase();
  if (["true", "1", "yes", "on"].includes(word)) return true;
  if (["false", "0", "no", "off"].includes(word)) return false;
  throw new Error("expected true or false");
}

/** A whole number that is not below `least`, also as text. */
export function integer(least = 0): Reader<number> {
  return (value) => {
    const number = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
    if (typeof number !== "number" || !Number.isSafeInteger(number) || number < least)
      throw new Error(`expected a whole number from ${least}`);
    return number;
  };
}

/** Text; an option without a value is none. */
export function text(value: JsonValue): string {
  if (typeof value !== "string") throw new Error("expected text");
  return value;
}

/** One of some words. */
export function oneOf<const Word extends string>(...words: readonly Word[]): Reader<Word> {
  return (value) => {
    const word = words.find((each) => each === value);
    if (word === undefined) throw new Error(`expected one of ${words.join(", ")}`);
    return word;
  };
}

/** Text like `a=1,b=2` (or with `:`), or an object, as pairs of names and texts. */
export function pairs(value: JsonValue): ReadonlyArray<readonly [name: string, value: string]> {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return Object.entries(value).map(([name, each]) => [name, String(each)]);
  if (typeof value !== "string") throw new Error("expected pairs such as name=value,other=value");
  return value
    .split(",")
    .filter((part) => part.trim() !== "")
    .map((part) => {
      const [, name, text] = /^\s*([^=:]+?)\s*[=:]\s*(.*?)\s*$/.exec(part) ?? [];
      if (name === undefined || text === undefined) throw new Error("expected pairs such as name=value,other=value");
      return [name, text] as const;
    });
}
