import { stat } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { ArtefactWatch, adoptModels, type Reconciler, type ResourceTable, stampOf, trustedAs } from "./control/index.ts";
import type { Clock } from "./core/clock.ts";
import { messageOf, ServeError } from "./core/errors.ts";
import type { Events } from "./core/events.ts";
import type { ModelSpec, Rejection } from "./core/model.ts";
import type { ResourceKey } from "./core/resource.ts";
import { readModels } from "./resources/index.ts";
import type { Settings } from "./settings.ts";

export interface ServedModelsOptions {
  readonly table: ResourceTable;
  readonly reconciler: Reconciler;
  readonly events: Events;
  readonly clock: Clock;
  readonly trust: Settings["trust"];
  /** Gives the models that a path holds the names that they are served under. */
  readonly named: (models: readonly ModelSpec[]) => readonly ModelSpec[];
  /** Loads models again when their files change. */
  readonly watch: boolean;
}

/** One model of a path, as it is served. */
interface Served {
  readonly key: ResourceKey;
  readonly specs: readonly ModelSpec[];
  /** When this is gone, the model is meant to be gone. */
  readonly place: string;
}

/** Models that the command line names, and what becomes of them when their files change. */
export class ServedModels {
  readonly #options: ServedModelsOptions;
  readonly #watch: ArtefactWatch;
  /** By path of the command line, then by name. */
  readonly #served = new Map<string, Map<string, Served>>();

  constructor(options: ServedModelsOptions) {
    this.#options = options;
    this.#watch = new ArtefactWatch(options.clock);
  }

  close(): void {
    this.#watch.close();
  }

  /**
   * @param path absolute
   * @param models that were found there
   * @returns what is not served of them, and why
   */
  async serve(path: string, models: readonly ModelSpec[]): Promise<readonly Rejection[]> {
    this.#served.set(path, new Map());
    if (!this.#options.watch) return this.#adopt(path, this.#options.named(models));
    await this.#watch.watch(path, () => void this.#again(path));
    // A change between the two looks is one that has been noticed already.
    const { models: now } = await readModels([path]);
    return this.#adopt(path, await stamped(path, this.#options.named(now)));
  }

  #adopt(path: string, specs: readonly ModelSpec[]): readonly Rejection[] {
    const { table, reconciler, trust } = this.#options;
    const { rejections, adopted } = adoptModels(table, reconciler, specs, trust);
    const byName = versionsByName(specs);
    for (const [name, key] of adopted) {
      const versions = byName.get(name) ?? [];
      this.#served.get(path)?.set(name, { key, specs: versions, place: placeOf(path, versions, byName.size) });
    }
    return rejections;
  }

  async #again(path: string): Promise<void> {
    try {
      await this.#compare(path);
    } catch (error) {
      this.#reject({ path, reason: messageOf(error) });
    }
  }

  async #compare(path: string): Promise<void> {
    const { named, reconciler, table, trust } = this.#options;
    const { models, rejections } = await readModels([path]);
    const found = versionsByName(await stamped(path, named(models)));
    const served = this.#served.get(path) ?? new Map<string, Served>();
    for (const rejection of rejections) this.#reject(rejection);
    for (const [name, { key, specs, place }] of served) {
      const versions = found.get(name);
      if (versions !== undefined) {
        if (isDeepStrictEqual(versions, specs)) continue;
        served.set(name, { key, specs: versions, place });
        reconciler.adoptAgain(key, trustedAs(versions, trust));
      } else if (await exists(place)) {
        served.set(name, { key, specs: [], place });
        const why = rejections.find((rejection) => rejection.path.startsWith(place))?.reason ?? "there is no model in it any more";
        reconciler.adoptAgain(key, new ServeError("FAILED_PRECONDITION", `${place}: ${why}`));
      } else {
        served.delete(name);
        table.hide(key);
      }
    }
    const others = [...found].filter(([name]) => !served.has(name)).flatMap(([, versions]) => versions);
    for (const rejection of this.#adopt(path, others)) this.#reject(rejection);
  }

  #reject({ path: place, reason }: Rejection): void {
    this.#options.events.emit("resource-rejected", { place, reason });
  }
}

function versionsByName(specs: readonly ModelSpec[]): Map<string, readonly ModelSpec[]> {
  const byName = new Map<string, readonly ModelSpec[]>();
  for (const spec of specs) byName.set(spec.name, [...(byName.get(spec.name) ?? []), spec]);
  return byName;
}

/** With what their files are now. Beside a model's file may lie other models, or anything. */
async function stamped(path: string, specs: readonly ModelSpec[]): Promise<readonly ModelSpec[]> {
  return await Promise.all(
    specs.map(async (spec) => {
      const isShared = specs.some(({ name, directory }) => name !== spec.name && directory === spec.directory);
      const isWithin = spec.directory !== dirname(path) && (spec.directory !== path || isModelItself(path, specs));
      return { ...spec, stamp: await stampOf(spec, isWithin && !isShared) };
    }),
  );
}

/** The path is one model and no folder of models. */
function isModelItself(path: string, specs: readonly ModelSpec[]): boolean {
  return (
    specs.every(({ name }) => name === specs[0]?.name) && specs.every(({ file }) => basename(file).startsWith("model.") || file === path)
  );
}

/** What in a folder of models is this model; the path itself where that is the model. */
function placeOf(path: string, versions: readonly ModelSpec[], models: number): string {
  const { file = path } = versions[0] ?? {};
  const [first = ""] = relative(path, file).split(sep);
  return (models === 1 && isModelItself(path, versions)) || first === "" || first === ".." ? path : join(path, first);
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
