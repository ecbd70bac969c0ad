import { z } from "zod";
import { fields, mapOf, pattern, type Shape, term, text } from "./terms.ts";

const PREFIX = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const NAME_PART = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
const LONGEST_PREFIX = 253;

const key = term("a name of at most 63 letters, digits, '-', '_' and '.', with a domain and '/' before it if wanted", isQualifiedName);

/** For example `serving.kserve.io/stop`. */
function isQualifiedName(value: unknown): boolean {
  if (typeof value !== "string") return false;
  const slash = value.indexOf("/");
  if (slash >= 0 && (slash > LONGEST_PREFIX || !PREFIX.test(value.slice(0, slash)))) return false;
  return NAME_PART.test(value.slice(slash + 1));
}

export const labels = mapOf(
  pattern("at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit", LABEL_VALUE),
  key,
);
export const annotations = mapOf(text, key);

/** What a DNS name can be in one part: container names, namespaces. */
export const dnsLabel = pattern(
  "at most 63 lower-case letters, digits and '-', beginning and ending with a letter or digit",
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  63,
);
export const serviceName = pattern(
  "at most 63 lower-case letters, digits and '-', beginning with a letter and ending with a letter or digit",
  /^[a-z]([-a-z0-9]*[a-z0-9])?$/,
  63,
);
export const runtimeName = pattern(
  "at most 253 lower-case letters, digits, '-' and '.', each part beginning and ending with a letter or digit",
  PREFIX,
  253,
);

/** An API server fills these in; they come along in what it exports. */
const MANAGED = [
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "managedFields",
  "selfLink",
  "ownerReferences",
  "finalizers",
  "generateName",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
];

export function metadata(name: z.ZodType, more: Shape): z.ZodType {
  const managed = Object.fromEntries(MANAGED.map((field) => [field, z.unknown()]));
  return fields({ name }, { labels: labels.nullable(), annotations: annotations.nullable(), ...more, ...managed });
}
