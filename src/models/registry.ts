import { ServeError } from "../core/errors.ts";
import type { Target } from "../core/inference.ts";
import type { ModelStatus } from "../core/model.ts";
import { closestNames } from "./closest.ts";
import type { ModelVersion } from "./model-version.ts";

/** All versions of all models, by their one identity: namespace and name. */
export class Registry {
  /** Versions of each model, ascending. */
  readonly #models = new Map<string, ModelVersion[]>();

  add(model: ModelVersion): void {
    const { namespace, name } = model.spec;
    const versions = this.#models.get(key(namespace, name)) ?? [];
    versions.push(model);
    versions.sort((left, right) => Number(left.spec.version) - Number(right.spec.version));
    this.#models.set(key(namespace, name), versions);
  }

  /**
   * The version that a request means: the one it names, else the highest that has not failed.
   * @throws ServeError NOT_FOUND with the closest names
   */
  find(target: Target): ModelVersion {
    const versions = this.versions(target);
    if (target.version === undefined) return latestOf(versions);
    const found = versions.find((version) => version.spec.version === target.version);
    if (found !== undefined) return found;
    const existing = versions.map((version) => version.spec.version).join(", ");
    throw new ServeError(
      "NOT_FOUND",
      `Request for unknown model: '${target.name}' version ${target.version} is not found. It has ${existing}`,
    );
  }

  /** @throws ServeError NOT_FOUND with the closest names */
  versions({ namespace, name }: Target): readonly ModelVersion[] {
    const versions = this.#models.get(key(namespace, name));
    if (versions !== undefined) return versions;
    const names = [...this.#models.values()].flatMap(([first]) => (first?.spec.namespace === namespace ? [first.spec.name] : []));
    const closest = closestNames(name, names);
    const hint = closest.length > 0 ? ` Did you mean ${closest.join(" or ")}?` : "";
    // Clients of KServe and of Triton each look for their own server's words.
    throw new ServeError("NOT_FOUND", `Model with name ${name} does not exist. Request for unknown model: '${name}' is not found.${hint}`);
  }

  *all(): IterableIterator<ModelVersion> {
    for (const versions of this.#models.values()) yield* versions;
  }

  statuses(): ModelStatus[] {
    return [...this.#models.values()].flatMap((versions) => {
      const latest = latestOf(versions);
      return versions.map((version) => version.status(version === latest));
    });
  }
}

function latestOf(versions: readonly ModelVersion[]): ModelVersion {
  return versions.findLast((version) => version.state !== "failed") ?? (versions.at(-1) as ModelVersion);
}

function key(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}
