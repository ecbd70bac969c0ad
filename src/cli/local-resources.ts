import type { InferenceService, ObjectMetadata, ServingRuntime } from "../core/resource.ts";
import { toInferenceService, toServingRuntime, type ValidDocument } from "../resources/index.ts";

/** Built-in runtimes are as old as can be. */
export const NEVER_CREATED = "1970-01-01T00:00:00Z";

/** A document as if it had been applied at a time (RFC 3339); where runtimes are equal in all else, their age decides. */
export function asRuntime(document: ValidDocument, createdAt: string): ServingRuntime {
  return toServingRuntime({ ...document, metadata: applied(document, createdAt) });
}

export function asService(document: ValidDocument): InferenceService {
  return toInferenceService({ ...document, metadata: applied(document, NEVER_CREATED) });
}

function applied({ metadata }: ValidDocument, creationTimestamp: string): ObjectMetadata {
  return { ...metadata, uid: "", generation: 1, resourceVersion: "", creationTimestamp };
}
