import type { RequestContext } from "../core/context.ts";
import { messageOf, ServeError } from "../core/errors.ts";
import type { Target } from "../core/inference.ts";
import type { ModelVersion, Registry } from "../models/index.ts";

/**
 * The version that a request means; of a request that holds on to one, that one.
 * @throws ServeError NOT_FOUND, UNAVAILABLE, or FAILED_PRECONDITION when what the request holds on to is no longer served
 */
export function findModel(registry: Registry, target: Target, context: RequestContext): ModelVersion {
  const { modelId } = context;
  if (modelId === undefined) return registry.find(target, context);
  const held = heldOf(registry, target, modelId);
  if ("model" in held) return held.model;
  throw held.gone;
}

/** What a request hears that failed: the error, or that what it held on to has gone meanwhile, which is why it was not answered. */
export function explained(error: unknown, registry: Registry, target: Target, { modelId }: RequestContext): unknown {
  if (modelId === undefined || !(error instanceof ServeError) || error.code !== "UNAVAILABLE") return error;
  const held = heldOf(registry, target, modelId);
  return "gone" in held ? held.gone : error;
}

function heldOf(registry: Registry, { namespace, name }: Target, modelId: string): { model: ModelVersion } | { gone: ServeError } {
  try {
    registry.versions({ namespace, name });
  } catch (error) {
    const { code } = ServeError.from(error);
    const how = code === "NOT_FOUND" ? "was deleted, and nothing is served under its name" : `is no longer served. ${messageOf(error)}`;
    return { gone: gone(name, `${how}; get a new handle when the model is there again`) };
  }
  const model = registry
    .revisions({ namespace, name })
    .flatMap(({ versions }) => versions)
    .find(({ id }) => id === modelId);
  if (model !== undefined) return { model };
  return { gone: gone(name, `was replaced: another revision of it is served now, whose inputs may differ; get a new handle for that one`) };
}

function gone(name: string, how: string): ServeError {
  return new ServeError("FAILED_PRECONDITION", `the model ${name} that this handle is for ${how}`);
}
