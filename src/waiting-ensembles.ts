import { ServeError } from "./core/errors.ts";
import type { EnsembleIdentity } from "./replicas/index.ts";

/** Ensembles that wait for the models of their steps, which may be ensembles that wait. */
export class WaitingEnsembles {
  readonly #waiting = new Map<string, EnsembleIdentity>();

  /** @throws ServeError FAILED_PRECONDITION for one that waits for itself, and what the work throws */
  async during<Result>(ensemble: EnsembleIdentity, work: () => Promise<Result>): Promise<Result> {
    const key = keyOf(ensemble.namespace, ensemble.name);
    this.#waiting.set(key, ensemble);
    try {
      const circle = this.#circle(ensemble, [ensemble.name]);
      if (circle !== undefined)
        throw new ServeError("FAILED_PRECONDITION", `circular dependency between ensembles: ${circle.join(" -> ")}`);
      return await work();
    } finally {
      if (this.#waiting.get(key) === ensemble) this.#waiting.delete(key);
    }
  }

  /** The way from the first model back to it, through those that wait. */
  #circle({ namespace, configuration }: EnsembleIdentity, path: readonly string[]): readonly string[] | undefined {
    for (const { modelName } of configuration.ensemble?.steps ?? []) {
      if (modelName === path[0]) return [...path, modelName];
      const next = this.#waiting.get(keyOf(namespace, modelName));
      if (next === undefined || path.includes(modelName)) continue;
      const circle = this.#circle(next, [...path, modelName]);
      if (circle !== undefined) return circle;
    }
    return undefined;
  }
}

function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}
