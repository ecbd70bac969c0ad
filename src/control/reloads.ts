import type { ResourceKey } from "../core/resource.ts";
import type { ArtefactWatch } from "./artefact-watch.ts";
import { describe } from "./resource-table.ts";

/** Which files each service was made of, and who is told when they change. */
export class Reloads {
  readonly #watch: ArtefactWatch;
  readonly #onChange: (key: ResourceKey) => void;
  readonly #followed = new Map<string, { readonly path: string; end: () => void }>();

  constructor(watch: ArtefactWatch, onChange: (key: ResourceKey) => void) {
    this.#watch = watch;
    this.#onChange = onChange;
  }

  /** The service is made of what is at this path from now on. Settles when a change after this will be noticed. */
  async follow(key: ResourceKey, path: string): Promise<void> {
    const name = describe(key);
    if (this.#followed.get(name)?.path === path) return;
    this.forget(key);
    const followed = { path, end: (): void => undefined };
    this.#followed.set(name, followed);
    const end = await this.#watch.watch(path, () => this.#onChange(key));
    if (this.#followed.get(name) === followed) followed.end = end;
    else end();
  }

  forget(key: ResourceKey): void {
    this.#followed.get(describe(key))?.end();
    this.#followed.delete(describe(key));
  }
}
