import type { RequestContext } from "../../../core/context.ts";
import { firstLine, messageOf, ServeError } from "../../../core/errors.ts";
import type { Target } from "../../../core/inference.ts";
import type { ModelStatus } from "../../../core/model.ts";
import type { ControlPlane } from "../../../core/planes.ts";
import type { ProfileRules } from "../profile.ts";
import { type LoadParameters, overrideOf } from "./load-override.ts";

/** One version in the index of Triton's model repository extension. */
export interface RepositoryIndexRow {
  readonly name: string;
  /** Absent for a model that has no versions yet. */
  readonly version?: string;
  readonly state: "READY" | "UNAVAILABLE" | "LOADING" | "UNLOADING" | "UNKNOWN";
  readonly reason: string;
}

/** Every version of every model of a namespace, or only those that answer. */
export function repositoryIndex(
  controlPlane: Pick<ControlPlane, "names" | "versions">,
  namespace: string,
  onlyReady: boolean,
): RepositoryIndexRow[] {
  const rows = [...controlPlane.names(namespace)].sort().flatMap((name): RepositoryIndexRow[] => {
    try {
      return controlPlane.versions({ namespace, name }).map(rowOf);
    } catch (error) {
      // It has no versions yet, and this says why.
      return [{ name, state: "UNAVAILABLE", reason: messageOf(error).replace(`Model with name ${name} is not ready. `, "") }];
    }
  });
  return onlyReady ? rows.filter(({ state }) => state === "READY") : rows;
}

function rowOf({ name, version, state, answers, reason }: ModelStatus): RepositoryIndexRow {
  return { name, version, state: stateOf(state, answers), reason: reasonOf(state, answers, reason) };
}

function reasonOf(state: ModelStatus["state"], answers: boolean, reason: string): string {
  if (state === "ready") return "";
  // Triton's word, which its clients look for.
  return state === "standby" && !answers ? "unloaded" : firstLine(reason);
}

function stateOf(state: ModelStatus["state"], answers: boolean): RepositoryIndexRow["state"] {
  if (state === "preparing" || state === "loading") return "LOADING";
  if (state === "draining") return "UNLOADING";
  return answers ? "READY" : "UNAVAILABLE";
}

/**
 * The model that a load names, by a name that came in a message and not in a path. Triton's clients look for these words.
 * @throws ServeError INVALID_ARGUMENT for no name and for one that leads to another folder, NOT_FOUND for one that no model can have
 */
export function loadTarget(controlPlane: Pick<ControlPlane, "names">, name: string, find: () => Target): Target {
  if (name.trim() === "") throw new ServeError("INVALID_ARGUMENT", "Model name cannot be empty. Please enter a valid name to deploy.");
  const leadsAway = name.includes("/") || [".", ".."].includes(name.trim());
  try {
    const target = find();
    // Ids of NOS's models have slashes.
    if (!leadsAway || controlPlane.names(target.namespace).includes(target.name)) return target;
  } catch (error) {
    if (!leadsAway) throw pollFailure(name, error);
  }
  throw new ServeError(
    "INVALID_ARGUMENT",
    `failed to load '${name.slice(0, 100)}', model name must not contain path traversal characters; expected a name without slashes`,
  );
}

function pollFailure(name: string, error: unknown): ServeError {
  const { code } = ServeError.from(error);
  return new ServeError(code, `failed to load '${name.slice(0, 100)}', failed to poll from model repository: ${messageOf(error)}`);
}

/**
 * Loads a model, with what the request says of it if anything. Every failure says `failed to load`, which clients look for.
 * @throws ServeError
 */
export async function loadModel(
  controlPlane: Pick<ControlPlane, "repository">,
  target: Target,
  parameters: LoadParameters | undefined,
  context: RequestContext,
  { unknownLoad, overlongFile }: Pick<ProfileRules, "unknownLoad" | "overlongFile">,
): Promise<void> {
  const { name } = target;
  controlPlane.repository.assertChangeable();
  try {
    const override = parameters === undefined ? undefined : overrideOf(name, parameters, overlongFile);
    const brings = override !== undefined && override.files.size > 0;
    if (!brings && !(await controlPlane.repository.holds(target))) {
      throw new ServeError(unknownLoad, `failed to poll from model repository: Model with name ${name} does not exist`);
    }
    await controlPlane.repository.load(target, override, context);
  } catch (thrown) {
    const error = ServeError.from(thrown, "INTERNAL", messageOf(thrown));
    const { retryAfter, refusal } = error;
    const options = {
      cause: error.cause,
      ...(retryAfter === undefined ? {} : { retryAfter }),
      ...(refusal === undefined ? {} : { refusal }),
    };
    throw new ServeError(error.code, `failed to load '${name}', ${error.message}`, options);
  }
}

/**
 * Unloads a model: it finishes what is under way.
 * @param dependents with an ensemble, its steps go that nobody else needs (Triton's `unload_dependents`)
 * @throws ServeError
 */
export async function unloadModel(
  controlPlane: Pick<ControlPlane, "repository" | "names">,
  target: Target,
  dependents: boolean,
  { unknownUnloadFails }: Pick<ProfileRules, "unknownUnloadFails">,
): Promise<void> {
  controlPlane.repository.assertChangeable();
  if (!unknownUnloadFails && !controlPlane.names(target.namespace).includes(target.name)) return;
  await controlPlane.repository.unload(target, { dependents });
}
