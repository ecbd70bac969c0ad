import { closestNames } from "../core/closest.ts";
import { ServeError } from "../core/errors.ts";
import type { Target } from "../core/inference.ts";
import type { ModelStatus } from "../core/model.ts";
import type { ModelVersion } from "./model-version.ts";

/** What requests for one name reach. */
interface Entry {
  /** Ascending. */
  readonly versions: readonly ModelVersion[];
  /** What is said as long as there are no versions. */
  readonly pending: string;
}

/** All versions of all models, by their one identity: namespace and name. */
export class Registry {
  /** By namespace, then by name: requests look here, and making one key of both would cost more than the second look. */
  readonly #namespaces = new Map<string, Map<string, Entry>>();

  /** From now on requests for the name reach these versions; without any they hear why. */
  set({ namespace, name }: Target, versions: readonly ModelVersion[], pending = ""): void {
    const sorted = [...versions].sort((left, right) => Number(left.spec.version) - Number(right.spec.version));
    let names = this.#namespaces.get(namespace);
    if (names === undefined) {
      names = new Map();
      this.#namespaces.set(namespace, names);
    }
    names.set(name, { versions: sorted, pending });
  }

  delete({ namespace, name }: Target): void {
    const names = this.#namespaces.get(namespace);
    names?.delete(name);
    if (names?.size === 0) this.#namespaces.delete(namespace);
  }

  /**
   * The version that a request means: the one it names, else the highest that answers, else the highest that has not failed.
   * @throws ServeError NOT_FOUND with the closest names, UNAVAILABLE for a model that has no versions yet
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

  /** At least one. @throws ServeError NOT_FOUND with the closest names, UNAVAILABLE for a model that has no versions yet */
  versions({ namespace, name }: Target): readonly ModelVersion[] {
    const entry = this.#entry(namespace, name);
    if (entry === undefined) throw this.#unknown(namespace, name);
    if (entry.versions.length > 0) return entry.versions;
    throw new ServeError("UNAVAILABLE", `Model with name ${name} is not ready. ${entry.pending}`, { retryAfter: 1, refusal: "not_ready" });
  }

  statuses(): ModelStatus[] {
    return [...this.#namespaces.values()]
      .flatMap((names) => [...names.values()])
      .flatMap(({ versions }) => {
        if (versions.length === 0) return [];
        const latest = latestOf(versions);
        return versions.map((version) => version.status(version === latest));
      });
  }

  has({ namespace, name }: Pick<Target, "namespace" | "name">): boolean {
    return this.#entry(namespace, name) !== undefined;
  }

  /** The hosts that the model's versions are in, or were in last. */
  hostNames({ namespace, name }: Target): string[] {
    const versions = this.#entry(namespace, name)?.versions ?? [];
    return versions.flatMap(({ hostName }) => hostName ?? []);
  }

  /** Names of a namespace, those that have no versions yet too. */
  names(namespace: string): string[] {
    return [...(this.#namespaces.get(namespace)?.keys() ?? [])];
  }

  #entry(namespace: string, name: string): Entry | undefined {
    return this.#namespaces.get(namespace)?.get(name);
  }

  #unknown(namespace: string, name: string): ServeError {
    const closest = closestNames(name, this.names(namespace));
    const hint = closest.length > 0 ? ` Did you mean ${closest.join(" or ")}?` : "";
    // Clients of KServe and of Triton each look for their own server's words.
    return new ServeError("NOT_FOUND", `Model with name ${name} does not exist. Request for unknown model: '${name}' is not found.${hint}`);
  }
}

function latestOf(versions: readonly ModelVersion[]): ModelVersion {
  const answering = versions.findLast(({ answers }) => answers);
  return answering ?? versions.findLast(({ state }) => state !== "failed") ?? (versions.at(-1) as ModelVersion);
}
