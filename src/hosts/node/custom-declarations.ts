import { ServeError } from "../../core/errors.ts";

/** What is said of one method, as it stands in the code: {@link ServeError} tells what of it cannot be used. */
export interface MethodDeclarations {
  readonly inputs?: unknown;
  readonly outputs?: unknown;
  readonly batchable?: unknown;
  readonly stateful?: unknown;
  readonly streaming?: unknown;
  readonly padding?: unknown;
  readonly unpad?: unknown;
  readonly cost?: unknown;
  readonly example?: unknown;
}

type Declared = Readonly<Record<string, unknown>>;

const SWITCHES = ["batchable", "stateful", "streaming"];
const TABLES = ["inputs", "outputs", "padding", "unpad", "example", "cost"];

/**
 * By method what a class, an object or a module declares: switches for all methods or for those that a list names, tables for the default
 * method or for each by name, `{ encode: { text: "BYTES[-1]" } }`.
 * @throws ServeError INVALID_ARGUMENT for names that are no method's
 */
export function readDeclarations(declared: Declared, names: readonly string[], defaultMethod: string): Record<string, MethodDeclarations> {
  const found: Record<string, Record<string, unknown>> = Object.fromEntries(names.map((name) => [name, {}]));
  const set = (method: string, key: string, value: unknown): void => {
    const entry = found[method];
    if (entry === undefined)
      throw new ServeError("INVALID_ARGUMENT", `its ${key} names '${method}', which is no method; there are ${names.join(", ")}`);
    entry[key] = value;
  };
  for (const key of SWITCHES) {
    const value = declared[key];
    if (value === undefined || names.includes(key)) continue;
    if (Array.isArray(value) || value instanceof Set) for (const name of value) set(String(name), key, true);
    else for (const name of names) set(name, key, value === true);
  }
  for (const key of TABLES) {
    const value = declared[key];
    if (value === undefined) continue;
    if (isByMethod(key, value, names)) for (const [name, own] of Object.entries(value)) set(name, key, own);
    else set(defaultMethod, key, value);
  }
  return found;
}

function isByMethod(key: string, value: unknown, names: readonly string[]): value is Declared {
  if (!isObject(value) || Object.keys(value).length === 0) return false;
  if (key === "cost") return true;
  if (key === "example") return Object.keys(value).every((name) => names.includes(name));
  return Object.values(value).every(isObject);
}

function isObject(value: unknown): value is Declared {
  return typeof value === "object" && value !== null;
}
