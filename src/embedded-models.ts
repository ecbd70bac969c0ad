import { resolve } from "node:path";
import { adoptModels, type Reconciler, type ResourceTable } from "./control/index.ts";
import { ServeError } from "./core/errors.ts";
import { DEFAULT_NAMESPACE, isModelName, MODEL_NAME_RULE, type ModelSpec } from "./core/model.ts";
import type { ControlPlane, ResourceView } from "./core/planes.ts";
import type { ResourceKey } from "./core/resource.ts";
import { createHandle, type HandleStatus, type InProcessDoor, type ModelHandle, statusOf } from "./handles/index.ts";
import { readDocuments, validateDocument } from "./resources/index.ts";
import type { ServedPaths } from "./served-paths.ts";

export interface EmbeddedModelsOptions {
  readonly table: ResourceTable;
  readonly reconciler: Reconciler;
  readonly servedPaths: ServedPaths;
  readonly controlPlane: Pick<ControlPlane, "list" | "versions">;
  readonly door: InProcessDoor;
}

export interface InProgramOptions {
  /** Calls that it takes at once, 1 when absent: more for a model that waits for something else. */
  readonly concurrency?: number;
}

/** What a program that embeds the server has it serve. */
export class EmbeddedModels {
  readonly #options: EmbeddedModelsOptions;

  constructor(options: EmbeddedModelsOptions) {
    this.#options = options;
  }

  /**
   * Serves a model that is an object, or a class, of this program: what the file of a custom model would export. It runs in this process.
   * Settles when its `load` has run and its example has been answered.
   * @throws ServeError ALREADY_EXISTS for a name that is taken, or why the model does not load
   */
  async add(name: string, model: object, { concurrency = 1 }: InProgramOptions = {}): Promise<ModelHandle> {
    if (!isModelName(name)) throw new ServeError("INVALID_ARGUMENT", `'${name}' cannot be a model's name: ${MODEL_NAME_RULE}`);
    if (!Number.isSafeInteger(concurrency) || concurrency < 1)
      throw new ServeError("INVALID_ARGUMENT", `concurrency is ${concurrency}: expected a whole number from 1`);
    const { table, reconciler, door } = this.#options;
    if (reconciler.keyOf({ namespace: DEFAULT_NAMESPACE, name }) !== undefined)
      throw new ServeError("ALREADY_EXISTS", `there is a model ${name} already; remove it first, or take another name`);
    const spec: ModelSpec = {
      namespace: DEFAULT_NAMESPACE,
      name,
      version: "1",
      format: "typescript",
      file: resolve(process.argv[1] ?? "."),
      directory: process.cwd(),
      bytes: 0,
      inProgram: { model, concurrency },
      residency: { kind: "pinned" },
    };
    const [rejection] = adoptModels(table, reconciler, [spec]).rejections;
    if (rejection !== undefined) throw new ServeError("ALREADY_EXISTS", rejection.reason);
    await reconciler.tried();
    const [failure] = this.#statuses([name]).flatMap((status) => status.failure ?? []);
    if (failure === undefined) return createHandle(door, { namespace: DEFAULT_NAMESPACE, name, version: undefined });
    this.remove(name);
    throw new ServeError(failure.code, `model ${name} does not load: ${failure.message}`);
  }

  /**
   * Serves what is at a path, as `nitrous serve PATH` does. Settles when its models have had their first attempt.
   * @returns how they are; one that failed says why
   * @throws ServeError INVALID_ARGUMENT naming what of the path is not served, and why
   */
  async addPath(path: string): Promise<readonly HandleStatus[]> {
    const { servedPaths, reconciler } = this.#options;
    const { rejections, names } = await servedPaths.serve(resolve(path));
    if (rejections.length > 0)
      throw new ServeError("INVALID_ARGUMENT", rejections.map((each) => `${each.path} is not served: ${each.reason}`).join("\n"));
    await reconciler.tried();
    return this.#statuses(names).map(statusOf);
  }

  /**
   * Applies resources, as `nitrous apply` does: YAML or JSON with any number of documents, or an object. Settles when the services have had
   * their first attempt.
   * @throws InvalidResourceError for what is no resource; nothing has been applied then
   */
  async apply(resources: string | object): Promise<readonly ResourceView[]> {
    const { table, reconciler } = this.#options;
    const documents = typeof resources === "string" ? readDocuments(resources, "the text").map(({ value }) => value) : [resources];
    const valid = documents.map((document) => validateDocument(document));
    const views: ResourceView[] = [];
    for (const document of valid) {
      const { kind, metadata } = document;
      const key: ResourceKey = { kind, namespace: metadata.namespace, name: metadata.name };
      const isApplied = table.originOf(key) === "applied";
      views.push(isApplied ? await table.replace(key, () => document) : await table.create(key, document));
    }
    await reconciler.tried();
    return views;
  }

  /** The model is no longer served; what is under way there is answered. @throws ServeError NOT_FOUND */
  async remove(name: string, namespace: string = DEFAULT_NAMESPACE): Promise<void> {
    const { table, reconciler } = this.#options;
    const key = reconciler.keyOf({ namespace, name });
    if (key === undefined) throw new ServeError("NOT_FOUND", `there is no model ${name} in the namespace ${namespace}`);
    if (table.originOf(key) === "applied") await table.delete(key);
    else table.hide(key);
  }

  /** How every version of every model is. */
  list(): readonly HandleStatus[] {
    return this.#options.controlPlane.list().map(statusOf);
  }

  #statuses(names: readonly string[]): ReturnType<ControlPlane["list"]> {
    return names.flatMap((name) => this.#options.controlPlane.versions({ namespace: DEFAULT_NAMESPACE, name }));
  }
}
