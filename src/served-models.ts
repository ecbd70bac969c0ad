import { stat } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { isDeepStrictEqual } from "node:util";
import {
  ArtefactWatch,
  adoptModels,
  adoptUnavailable,
  type ModelFiles,
  type Reconciler,
  type ResourceTable,
  stampOf,
  trustedAs,
} from "./control/index.ts";
import type { Clock } from "./core/clock.ts";
import { messageOf, ServeError } from "./core/errors.ts";
import type { Events } from "./core/events.ts";
import { DEFAULT_NAMESPACE, isModelName, type ModelSpec, type Rejection } from "./core/model.ts";
import type { ModelConfiguration } from "./core/model-configuration.ts";
import type { ResourceKey } from "./core/resource.ts";
import type { Registry } from "./models/index.ts";
import { configurationFile, type FoundModels, readModels, type TritonOptions } from "./resources/index.ts";
import type { Settings } from "./settings.ts";

export interface ServedModelsOptions {
  readonly table: ResourceTable;
  readonly reconciler: Reconciler;
  readonly registry: Registry;
  readonly events: Events;
  readonly clock: Clock;
  readonly trust: Settings["trust"];
  /** How models of Triton model repositories are read. */
  readonly triton: TritonOptions;
  /** Gives the models that a path holds the names that they are served under. */
  readonly named: (models: readonly ModelSpec[]) => readonly ModelSpec[];
  /** Loads models again when their files change: milliseconds between two looks at them, or undefined for never. */
  readonly lookMs: number | undefined;
  /** Only what somebody loads is served. */
  readonly onDemand: boolean;
}

/** One model of a path, as it is served. */
interface Served {
  readonly key: ResourceKey;
  readonly specs: readonly ModelSpec[];
  /** Why there are none. */
  readonly reason?: string | undefined;
  /** When this is gone, the model is meant to be gone. */
  readonly place: string;
}

/** What is at a path. */
interface Found {
  readonly specs: ReadonlyMap<string, readonly ModelSpec[]>;
  /** Models of a Triton model repository that cannot be served, by name. */
  readonly unavailable: ReadonlyMap<string, Rejection>;
  /** Everything else that is not served. */
  readonly rejections: readonly Rejection[];
}

/** Models that the command line names, and what becomes of them when their files change. */
export class ServedModels implements ModelFiles {
  readonly #options: ServedModelsOptions;
  readonly #watch: ArtefactWatch;
  /** By path of the command line, then by name. */
  readonly #served = new Map<string, Map<string, Served>>();
  /** Names that have been seen, each with its path. */
  readonly #paths = new Map<string, string>();
  /** The folders of those of Triton model repositories. */
  readonly #folders = new Map<string, string>();

  constructor(options: ServedModelsOptions) {
    this.#options = options;
    this.#watch = new ArtefactWatch(options.clock, options.lookMs);
  }

  close(): void {
    this.#watch.close();
  }

  /** Those that have been seen in the paths. */
  get names(): readonly string[] {
    return [...this.#paths.keys()];
  }

  /**
   * @param path absolute
   * @param read what was found there
   * @returns what is not served of it, and why
   */
  async serve(path: string, read: FoundModels): Promise<readonly Rejection[]> {
    const { lookMs, onDemand } = this.#options;
    this.#served.set(path, new Map());
    if (lookMs !== undefined) await this.#watch.watch(path, () => void this.#again(path));
    // A change between two looks is one that has been noticed already.
    const found = lookMs === undefined ? await this.#found(path, read) : await this.#look(path);
    if (!onDemand) return [...found.rejections, ...this.#adopt(path, found)];
    this.#announce(found);
    return found.rejections;
  }

  async holds(name: string): Promise<boolean> {
    return (await this.#pathOf(name)) !== undefined;
  }

  async read(name: string, configuration?: ModelConfiguration): Promise<readonly ModelSpec[] | undefined> {
    const path = await this.#pathOf(name);
    if (path === undefined) return undefined;
    const found = await this.#modelAt(path, name, configuration);
    const specs = found.specs.get(name);
    if (specs !== undefined) return trustedAs(specs, this.#options.trust);
    const { reason = "failed to poll from model repository: its files are not there any more" } = found.unavailable.get(name) ?? {};
    throw new ServeError("FAILED_PRECONDITION", reason);
  }

  async begin(name: string, specs: readonly ModelSpec[]): Promise<void> {
    const { table, reconciler, trust } = this.#options;
    const path = await this.#pathOf(name);
    const served = path === undefined ? undefined : this.#served.get(path);
    if (path === undefined || served === undefined) throw new ServeError("NOT_FOUND", `there are no files for ${name}`);
    const before = served.get(name);
    if (before !== undefined) table.hide(before.key);
    const { rejections, adopted, tried } = adoptModels(table, reconciler, specs, trust);
    const [rejection] = rejections;
    if (rejection !== undefined) throw new ServeError("ALREADY_EXISTS", rejection.reason);
    for (const key of adopted.values()) served.set(name, { key, specs, place: placeOf(path, specs, this.#paths.size) });
    await tried;
  }

  /** The path that has, or had, files for a model. */
  async #pathOf(name: string): Promise<string | undefined> {
    const known = this.#paths.get(name);
    if (known !== undefined) return known;
    for (const path of this.#served.keys()) await this.#look(path);
    return this.#paths.get(name);
  }

  /** What is at a path now, or at least what there is now of one of its models. */
  async #modelAt(path: string, name: string, configuration: ModelConfiguration | undefined): Promise<Found> {
    const folder = this.#folders.get(name);
    const { triton } = this.#options;
    const place = this.#served.get(path)?.get(name)?.place ?? path;
    if (folder === undefined && place !== path) {
      const found = await this.#found(path, await readModels([place], triton));
      // By itself it may be something else than what it is among others.
      return found.specs.has(name) ? found : await this.#look(path);
    }
    const isWritten = folder !== undefined && (await configurationFile(folder, triton.configurationName)) !== undefined;
    if (folder === undefined || (configuration === undefined && !isWritten)) return await this.#look(path);
    return await this.#found(path, await readModels([folder], { ...triton, configuration }));
  }

  async #look(path: string): Promise<Found> {
    return await this.#found(path, await readModels([path], this.#options.triton));
  }

  async #found(path: string, { models, rejections }: Pick<FoundModels, "models" | "rejections">): Promise<Found> {
    const specs = versionsByName(await stamped(path, this.#options.named(models)));
    const unavailable = new Map<string, Rejection>();
    for (const rejection of rejections) {
      const { model } = rejection;
      if (model !== undefined && !specs.has(model) && !unavailable.has(model)) unavailable.set(model, rejection);
    }
    for (const name of [...specs.keys(), ...unavailable.keys()]) if (!this.#paths.has(name)) this.#paths.set(name, path);
    for (const [name, [spec]] of specs) if (spec?.folder !== undefined) this.#folders.set(name, spec.folder);
    for (const [name, { path: folder }] of unavailable) this.#folders.set(name, folder);
    return { specs, unavailable, rejections: rejections.filter(({ model }) => model === undefined || specs.has(model)) };
  }

  #adopt(path: string, { specs, unavailable }: Pick<Found, "specs" | "unavailable">): readonly Rejection[] {
    const { table, reconciler, trust } = this.#options;
    const served = this.#served.get(path);
    const { rejections, adopted } = adoptModels(table, reconciler, [...specs.values()].flat(), trust);
    for (const [name, key] of adopted) {
      const versions = specs.get(name) ?? [];
      served?.set(name, { key, specs: versions, place: placeOf(path, versions, specs.size + unavailable.size) });
    }
    const refused: Rejection[] = [];
    for (const [name, { path: folder, reason }] of unavailable) {
      const key = adoptUnavailable(table, reconciler, { name, folder, reason });
      if (key === undefined) refused.push({ path: folder, reason });
      else served?.set(name, { key, specs: [], reason, place: folder });
    }
    return [...rejections, ...refused];
  }

  /** Models that are there, and that nobody has loaded. */
  #announce({ specs, unavailable }: Found): void {
    const { registry } = this.#options;
    for (const name of [...specs.keys(), ...unavailable.keys()].filter(isModelName)) {
      const target = { namespace: DEFAULT_NAMESPACE, name };
      if (!registry.has(target)) registry.set(target, [], unavailable.get(name)?.reason ?? "It has not been loaded");
    }
  }

  async #again(path: string): Promise<void> {
    try {
      await this.#compare(path);
    } catch (error) {
      this.#reject({ path, reason: messageOf(error) });
    }
  }

  async #compare(path: string): Promise<void> {
    const { reconciler, table, trust } = this.#options;
    const found = await this.#look(path);
    const served = this.#served.get(path) ?? new Map<string, Served>();
    for (const rejection of found.rejections) this.#reject(rejection);
    for (const [name, { key, specs, reason, place }] of served) {
      const versions = found.specs.get(name);
      if (versions !== undefined) {
        if (isDeepStrictEqual(versions, specs)) continue;
        served.set(name, { key, specs: versions, place });
        reconciler.adoptAgain(key, trustedAs(versions, trust));
      } else if (await exists(place)) {
        const rejection = found.unavailable.get(name) ?? found.rejections.find((each) => each.path.startsWith(place));
        const why = rejection?.reason ?? "there is no model in it any more";
        if (why === reason) continue;
        served.set(name, { key, specs: [], reason: why, place });
        if (found.unavailable.has(name)) this.#reject({ path: place, reason: why });
        reconciler.adoptAgain(key, new ServeError("FAILED_PRECONDITION", `${place}: ${why}`));
      } else {
        served.delete(name);
        this.#paths.delete(name);
        this.#folders.delete(name);
        table.hide(key);
      }
    }
    const isNew = ([name]: readonly [string, unknown]): boolean => !served.has(name);
    const others = { specs: new Map([...found.specs].filter(isNew)), unavailable: new Map([...found.unavailable].filter(isNew)) };
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
  const { file = path, folder } = versions[0] ?? {};
  if (folder !== undefined) return folder;
  const [first = ""] = relative(path, file).split(sep);
  return (models === 1 && isModelItself(path, versions)) || first === "" || first === ".." ? path : join(path, first);
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
