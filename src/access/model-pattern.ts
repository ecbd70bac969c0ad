import { ServeError } from "../core/errors.ts";
import type { Target } from "../core/inference.ts";
import { DEFAULT_NAMESPACE } from "../core/model.ts";

/** A name, the beginning of names before a star, or a star alone. */
const PART = /^(?:\*|[A-Za-z0-9][A-Za-z0-9._-]{0,127}\*?)$/;

/**
 * `NAMESPACE/NAME` of a pattern that may lack the namespace.
 * @throws ServeError INVALID_ARGUMENT
 */
export function wholePattern(text: string): string {
  const parts = text.includes("/") ? text.split("/") : [DEFAULT_NAMESPACE, text];
  if (parts.length === 2 && parts.every((part) => PART.test(part))) return parts.join("/");
  throw new ServeError("INVALID_ARGUMENT", `'${text}' names no models: expected NAME, NAMESPACE/NAME, or either with a '*' at its end`);
}

/** Whether a model is one that a whole pattern names. */
export function matchesPattern(pattern: string, { namespace, name }: Pick<Target, "namespace" | "name">): boolean {
  const slash = pattern.indexOf("/");
  return matchesPart(pattern.slice(0, slash), namespace) && matchesPart(pattern.slice(slash + 1), name);
}

function matchesPart(part: string, text: string): boolean {
  return part.endsWith("*") ? text.startsWith(part.slice(0, -1)) : part === text;
}
