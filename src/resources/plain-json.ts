import type { FieldPath, Finding } from "./field-path.ts";

/** Kubernetes' own objects are some twenty levels deep at most. */
const MAX_DEPTH = 64;
/** A million characters of YAML hold fewer, unless aliases multiply them. */
const MAX_VALUES = 200_000;

/** The first reason why a value is no JSON that this server takes: too deep, too large, no JSON at all, or a dangerous key. */
export function whyNotPlainJson(value: unknown): Finding | undefined {
  return new Walk().visit(value, []);
}

const TOO_LONG = "this number has too many digits to keep them all; quote it when it is meant as text";

class Walk {
  #values = 0;

  visit(value: unknown, path: FieldPath): Finding | undefined {
    this.#values += 1;
    if (this.#values > MAX_VALUES) return { path: [], message: `more than ${MAX_VALUES} values in one document` };
    if (path.length > MAX_DEPTH) return { path: path.slice(0, 3), message: `nested more than ${MAX_DEPTH} levels deep` };
    if (typeof value === "number") return whyNotNumber(value, path);
    if (value === null || ["string", "boolean"].includes(typeof value)) return undefined;
    if (typeof value === "bigint") return { path, message: TOO_LONG };
    if (typeof value !== "object") return { path, message: `expected JSON, found a value of type ${typeof value}` };
    return this.#visitEntries(value, path);
  }

  #visitEntries(value: object, path: FieldPath): Finding | undefined {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null)
      return { path, message: "expected plain text, numbers, lists and maps" };
    for (const [key, entry] of Object.entries(value)) {
      if (key === "__proto__") return { path: [...path, key], message: "this key is not allowed" };
      const finding = this.visit(entry, [...path, Array.isArray(value) ? Number(key) : key]);
      if (finding !== undefined) return finding;
    }
    return undefined;
  }
}

function whyNotNumber(value: number, path: FieldPath): Finding | undefined {
  if (!Number.isFinite(value)) return { path, message: "infinity and 'not a number' are no JSON; quote it when it is meant as text" };
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return { path, message: TOO_LONG };
  return undefined;
}
