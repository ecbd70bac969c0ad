import { z } from "zod";
import { isMap } from "../json-fields.ts";

export type Shape = Readonly<Record<string, z.ZodType>>;

const MAX_SHOWN = 60;

/** A leaf of a schema: what is expected, in words, and the check. */
export function term(expected: string, accepts: (value: unknown) => boolean, hint?: (value: unknown) => string | undefined): z.ZodType {
  return z.custom(accepts, { error: ({ input }) => mismatch(expected, input, hint?.(input)) });
}

/** A map with exactly these fields. */
export function fields(required: Shape, optional: Shape = {}): z.ZodObject {
  const shape = Object.fromEntries([
    ...Object.entries(required),
    ...Object.entries(optional).map(([name, schema]) => [name, schema.nullish()] as const),
  ]);
  return z.strictObject(shape, { error: ({ input }) => mismatch("a map", input) });
}

export function listOf(item: z.ZodType, atLeast = 0): z.ZodType {
  const expected = atLeast === 0 ? "a list" : `a list of at least ${atLeast}`;
  return z.array(item, { error: ({ input }) => mismatch(expected, input) }).min(atLeast, `expected ${expected}, found an empty one`);
}

/** A map whose keys the user chooses. */
export function mapOf(value: z.ZodType, key: z.ZodType = z.string()): z.ZodType {
  return z.record(key as z.ZodType<string>, value, { error: ({ input }) => mismatch("a map", input) });
}

/** Text that matches; `expected` describes it. */
export function pattern(expected: string, regularExpression: RegExp, longest = Number.POSITIVE_INFINITY): z.ZodType {
  return term(expected, (value) => typeof value === "string" && value.length <= longest && regularExpression.test(value), quoteIt);
}

export function oneOf(...values: readonly string[]): z.ZodType {
  const expected = values.length === 1 ? values[0] : `one of ${values.join(", ")}`;
  return term(`${expected}`, (value) => typeof value === "string" && values.includes(value), quoteIt);
}

export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): z.ZodType {
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  return term(`a whole number ${range}`, (value) => isWhole(value) && Number(value) >= least && Number(value) <= most);
}

/** No C string can hold a NUL, and all of these become names, arguments or environment variables. */
export const text = term("text", (value) => typeof value === "string" && !value.includes("\0"), quoteIt);
export const someText = term("text that is not empty", (value) => typeof value === "string" && /^[^\0]+$/.test(value), quoteIt);
export const flag = term("true or false", (value) => typeof value === "boolean");
export const texts = listOf(text);
/** Objects of Kubernetes that are not looked into. */
export const anyMap = term("a map", isMap);
export const anyMaps = listOf(anyMap);

const QUANTITY = /^\+?(\d+(\.\d*)?|\.\d+)(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d+)?$/;

/** An amount as Kubernetes writes it. */
export const quantity = term("a quantity such as 500m, 1, 1.5 or 2Gi", (value) =>
  typeof value === "string" ? QUANTITY.test(value) : isNumber(value) && Number(value) >= 0,
);

const PORT_NAME = /^(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$/;

/** Kubernetes' IntOrString for ports. */
export const port = term("a port from 1 to 65535 or a port's name", (value) =>
  typeof value === "string" ? PORT_NAME.test(value) : isWhole(value) && Number(value) >= 1 && Number(value) <= 65535,
);

export const numberOrPercentage = term("a whole number of at least 0 or a percentage such as 25%", (value) =>
  typeof value === "string" ? /^\d+%$/.test(value) : isWhole(value) && Number(value) >= 0,
);

/** What was expected and what is there instead. */
export function mismatch(expected: string, found: unknown, hint?: string): string {
  if (found === undefined) return `is missing; expected ${expected}`;
  return `expected ${expected}, found ${show(found)}${hint === undefined ? "" : `; ${hint}`}`;
}

function show(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (isMap(value)) return "a map";
  if (value === null) return "nothing";
  if (typeof value !== "string") return String(value);
  return JSON.stringify(value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value);
}

function quoteIt(value: unknown): string | undefined {
  return typeof value === "boolean" || isNumber(value) ? "quote it" : undefined;
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

function isWhole(value: unknown): value is number | bigint {
  return typeof value === "bigint" || Number.isSafeInteger(value);
}
