import { ANNOTATIONS } from "./annotations.ts";
import type { Finding } from "./field-path.ts";

/** Whether a service's files are watched; `otherwise` says it for those that do not. */
export function isWatched(annotations: Readonly<Record<string, string>>, otherwise: boolean): boolean {
  const text = annotations[ANNOTATIONS.watch];
  return text === undefined ? otherwise : text === "true";
}

export function watchFindings(annotations: Readonly<Record<string, string>>): Finding[] {
  const text = annotations[ANNOTATIONS.watch];
  if (text === undefined || text === "true" || text === "false") return [];
  return [{ path: ["metadata", "annotations", ANNOTATIONS.watch], message: `expected "true" or "false", found ${JSON.stringify(text)}` }];
}
