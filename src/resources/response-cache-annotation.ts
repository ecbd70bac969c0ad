import { ANNOTATIONS } from "./annotations.ts";
import type { Finding } from "./field-path.ts";

/** Whether answers are kept for equal requests; what is not valid was refused before. */
export function keepsAnswers(annotations: Readonly<Record<string, string>>): boolean {
  return annotations[ANNOTATIONS.responseCache] === "true";
}

export function responseCacheFindings(annotations: Readonly<Record<string, string>>): Finding[] {
  const value = annotations[ANNOTATIONS.responseCache];
  if (value === undefined || value === "true" || value === "false") return [];
  return [
    { path: ["metadata", "annotations", ANNOTATIONS.responseCache], message: `expected "true" or "false", found ${JSON.stringify(value)}` },
  ];
}
