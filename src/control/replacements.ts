import type { RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import type { Target } from "../core/inference.ts";
import type { ModelSpec } from "../core/model.ts";
import type { Manager, ModelVersion, Registry } from "../models/index.ts";
import { type BringUpOptions, bringUp } from "./bring-up.ts";
import type { GivenFiles } from "./given-files.ts";

export interface ReplacementsOptions extends BringUpOptions {
  readonly registry: Registry;
  readonly manager: Pick<Manager, "start" | "standBy" | "drain" | "remove">;
  readonly createModel: (spec: ModelSpec) => ModelVersion;
  /** Where files go that come with a request. */
  readonly given: GivenFiles;
}

/** What a request has put in the place of a model's own versions. */
export interface Replacement {
  readonly models: readonly ModelVersion[];
  /** The request said how the model is to be; otherwise its files did. */
  readonly isAsked: boolean;
  /** Of the files that came with it; undefined for those that were there. */
  readonly folder: string | undefined;
}

/** Models that serve instead of a name's own, until these are wanted again or others are. */
export class Replacements {
  readonly #options: ReplacementsOptions;
  readonly #byName = new Map<string, Replacement>();

  constructor(options: ReplacementsOptions) {
    this.#options = options;
  }

  get(target: Target): Replacement | undefined {
    return this.#byName.get(keyOf(target));
  }

  /** Loads models beside those that serve, which they follow when all of them answer; until then, and when one does not, nothing changes. */
  async replace(target: Target, specs: readonly ModelSpec[], how: Omit<Replacement, "models">, context: RequestContext): Promise<void> {
    const { registry, manager, createModel } = this.#options;
    const before = this.get(target);
    const base = registry.base(target);
    const models = specs.map(createModel);
    try {
      await bringUp(models, this.#options, context);
    } catch (error) {
      await Promise.all(models.map((model) => manager.remove(model)));
      throw error;
    }
    const replacement = { ...how, models };
    this.#byName.set(keyOf(target), replacement);
    registry.override(target, models, () => void this.#discard(target, replacement));
    this.#tell(models);
    if (before !== undefined) await this.#discard(target, before);
    else await Promise.all(base.map((model) => this.#setAside(model)));
  }

  /** What the model's own files and its resource say is served again. @throws ServeError when it has none of its own */
  async restore(target: Target, context: RequestContext): Promise<void> {
    const base = this.#options.registry.base(target);
    if (base.length === 0)
      throw new ServeError("FAILED_PRECONDITION", "failed to poll from model repository: its files came with a request");
    await bringUp(base, this.#options, context);
    await this.drop(target);
  }

  /** Requests for the name reach its own versions, if it has any. */
  async drop(target: Target): Promise<void> {
    const replacement = this.get(target);
    const { registry } = this.#options;
    registry.restore(target);
    this.#tell(registry.base(target));
    if (replacement !== undefined) await this.#discard(target, replacement);
  }

  /** Everything that came with requests goes. */
  async close(): Promise<void> {
    const models = [...this.#byName.values()].flatMap((replacement) => replacement.models);
    await Promise.all(models.map((model) => this.#options.manager.remove(model)));
    await this.#options.given.close();
  }

  /** Whoever follows a model, such as an ensemble, has heard of these before requests reached them. */
  #tell(models: readonly ModelVersion[]): void {
    for (const model of models) this.#options.events.emit("model-state-changed", model.status(false));
  }

  /** Its requests go to others; should it be needed again, it loads. */
  async #setAside(model: ModelVersion): Promise<void> {
    await this.#options.manager.drain(model);
    this.#options.manager.standBy(model, "requests are answered as the last load of it said; a load that says nothing serves this again");
    model.drained = false;
  }

  async #discard(target: Target, replacement: Replacement): Promise<void> {
    if (this.get(target) === replacement) this.#byName.delete(keyOf(target));
    await Promise.all(replacement.models.map((model) => this.#options.manager.remove(model)));
    if (replacement.folder !== undefined) await this.#options.given.remove(replacement.folder);
  }
}

function keyOf({ namespace, name }: Target): string {
  return `${namespace}/${name}`;
}
