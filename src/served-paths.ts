import { applyManifests, type Reconciler, type ResourceTable } from "./control/index.ts";
import type { Clock } from "./core/clock.ts";
import { messageOf } from "./core/errors.ts";
import type { Events } from "./core/events.ts";
import { DEFAULT_NAMESPACE, isModelName, MODEL_NAME_RULE, type ModelSpec, type Rejection } from "./core/model.ts";
import type { Registry } from "./models/index.ts";
import { readModels, type TritonOptions, watchPath } from "./resources/index.ts";
import { ServedModels } from "./served-models.ts";
import type { Settings } from "./settings.ts";

export interface ServedPathsOptions {
  readonly table: ResourceTable;
  readonly reconciler: Reconciler;
  readonly events: Events;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly trust: Settings["trust"];
  /** How models of Triton model repositories are read. */
  readonly triton: TritonOptions;
  /** Name for the one model that the paths hold, instead of its file's or folder's. */
  readonly modelName: string | undefined;
  /** Applies YAML files of the paths again when they change. */
  readonly watch: boolean;
  /** Loads models again when their files change: milliseconds between two looks at them, or undefined for never. */
  readonly lookMs: number | undefined;
  /** Only models that somebody loads are served. */
  readonly onDemand: boolean;
}

/** Files and folders that the command line names. */
export class ServedPaths {
  readonly #options: ServedPathsOptions;
  readonly #rejections = new Map<string, readonly Rejection[]>();
  readonly #watches: Array<() => void> = [];
  readonly models: ServedModels;

  constructor(options: ServedPathsOptions) {
    this.#options = options;
    this.models = new ServedModels({ ...options, named: (models) => named(models, options.modelName) });
  }

  /** What is not served, and why. */
  get rejections(): readonly Rejection[] {
    return [...this.#rejections.values()].flat();
  }

  /** @param path absolute. @returns what of it is not served, and why, and the names of the models in it that are */
  async serve(path: string): Promise<{ readonly rejections: readonly Rejection[]; readonly names: readonly string[] }> {
    const { table, watch, triton } = this.#options;
    const found = await readModels([path], triton);
    const { models, manifestFiles } = found;
    if (watch) this.#watch(path);
    const unapplied = manifestFiles.length === 0 ? [] : await applyManifests(table, manifestFiles, path);
    const unserved = await this.models.serve(path, found);
    const rejections = [...unserved, ...unapplied];
    this.#rejections.set(path, rejections);
    // Those that cannot be served are shown as services that say why.
    const unavailable = found.rejections.filter((each) => each.model !== undefined && !rejections.includes(each));
    const names = this.#options.onDemand ? [] : [...new Set(models.map(({ name }) => name))];
    return { rejections: [...rejections, ...unavailable], names };
  }

  /** A model that was to be loaded at the start is not served, and this is why. */
  refuse(name: string, reason: string): void {
    // One that is served says it there.
    if (this.#options.reconciler.keyOf({ namespace: DEFAULT_NAMESPACE, name }) !== undefined) return;
    this.#rejections.set(`--load-model ${name}`, [{ path: `--load-model ${name}`, reason }]);
  }

  /** Changes are no longer noticed. */
  close(): void {
    this.models.close();
    for (const end of this.#watches) end();
  }

  /** A machine may have no more watches to give: what is there is served all the same. */
  #watch(path: string): void {
    const { clock, events } = this.#options;
    try {
      this.#watches.push(watchPath(path, clock, () => void this.#applyAgain(path)));
    } catch (error) {
      events.emit("resource-rejected", { place: path, reason: `changes of it will not be noticed: ${messageOf(error)}` });
    }
  }

  async #applyAgain(path: string): Promise<void> {
    const { table, events } = this.#options;
    const { manifestFiles } = await readModels([path], this.#options.triton);
    for (const { path: place, reason } of await applyManifests(table, manifestFiles, path)) {
      events.emit("resource-rejected", { place, reason });
    }
  }
}

function named(models: readonly ModelSpec[], name: string | undefined): readonly ModelSpec[] {
  if (name === undefined) return models;
  if (!isModelName(name)) throw new Error(`--model_name '${name}' cannot be a model's name: ${MODEL_NAME_RULE}`);
  const found = new Set(models.map((spec) => spec.name));
  if (found.size > 1) throw new Error(`--model_name ${name} is for one model, and there are ${found.size}: ${[...found].join(", ")}`);
  return models.map((spec) => ({ ...spec, name }));
}
