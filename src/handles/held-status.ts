import { ServeError } from "../core/errors.ts";
import type { Target } from "../core/inference.ts";
import type { ModelStatus } from "../core/model.ts";
import type { ControlPlane } from "../core/planes.ts";
import type { HandleStatus } from "./model-handle.ts";

/**
 * How the version with an id is; without one, the version that the target means.
 * @throws ServeError as the control plane does, or FAILED_PRECONDITION when nothing with that id is served
 */
export function heldStatus(controlPlane: Pick<ControlPlane, "get" | "list">, target: Target, modelId: string | undefined): HandleStatus {
  if (modelId === undefined) return statusOf(controlPlane.get(target));
  const held = controlPlane.list().find(({ id }) => id === modelId);
  if (held !== undefined) return statusOf(held);
  throw new ServeError(
    "FAILED_PRECONDITION",
    `the model ${target.name} that this handle is for was deleted or replaced; get a new handle for what is served under its name now`,
  );
}

/** What of a status is told. */
export function statusOf(status: ModelStatus): HandleStatus {
  const { id, namespace, name, version, revision, state, answers, reason, memoryBytes, queued, replicas, description } = status;
  return { id, namespace, name, version, revision, state, answers, reason, memoryBytes, queued, replicas, methods: description?.methods };
}
