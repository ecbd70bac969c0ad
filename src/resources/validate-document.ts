import { z } from "zod";
import type { JsonObject } from "../core/inference.ts";
import { DEFAULT_NAMESPACE } from "../core/model.ts";
import { InvalidResourceError, type Problem, type ResourceKind } from "../core/resource.ts";
import { type FieldPath, type Finding, formatPath } from "./field-path.ts";
import { isMap, mapIn, textIn, textsIn } from "./json-fields.ts";
import { schemaFor } from "./kinds.ts";
import { whyNotPlainJson } from "./plain-json.ts";
import { ruleFindings } from "./rules.ts";
import { mismatch } from "./schema/terms.ts";
import { schemaFindings } from "./schema-findings.ts";
import type { ValidDocument } from "./valid-document.ts";

export interface ValidationOptions {
  /** Where namespaced resources go that name no namespace; `default` when absent. */
  readonly namespace?: string;
  /** Where a field is in its file, from 1. */
  readonly lineOf?: (path: FieldPath) => number | undefined;
}

/** More help nobody, and a hostile document has one per field. */
const MAX_PROBLEMS = 100;

/**
 * Checks one document against KServe's schema and its webhooks' rules. The spec stays as its writer wrote it; the status and what
 * an API server fills in are left out.
 * @throws InvalidResourceError with everything that is wrong, in the document's order
 */
export function validateDocument(document: unknown, options: ValidationOptions = {}): ValidDocument {
  const findings = findingsOf(document);
  if (findings.length > 0) throw new InvalidResourceError(toProblems(findings, options));
  return toValid(document as JsonObject, options.namespace ?? DEFAULT_NAMESPACE);
}

function findingsOf(document: unknown): Finding[] {
  const notJson = whyNotPlainJson(document);
  if (notJson !== undefined) return [notJson];
  if (!isMap(document)) return [{ path: [], message: mismatch("a resource with apiVersion, kind, metadata and spec", document) }];
  const schema = schemaFor(document);
  if (!(schema instanceof z.ZodObject)) return [schema];
  return [...schemaFindings(schema, document), ...ruleFindings(document)];
}

function toProblems(findings: readonly Finding[], { lineOf }: ValidationOptions): Problem[] {
  const problems = findings.slice(0, MAX_PROBLEMS).map(({ path, message }): Problem => {
    const line = lineOf?.(path);
    return { path: formatPath(path), message, ...(line === undefined ? {} : { line }) };
  });
  problems.sort((left, right) => (left.line ?? 0) - (right.line ?? 0));
  const more = findings.length - MAX_PROBLEMS;
  return more > 0 ? [...problems, { path: "", message: `and ${more} more problems` }] : problems;
}

function toValid(document: JsonObject, defaultNamespace: string): ValidDocument {
  const metadata = mapIn(document, "metadata");
  const kind = textIn(document, "kind") as ResourceKind;
  return {
    apiVersion: textIn(document, "apiVersion") as string,
    kind,
    metadata: {
      name: textIn(metadata, "name") as string,
      ...(kind === "ClusterServingRuntime" ? {} : { namespace: textIn(metadata, "namespace") ?? defaultNamespace }),
      ...(mapIn(metadata, "labels") === undefined ? {} : { labels: textsIn(metadata, "labels") }),
      ...(mapIn(metadata, "annotations") === undefined ? {} : { annotations: textsIn(metadata, "annotations") }),
    },
    spec: document.spec as JsonObject,
  };
}
