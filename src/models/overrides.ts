import type { Target } from "../core/inference.ts";
import type { ModelVersion } from "./model-version.ts";

type Name = Pick<Target, "namespace" | "name">;

interface Override<Entry> {
  readonly entry: Entry;
  /** What it stands for. */
  readonly base: readonly ModelVersion[];
  readonly onDropped: () => void;
}

/** What requests for a name reach instead of what its service has, for as long as the service wants the same versions. */
export class Overrides<Entry> {
  readonly #byName = new Map<string, Override<Entry>>();

  get(namespace: string, name: string): Entry | undefined {
    // Requests look here.
    return this.#byName.size === 0 ? undefined : this.#byName.get(`${namespace}/${name}`)?.entry;
  }

  /** @param onDropped is called when the service wants other versions, or is gone, and not when another override takes its place */
  set(name: Name, override: Override<Entry>): void {
    this.#byName.set(keyOf(name), override);
  }

  delete(name: Name): void {
    this.#byName.delete(keyOf(name));
  }

  /** The service has these versions now; none when it is gone. */
  baseChanged(name: Name, versions: readonly ModelVersion[]): void {
    const override = this.#byName.get(keyOf(name));
    if (override === undefined || (override.base.length === versions.length && versions.every((each) => override.base.includes(each))))
      return;
    this.#byName.delete(keyOf(name));
    override.onDropped();
  }

  /** Names of a namespace. */
  names(namespace: string): string[] {
    const prefix = `${namespace}/`;
    return [...this.#byName.keys()].flatMap((key) => (key.startsWith(prefix) ? key.slice(prefix.length) : []));
  }

  entries(): Entry[] {
    return [...this.#byName.values()].map(({ entry }) => entry);
  }
}

function keyOf({ namespace, name }: Name): string {
  return `${namespace}/${name}`;
}
