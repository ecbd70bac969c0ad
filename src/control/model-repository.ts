import type { RequestContext } from "../core/context.ts";
import { firstLine, ServeError } from "../core/errors.ts";
import type { Events } from "../core/events.ts";
import type { Target } from "../core/inference.ts";
import type { ModelSpec } from "../core/model.ts";
import type { ModelOverride, ModelRepository, VersionPolicy } from "../core/repository.ts";
import { untilAborted } from "../core/until-aborted.ts";
import type { Manager, ModelVersion, Registry } from "../models/index.ts";
import { stampsAt, textOf } from "./artefact-files.ts";
import { asGiven, type GivenFiles } from "./given-files.ts";

export interface ModelRepositoryOptions {
  readonly registry: Registry;
  readonly manager: Pick<Manager, "start" | "standBy" | "drain" | "remove">;
  readonly events: Events;
  readonly createModel: (spec: ModelSpec) => ModelVersion;
  /** Where files go that come with a request. */
  readonly files: GivenFiles;
}

/** What a request has put in the place of a model's own versions. */
interface Replacement {
  readonly models: readonly ModelVersion[];
  /** Of the files that came with it; undefined for those that were there. */
  readonly folder: string | undefined;
}

/**
 * Loads and unloads on request. What a load says of a model holds until the next one, or until the model's service changes; it is not stored.
 * One change of a model at a time.
 */
export class RequestedLoads implements ModelRepository {
  readonly #options: ModelRepositoryOptions;
  readonly #replacements = new Map<string, Replacement>();
  /** The last change of each model that is under way. */
  readonly #changes = new Map<string, Promise<unknown>>();
  /** What each model's files were when it was loaded. */
  readonly #loaded = new WeakMap<ModelVersion, string>();
  readonly #unsubscribe: () => void;

  constructor(options: ModelRepositoryOptions) {
    this.#options = options;
    this.#unsubscribe = options.events.on("model-loaded", ({ namespace, model: name, version }) => {
      void this.#noteFiles({ namespace, name }, version);
    });
  }

  load(target: Target, override: ModelOverride | undefined, context: RequestContext): Promise<void> {
    return this.#inTurn(target, async () => {
      if (override !== undefined) await this.#loadAs(target, override, context);
      else if (this.#replacements.has(keyOf(target))) await this.#restore(target, context);
      else await this.#loadOwn(target, context);
    });
  }

  unload(target: Target, _context: RequestContext): Promise<void> {
    return this.#inTurn(target, async () => {
      const { registry, manager } = this.#options;
      const models = meant(registry.versions(target), target.version);
      await Promise.all(models.map((model) => manager.drain(model)));
      const replacement = this.#replacements.get(keyOf(target));
      // A model that came with a request is nowhere else.
      if (replacement?.folder !== undefined && registry.base(target).length === 0 && target.version === undefined) {
        registry.restore(target);
        await this.#discard(target, replacement);
      }
    });
  }

  /** Everything that came with requests goes. */
  async close(): Promise<void> {
    this.#unsubscribe();
    await Promise.allSettled(this.#changes.values());
    await Promise.all([...this.#replacements.values()].flatMap(({ models }) => models.map((model) => this.#options.manager.remove(model))));
    await this.#options.files.close();
  }

  async #loadOwn(target: Target, context: RequestContext): Promise<void> {
    const models = meant(this.#options.registry.versions(target), target.version);
    if (models.every(({ state }) => state === "ready") && target.version === undefined && (await this.#haveChanged(models))) {
      await this.#replace(
        target,
        models.map(({ spec }) => spec),
        undefined,
        context,
      );
      return;
    }
    await this.#bringUp(models, context);
  }

  async #loadAs(target: Target, override: ModelOverride, context: RequestContext): Promise<void> {
    const { registry, files } = this.#options;
    const { namespace, name } = target;
    const given = override.files.size === 0 ? undefined : await files.write(name, override.files);
    const own = given?.specs.map((spec): ModelSpec => ({ ...spec, namespace })) ?? registry.base(target).map(({ spec }) => spec);
    const versions = target.version === undefined ? override.versions : { specific: [target.version] };
    try {
      if (own.length === 0) throw new ServeError("FAILED_PRECONDITION", `no version is available: ${name} has no files yet`);
      const specs = chosen(own, versions).map((spec) => overridden(spec, override));
      await this.#replace(target, specs, given?.folder, context);
    } catch (error) {
      if (given === undefined) throw error;
      await files.remove(given.folder);
      throw asGiven(error, given.folder);
    }
  }

  /** Loads models beside those that serve, which they follow when all of them answer; until then, and when one does not, nothing changes. */
  async #replace(target: Target, specs: readonly ModelSpec[], folder: string | undefined, context: RequestContext): Promise<void> {
    const { registry, manager, createModel } = this.#options;
    const before = this.#replacements.get(keyOf(target));
    const base = registry.base(target);
    const models = specs.map(createModel);
    try {
      await this.#bringUp(models, context);
    } catch (error) {
      await Promise.all(models.map((model) => manager.remove(model)));
      throw error;
    }
    const replacement = { models, folder };
    this.#replacements.set(keyOf(target), replacement);
    registry.override(target, models, () => void this.#discard(target, replacement));
    if (before !== undefined) await this.#discard(target, before);
    else await Promise.all(base.map((model) => this.#setAside(model)));
  }

  /** What the model's own files and its resource say is served again. */
  async #restore(target: Target, context: RequestContext): Promise<void> {
    const { registry } = this.#options;
    const base = registry.base(target);
    if (base.length === 0)
      throw new ServeError("FAILED_PRECONDITION", "failed to poll from model repository: its files came with a request");
    await this.#bringUp(base, context);
    registry.restore(target);
    await this.#discard(target, this.#replacements.get(keyOf(target)) as Replacement);
  }

  /** Its requests go to others; should it be needed again, it loads. */
  async #setAside(model: ModelVersion): Promise<void> {
    await this.#options.manager.drain(model);
    this.#options.manager.standBy(model, "requests are answered as the last load of it said; a load that says nothing serves this again");
    model.drained = false;
  }

  async #discard(target: Target, replacement: Replacement): Promise<void> {
    if (this.#replacements.get(keyOf(target)) === replacement) this.#replacements.delete(keyOf(target));
    await Promise.all(replacement.models.map((model) => this.#options.manager.remove(model)));
    if (replacement.folder !== undefined) await this.#options.files.remove(replacement.folder);
  }

  /** @throws ServeError why one of them does not answer */
  async #bringUp(models: readonly ModelVersion[], context: RequestContext): Promise<void> {
    await Promise.all(
      models.map(async (model) => {
        model.drained = false;
        if (model.state === "failed" || model.state === "registered" || model.state === "standby") {
          await untilAborted(this.#options.manager.start(model), context.signal);
        }
        await this.#settled(model, context);
        if (model.state === "ready") return;
        const { failure } = model;
        throw failure === undefined
          ? new ServeError("UNAVAILABLE", `version ${model.spec.version} is ${model.state}: ${firstLine(model.reason)}`)
          : new ServeError(failure.code, firstLine(failure.message));
      }),
    );
  }

  /** One that loads already is waited for. */
  async #settled(model: ModelVersion, context: RequestContext): Promise<void> {
    let end = (): void => undefined;
    const settled = new Promise<void>((resolve) => {
      const look = (): void => {
        if (model.state !== "preparing" && model.state !== "loading") resolve();
      };
      end = this.#options.events.on("model-state-changed", look);
      look();
    });
    await untilAborted(settled, context.signal).finally(end);
  }

  async #haveChanged(models: readonly ModelVersion[]): Promise<boolean> {
    const changed = await Promise.all(
      models.map(async (model) => {
        const loaded = this.#loaded.get(model);
        const files = await stampsAt(model.spec.file);
        // Of files that are not there nothing else could be loaded.
        return loaded !== undefined && files !== undefined && textOf(files) !== loaded;
      }),
    );
    return changed.includes(true);
  }

  async #noteFiles(target: Target, version: string): Promise<void> {
    try {
      const model = this.#options.registry.versions(target).find(({ spec }) => spec.version === version);
      if (model === undefined) return;
      // It was on its way when it was unloaded.
      if (model.drained) await this.#options.manager.drain(model);
      const files = await stampsAt(model.spec.file);
      if (files !== undefined) this.#loaded.set(model, textOf(files));
    } catch {
      // It is not there any more, and another load will tell.
    }
  }

  #inTurn(target: Target, change: () => Promise<void>): Promise<void> {
    const key = keyOf(target);
    const before = this.#changes.get(key) ?? Promise.resolve();
    const done = before.catch(() => undefined).then(change);
    this.#changes.set(key, done);
    const forget = (): void => {
      if (this.#changes.get(key) === done) this.#changes.delete(key);
    };
    done.then(forget, forget);
    return done;
  }
}

function keyOf({ namespace, name }: Target): string {
  return `${namespace}/${name}`;
}

/** @throws ServeError NOT_FOUND */
function meant(models: readonly ModelVersion[], version: string | undefined): readonly ModelVersion[] {
  const found = models.filter(({ spec }) => version === undefined || spec.version === version);
  if (found.length > 0) return found;
  const existing = models.map(({ spec }) => spec.version).join(", ");
  throw new ServeError(
    "NOT_FOUND",
    `Request for unknown model: '${models[0]?.spec.name}' version ${version} is not found. It has ${existing}`,
  );
}

/** @throws ServeError FAILED_PRECONDITION */
function chosen(specs: readonly ModelSpec[], policy: VersionPolicy | undefined): readonly ModelSpec[] {
  if (policy === undefined) return specs;
  if ("latest" in policy) return specs.slice(-policy.latest);
  const found = specs.filter(({ version }) => policy.specific.includes(version));
  if (found.length > 0) return found;
  const existing = specs.map(({ version }) => version).join(", ");
  throw new ServeError(
    "FAILED_PRECONDITION",
    `no version is available: there are ${existing}, and ${policy.specific.join(", ")} is asked for`,
  );
}

function overridden(spec: ModelSpec, { scheduling, responseCache, notes }: ModelOverride): ModelSpec {
  // Where the graph does not name its dimensions, whoever gives it batches says which one is the batch's.
  const takesBatches = spec.format === "onnx" && (scheduling.maxBatchRows ?? 1) > 1;
  return {
    ...spec,
    ...(takesBatches ? { settings: { ...spec.settings, batchable: true } } : {}),
    scheduling: { ...spec.scheduling, ...scheduling },
    ...(responseCache === undefined ? {} : { responseCache }),
    ...(notes.length === 0 ? {} : { notes: [...(spec.notes ?? []), ...notes] }),
  };
}
