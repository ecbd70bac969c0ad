import type { JsonObject } from "./core/inference.ts";
import type { ModelSpec } from "./core/model.ts";

/** What the replicas of a model of a Triton repository are called: as Triton calls the instances of its first group. */
export class InstanceNames {
  readonly #taken = new WeakMap<ModelSpec, Set<number>>();

  /** For a replica's load frame; the name is free again when it has gone. */
  of(spec: ModelSpec, gone: Promise<unknown>): { readonly configuration?: JsonObject; readonly instance: string } {
    const taken = this.#taken.get(spec) ?? new Set();
    this.#taken.set(spec, taken);
    let index = 0;
    while (taken.has(index)) index++;
    taken.add(index);
    void gone.then(() => taken.delete(index));
    const group = spec.configuration?.instanceGroups[0]?.name;
    const instance = `${group === undefined || group === "" ? spec.name : group}_${index}`;
    return { instance, ...(spec.configuration === undefined ? {} : { configuration: spec.configuration.json }) };
  }
}
