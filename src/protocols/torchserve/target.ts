import type { HttpHead } from "../../core/http.ts";
import type { Target } from "../../core/inference.ts";
import type { ModelStatus } from "../../core/model.ts";
import type { ControlPlane } from "../../core/planes.ts";
import { targetOf } from "../shared/index.ts";
import { UnknownVersionError } from "./errors.ts";

type Head = Pick<HttpHead, "params" | "headers">;

/** The model of a path, whatever it says of a version. @throws ServeError NOT_FOUND */
export function modelIn({ params: { version: _, ...params }, headers }: Head): Target {
  return targetOf({ params, headers });
}

/**
 * The model and version of a path. A version is a number as this server has them, the same with ".0" (TorchServe's are "1.0"), or what
 * the archive calls its own.
 * @throws ServeError NOT_FOUND
 */
export function versionIn(controlPlane: Pick<ControlPlane, "versions">, head: Head): Target {
  const target = modelIn(head);
  const { version } = head.params;
  if (version === undefined) return target;
  const found = controlPlane.versions(target).find((status) => isCalled(status, version));
  if (found === undefined) throw new UnknownVersionError(target.name, version);
  return { ...target, version: found.version };
}

function isCalled(status: ModelStatus, version: string): boolean {
  return status.version === version || `${status.version}.0` === version || status.description?.artefactVersion === version;
}

/** What TorchServe's clients know a version as. */
export function shownVersion({ version, description }: ModelStatus): string {
  return description?.artefactVersion ?? `${version}.0`;
}
