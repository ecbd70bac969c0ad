import type { RequestContext } from "../core/context.ts";
import { messageOf, ServeError } from "../core/errors.ts";
import type { Target } from "../core/inference.ts";
import { DEFAULT_NAMESPACE, type ModelSpec } from "../core/model.ts";
import type { ModelConfiguration } from "../core/model-configuration.ts";
import type { ModelOverride, ModelRepository, UnloadOptions } from "../core/repository.ts";
import { untilAborted } from "../core/until-aborted.ts";
import type { Manager, ModelVersion } from "../models/index.ts";
import { stampsAt, textOf } from "./artefact-files.ts";
import { bringUp, failureOf } from "./bring-up.ts";
import { modelsBelow, stepNames } from "./ensemble-steps.ts";
import { asGiven } from "./given-files.ts";
import { assertOwnEnvironment, configured } from "./override.ts";
import { Replacements, type ReplacementsOptions } from "./replacements.ts";
import { changeOf, changeReplicas } from "./spec-changes.ts";

/** The models whose files the command line names, as these are now. */
export interface ModelFiles {
  /** There are, or were, files of such a model. */
  holds(name: string): Promise<boolean>;
  /**
   * The versions that would be served; undefined for a model of another origin.
   * @param configuration stands for what its files say
   * @throws ServeError FAILED_PRECONDITION why none can be
   */
  read(name: string, configuration?: ModelConfiguration): Promise<readonly ModelSpec[] | undefined>;
  /** Serves versions of a model that has none yet. Settles when they have had their first attempt. @throws ServeError */
  begin(name: string, specs: readonly ModelSpec[]): Promise<void>;
}

export interface ModelRepositoryOptions extends ReplacementsOptions {
  readonly manager: Pick<Manager, "start" | "standBy" | "drain" | "remove" | "respec">;
  readonly files: ModelFiles;
  /** Models come and go by themselves, or not at all. */
  readonly refuses: boolean;
}

/**
 * Loads and unloads on request. What a load says of a model holds until the next one, or until the model's service changes; it is not stored.
 * One change of a model at a time.
 */
export class RequestedLoads implements ModelRepository {
  readonly #options: ModelRepositoryOptions;
  readonly #replacements: Replacements;
  /** The last change of each model that is under way. */
  readonly #changes = new Map<string, Promise<unknown>>();
  /** Whose loads are under way. */
  readonly #loading = new Set<RequestContext>();
  /** Models that nobody has asked for but ensembles. */
  readonly #implied = new Set<string>();
  /** What each model's files were when it was loaded. */
  readonly #loaded = new WeakMap<ModelVersion, string>();
  readonly #unsubscribe: () => void;

  constructor(options: ModelRepositoryOptions) {
    this.#options = options;
    this.#replacements = new Replacements(options);
    this.#unsubscribe = options.events.on("model-loaded", ({ namespace, model: name, version }) => {
      void this.#noteFiles({ namespace, name }, version);
    });
  }

  assertChangeable(): void {
    if (!this.#options.refuses) return;
    const hint = "this server was started with --model-control none or poll; explicit lets clients load and unload";
    throw new ServeError("UNAVAILABLE", `explicit model load / unload is not allowed if polling is enabled: ${hint}`);
  }

  async holds(target: Target): Promise<boolean> {
    return this.#options.registry.has(target) || (isOfCommandLine(target) && (await this.#options.files.holds(target.name)));
  }

  async load(target: Target, override: ModelOverride | undefined, context: RequestContext): Promise<void> {
    this.#loading.add(context);
    try {
      await this.#load(target, override, context);
    } finally {
      this.#loading.delete(context);
    }
  }

  async #load(target: Target, override: ModelOverride | undefined, context: RequestContext): Promise<void> {
    const named = (name: string): Target => ({ namespace: target.namespace, name });
    this.#implied.delete(keyOf(target));
    const steps = stepNames(override === undefined ? await this.#configurationOf(target) : override.configuration);
    const below = await modelsBelow(target.name, steps, async (name) => stepNames(await this.#configurationOf(named(name))));
    for (const name of below) await this.#loadStep(target.name, named(name), context);
    await this.#inTurn(target, () => (override === undefined ? this.#loadOwn(target, context) : this.#loadAs(target, override, context)));
  }

  async unload(target: Target, { dependents }: UnloadOptions): Promise<void> {
    const { registry, manager } = this.#options;
    // It is there, and has not been loaded.
    if (registry.has(target) && registry.revisions(target).length === 0) return;
    const steps = dependents ? stepNames(registry.versions(target).at(-1)?.spec.configuration) : [];
    await this.#inTurn(target, async () => {
      const models = meant(registry.versions(target), target.version);
      await Promise.all(models.map((model) => manager.drain(model)));
      const replacement = this.#replacements.get(target);
      // A model that came with a request is nowhere else.
      const isNowhereElse = replacement?.folder !== undefined && registry.base(target).length === 0;
      if (isNowhereElse && target.version === undefined) await this.#replacements.drop(target);
    });
    for (const name of steps) {
      const step = { namespace: target.namespace, name };
      if (this.#implied.delete(keyOf(step)) && !this.#isNeeded(step)) await this.unload(step, { dependents });
    }
  }

  /** Loads under way are given up, and everything that came with requests goes. */
  async close(): Promise<void> {
    this.#unsubscribe();
    // Those of the command line and of models wait for as long as it takes.
    for (const context of this.#loading) context.abort(new ServeError("UNAVAILABLE", "the server is shutting down"));
    await Promise.allSettled(this.#changes.values());
    await this.#replacements.close();
  }

  async #configurationOf(target: Target): Promise<ModelConfiguration | undefined> {
    const specs = (await this.#read(target)) ?? this.#options.registry.base(target).map(({ spec }) => spec);
    return specs.at(-1)?.configuration;
  }

  async #read(target: Target, configuration?: ModelConfiguration): Promise<readonly ModelSpec[] | undefined> {
    return isOfCommandLine(target) ? await this.#options.files.read(target.name, configuration) : undefined;
  }

  async #loadStep(ensemble: string, step: Target, context: RequestContext): Promise<void> {
    const { registry } = this.#options;
    const wasLoaded = registry.revisions(step).some(({ versions }) => versions.some(({ answers }) => answers));
    try {
      if (!(await this.holds(step))) throw new ServeError("FAILED_PRECONDITION", "there is no such model");
      await this.#inTurn(step, () => this.#loadOwn(step, context));
    } catch (error) {
      const why = `Model '${step.name}' loading failed with error: ${messageOf(error)}`;
      const { code } = ServeError.from(error);
      throw new ServeError(code, `ensemble '${ensemble}' depends on '${step.name}' which has no loaded version. ${why}`, { cause: error });
    }
    if (!wasLoaded) this.#implied.add(keyOf(step));
  }

  /** An ensemble that answers has it as a step. */
  #isNeeded({ namespace, name }: Target): boolean {
    const { registry } = this.#options;
    return registry
      .names(namespace)
      .flatMap((other) => registry.revisions({ namespace, name: other }).flatMap(({ versions }) => versions))
      .some(({ answers, spec }) => answers && stepNames(spec.configuration).includes(name));
  }

  /** As its files and its resource say. */
  async #loadOwn(target: Target, context: RequestContext): Promise<void> {
    const { registry, files } = this.#options;
    const found = await this.#read(target);
    const replacement = this.#replacements.get(target);
    if (found === undefined) {
      await (replacement === undefined ? this.#loadKnown(target, context) : this.#replacements.restore(target, context));
      return;
    }
    const base = registry.base(target);
    if (base.length === 0 && replacement === undefined) {
      await untilAborted(files.begin(target.name, found), context.signal);
      for (const model of registry.versions(target)) assertAnswers(model);
    } else if (target.version !== undefined) {
      await this.#bringUp(meant(registry.versions(target), target.version), context);
    } else if (replacement?.isAsked === false && (await this.#stays(replacement.models, found))) {
      await this.#bringUp(replacement.models, context);
    } else if (await this.#stays(base, found)) {
      await (replacement === undefined ? this.#bringUp(base, context) : this.#replacements.restore(target, context));
    } else {
      await this.#replacements.replace(target, found, { isAsked: false, folder: undefined }, context);
    }
  }

  /** Whether these models are what was found, but perhaps for the numbers of their replicas, which they get. */
  async #stays(models: readonly ModelVersion[], found: readonly ModelSpec[]): Promise<boolean> {
    const changes = found.map((spec, index) => {
      const model = models[index];
      return model === undefined ? "model" : changeOf(model.spec, spec);
    });
    if (models.length !== found.length || changes.includes("model")) return false;
    for (const [index, model] of models.entries()) {
      const spec = found[index];
      if (changes[index] === "replicas" && spec !== undefined) await changeReplicas(this.#options.manager, model, spec);
    }
    return true;
  }

  /** A model whose files are looked at by whoever has brought it. */
  async #loadKnown(target: Target, context: RequestContext): Promise<void> {
    const models = meant(this.#options.registry.versions(target), target.version);
    const isWhole = models.every(({ state }) => state === "ready") && target.version === undefined;
    const specs = models.map(({ spec }) => spec);
    if (isWhole && (await this.#haveChanged(models)))
      await this.#replacements.replace(target, specs, { isAsked: true, folder: undefined }, context);
    else await this.#bringUp(models, context);
  }

  async #loadAs(target: Target, { configuration, files }: ModelOverride, context: RequestContext): Promise<void> {
    const { registry, given } = this.#options;
    const { namespace, name } = target;
    await assertOwnEnvironment(name, configuration, () => this.#configurationOf(target));
    const written = files.size === 0 ? undefined : await given.write(name, files, configuration);
    try {
      const own =
        written?.specs.map((spec): ModelSpec => ({ ...spec, namespace })) ??
        (await this.#read(target, configuration)) ??
        registry.base(target).map(({ spec }) => spec);
      if (own.length === 0) throw new ServeError("FAILED_PRECONDITION", `no version is available: ${name} has no files yet`);
      const specs = own.every(({ folder }) => folder !== undefined) ? own : configured(own, configuration);
      const wanted = target.version === undefined ? specs : specs.filter(({ version }) => version === target.version);
      if (wanted.length === 0) throw new ServeError("FAILED_PRECONDITION", `no version is available: ${target.version} is asked for`);
      await this.#replacements.replace(target, wanted, { isAsked: true, folder: written?.folder }, context);
    } catch (error) {
      if (written === undefined) throw error;
      await given.remove(written.folder);
      throw asGiven(error, written.folder);
    }
  }

  #bringUp(models: readonly ModelVersion[], context: RequestContext): Promise<void> {
    return bringUp(models, this.#options, context);
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

function isOfCommandLine({ namespace }: Target): boolean {
  return namespace === DEFAULT_NAMESPACE;
}

/** One that stands by because others have the room answers too. @throws ServeError */
function assertAnswers(model: ModelVersion): void {
  if (!model.answers) throw failureOf(model);
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
