import type { z } from "zod";
import type { FieldPath, Finding } from "./field-path.ts";
import { adviseOnUnknown } from "./schema/places.ts";

/** Unknown fields for which a better place is looked for; a hostile document has one in every map. */
const MAX_ADVICE = 100;

/** Of the kinds that are kept, only one has no namespace in its schema. */
const CLUSTER_SCOPED = "a ClusterServingRuntime is for all namespaces and has none; remove it, or make it kind: ServingRuntime";

/** Everything in which a document differs from a schema. */
export function schemaFindings(schema: z.ZodType, document: unknown): Finding[] {
  const result = schema.safeParse(document);
  if (result.success) return [];
  const meant = new Set<string>();
  let advised = 0;
  const unknown = result.error.issues.flatMap((issue) => {
    if (issue.code !== "unrecognized_keys") return [];
    const path = fieldPath(issue.path);
    return issue.keys.map((key): Finding => {
      if (path.join() === "metadata" && key === "namespace") return { path: [...path, key], message: CLUSTER_SCOPED };
      advised += 1;
      if (advised > MAX_ADVICE) return { path: [...path, key], message: "unknown field" };
      const advice = adviseOnUnknown(schema, path, key);
      if (advice.meant !== undefined) meant.add(JSON.stringify([...path, advice.meant]));
      return { path: [...path, key], message: advice.message };
    });
  });
  // A required field that is there under a mistyped name is one mistake, not two.
  const others = result.error.issues.filter(({ code, path }) => code !== "unrecognized_keys" && !meant.has(JSON.stringify(path)));
  return [...unknown, ...others.map((issue) => ({ path: fieldPath(issue.path), message: messageOf(issue) }))];
}

function messageOf(issue: z.core.$ZodIssue): string {
  return issue.code === "invalid_key" ? `as a key: ${issue.issues[0]?.message ?? issue.message}` : issue.message;
}

function fieldPath(path: readonly PropertyKey[]): FieldPath {
  return path.map((segment) => (typeof segment === "number" ? segment : String(segment)));
}
