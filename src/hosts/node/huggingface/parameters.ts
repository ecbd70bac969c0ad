import { ServeError } from "../../../core/errors.ts";
import type { Parameters, ParameterValue } from "../../../core/inference.ts";

/** What a client may name besides a method's own parameters. */
const PASSED_OVER = new Set([
  "method",
  "sequence_id",
  "sequence_start",
  "sequence_end",
  "content_type",
  "binary_data_output",
  "priority",
  "timeout",
]);

type Reader<Value> = (value: unknown) => Value;
type Values<Known> = { readonly [Name in keyof Known]?: Known[Name] extends Reader<infer Value> ? Value : never };

/** A request's parameters, read. @throws ServeError INVALID_ARGUMENT for those that are unknown or do not fit */
export function parametersOf<const Known extends Readonly<Record<string, Reader<unknown>>>>(
  given: Parameters,
  known: Known,
): Values<Known> {
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    const read = Object.hasOwn(known, name) ? known[name] : undefined;
    if (read === undefined) {
      if (PASSED_OVER.has(name)) continue;
      const takes = Object.keys(known).join(", ") || "none";
      throw new ServeError("INVALID_ARGUMENT", `unknown parameter '${name}'; this method takes ${takes}`);
    }
    try {
      values[name] = read(value);
    } catch (error) {
      throw new ServeError("INVALID_ARGUMENT", `parameter '${name}' is ${shown(value)}: ${(error as Error).message}`);
    }
  }
  return values as Values<Known>;
}

export function whole(least: number): Reader<number> {
  return (value) => {
    const number = Number(value);
    if (typeof value === "boolean" || !Number.isInteger(number) || number < least)
      throw new Error(`expected a whole number from ${least} upwards`);
    return number;
  };
}

export function oneOf<const Word extends string>(...words: readonly Word[]): Reader<Word> {
  return (value) => {
    const word = words.find((each) => each === value);
    if (word === undefined) throw new Error(`expected one of ${words.join(", ")}`);
    return word;
  };
}

export function toggle(value: unknown): boolean {
  if (typeof value !== "boolean") throw new Error("expected true or false");
  return value;
}

/** A list of texts, or one text with commas between them. */
export function names(value: unknown): readonly string[] {
  const list = typeof value === "string" ? value.split(",").map((part) => part.trim()) : value;
  if (!Array.isArray(list) || list.length === 0 || !list.every((part) => typeof part === "string" && part !== ""))
    throw new Error("expected a list of texts, or one text with commas between them");
  return list as string[];
}

function shown(value: ParameterValue): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 40)) : String(value);
}
