import { ServeError } from "../../core/errors.ts";
import { describe } from "../shared/index.ts";

/** RFC 1123 label: at most 63 of lower-case letters, digits and '-'. */
const LABEL = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
/** RFC 1123 subdomain: labels with dots between them, at most 253 in all. */
const SUBDOMAIN = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;

/** @throws ServeError INVALID_ARGUMENT */
export function assertNamespace(text: string): void {
  if (LABEL.test(text)) return;
  const expected = "at most 63 lower-case letters, digits and '-', beginning and ending with a letter or digit";
  throw new ServeError("INVALID_ARGUMENT", `${describe(text)} is not a name of a namespace: expected ${expected}`);
}

/** @throws ServeError INVALID_ARGUMENT */
export function assertName(text: string): void {
  if (text.length <= 253 && SUBDOMAIN.test(text)) return;
  const expected = "at most 253 lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit";
  throw new ServeError("INVALID_ARGUMENT", `${describe(text)} is not a name of a resource: expected ${expected}`);
}
