import { isAbsolute } from "node:path";
import type { ValidDocument } from "../resources/index.ts";
import type { SourceFile } from "./source-files.ts";

/** Annotation with the absolute path of the file or folder that a resource was applied from. */
export const APPLIED_FROM = "nitrous/applied-from";
/** Annotation with the absolute folder that relative storageUris start from. */
const BASE_DIRECTORY = "nitrous/base-directory";

/** The document with what the server cannot know: the file that it was in. What its writer says of that is kept. */
export function annotate(document: ValidDocument, { directory, argument }: SourceFile): ValidDocument {
  const added = {
    ...(argument === undefined ? {} : { [APPLIED_FROM]: argument }),
    ...(document.kind === "InferenceService" && hasRelativeUri(document.spec) ? { [BASE_DIRECTORY]: directory } : {}),
  };
  if (Object.keys(added).length === 0) return document;
  return { ...document, metadata: { ...document.metadata, annotations: { ...added, ...document.metadata.annotations } } };
}

/** Some `storageUri`, or `uri` of `storageUris`, anywhere in a spec is a path without a beginning. */
function hasRelativeUri(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasRelativeUri);
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([key, field]) => {
    if (key === "storageUri") return isRelative(field);
    if (key === "storageUris" && Array.isArray(field))
      return field.some((each: unknown) => isRelative((each as { uri?: unknown } | null)?.uri));
    return hasRelativeUri(field);
  });
}

function isRelative(uri: unknown): boolean {
  return typeof uri === "string" && !/^[a-z][a-z0-9+.-]*:/i.test(uri) && !isAbsolute(uri);
}
