import { isAbsolute } from "node:path";
import { ANNOTATIONS } from "./annotations.ts";
import type { ValidDocument } from "./valid-document.ts";

export interface Origin {
  /** Absolute path of the file or folder that it came from; absent for what cannot be read again, such as standard input. */
  readonly appliedFrom?: string | undefined;
  /** Absolute folder that relative URIs begin at. */
  readonly baseDirectory: string;
}

/** The document with what nobody else can know: where it was written. What its writer says of that is kept. */
export function withOrigin(document: ValidDocument, { appliedFrom, baseDirectory }: Origin): ValidDocument {
  const added = {
    ...(appliedFrom === undefined ? {} : { [ANNOTATIONS.appliedFrom]: appliedFrom }),
    ...(isRelativeTo(document) ? { [ANNOTATIONS.baseDirectory]: baseDirectory } : {}),
  };
  if (Object.keys(added).length === 0) return document;
  return { ...document, metadata: { ...document.metadata, annotations: { ...added, ...document.metadata.annotations } } };
}

/** It names something by a path without a beginning. */
function isRelativeTo({ metadata, spec }: ValidDocument): boolean {
  return isRelative(metadata.annotations?.[ANNOTATIONS.requirements]) || hasRelativeUri(spec);
}

/** Some `storageUri`, `uri` of `storageUris`, or `path` of a `hostPath`, anywhere in a spec is a path without a beginning. */
function hasRelativeUri(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasRelativeUri);
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([key, field]) => {
    if (key === "storageUri") return isRelative(field);
    if (key === "hostPath") return isRelative((field as { path?: unknown } | null)?.path);
    if (key === "storageUris" && Array.isArray(field))
      return field.some((each: unknown) => isRelative((each as { uri?: unknown } | null)?.uri));
    return hasRelativeUri(field);
  });
}

function isRelative(uri: unknown): boolean {
  return typeof uri === "string" && !/^[a-z][a-z0-9+.-]*:/i.test(uri) && !isAbsolute(uri);
}
