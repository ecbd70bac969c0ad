import { ServeError } from "../../core/errors.ts";
import type { JsonValue } from "../../core/inference.ts";
import { isMap } from "../json-fields.ts";

/** What a runtime's container may name of the service that it serves. */
export interface ServiceMetadata {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const FIELD = /\{\{([\s\S]*?)\}\}/g;
const MAP_FIELD = /^\.(Labels|Annotations)\.([A-Za-z_]\w*)$/;
const INDEXED = /^index\s+\.(Labels|Annotations)\s+(?:"([^"\\]*)"|`([^`]*)`)$/;
const LITERAL = /^(?:"([^"\\]*)"|`([^`]*)`)$/;
const KNOWN = "{{.Name}}, {{.Namespace}}, {{.Labels.x}}, {{.Annotations.x}}, and {{index .Labels `a/b`}}";

/**
 * Puts the service's metadata in the place of template fields in every text of a container. KServe has Go's text/template there
 * (ReplacePlaceholders); these are the fields of it that name something.
 * @throws ServeError FAILED_PRECONDITION for a field that is not known, and for a label or annotation that the service has not
 */
export function fillTemplates(value: JsonValue, metadata: ServiceMetadata): JsonValue {
  if (typeof value === "string") return fillText(value, metadata);
  if (Array.isArray(value)) return value.map((each) => fillTemplates(each, metadata));
  if (!isMap(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fillTemplates(each, metadata)]));
}

function fillText(text: string, metadata: ServiceMetadata): string {
  if (!text.includes("{{")) return text;
  const filled = text.replace(FIELD, (written, expression: string) => fieldValue(expression.trim(), written, metadata));
  // What a value brings is no template; what is left of the text itself is one that does not end.
  if (text.replace(FIELD, "").includes("{{")) throw wrong(`${JSON.stringify(text)} begins a template field that does not end with }}`);
  return filled;
}

function fieldValue(expression: string, written: string, metadata: ServiceMetadata): string {
  if (expression === ".Name") return metadata.name;
  if (expression === ".Namespace") return metadata.namespace;
  const literal = LITERAL.exec(expression);
  if (literal !== null) return literal[1] ?? literal[2] ?? "";
  const [, map, plain, quoted] = MAP_FIELD.exec(expression) ?? INDEXED.exec(expression) ?? [];
  const key = plain ?? quoted ?? INDEXED.exec(expression)?.[3];
  if (map === undefined || key === undefined) throw wrong(`the template field ${written} is not known; those that are: ${KNOWN}`);
  const entries = map === "Labels" ? metadata.labels : metadata.annotations;
  const value = Object.hasOwn(entries, key) ? entries[key] : undefined;
  if (value !== undefined) return value;
  const place = map.toLowerCase();
  throw wrong(`the template field ${written} has no value: the service has no ${place.slice(0, -1)} ${key}; add it to metadata.${place}`);
}

function wrong(text: string): ServeError {
  return new ServeError("FAILED_PRECONDITION", `${text} ({{\`{{\`}} stands for the braces themselves)`);
}
