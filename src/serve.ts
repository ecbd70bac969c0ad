import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { adoptModels, applyManifests, HostLogs, Reconciler, ResourceTable, ServiceEvents } from "./control/index.ts";
import { systemClock } from "./core/clock.ts";
import { messageOf } from "./core/errors.ts";
import { createEvents, type Events } from "./core/events.ts";
import { isHostOf } from "./core/host-name.ts";
import type { ModelSpec, Rejection } from "./core/model.ts";
import type { ControlPlane } from "./core/planes.ts";
import type { ResourceKey } from "./core/resource.ts";
import { availableMemory, createLocalExecutor, processMemory } from "./executors/index.ts";
import { createModelSteps, modelsPerHost } from "./model-steps.ts";
import { createMemoryLedger, createStatistics, Manager, ModelVersion, Registry } from "./models/index.ts";
import { createMetrics } from "./observability/index.ts";
import { createControlPlane, createDataPlane } from "./planes/index.ts";
import { createV1Routes } from "./protocols/kserve-v1/index.ts";
import { createKubeApiRoutes } from "./protocols/kube-api/index.ts";
import { createOipRoutes } from "./protocols/oip/rest/index.ts";
import { createOperationsRoutes } from "./protocols/operations/index.ts";
import { unknownPath } from "./protocols/shared/index.ts";
import { readBuiltInRuntimes, readDocument, readModels, validateDocument, watchPath } from "./resources/index.ts";
import { Scheduler } from "./scheduler/index.ts";
import { createHttpServer } from "./server/index.ts";
import { cacheDirectoryOf, DEFAULT_STATE_DIRECTORY, type Settings } from "./settings.ts";
import { createStorage } from "./storage/index.ts";
import { type OpenedState, openStore, openStoreOrTemporary } from "./store/index.ts";
import { VERSION } from "./version.ts";

export interface NitrousServer {
  readonly port: number;
  readonly events: Events;
  readonly controlPlane: ControlPlane;
  /** What the state held when the server began. */
  readonly restored: readonly ResourceKey[];
  /** What whoever started the server should know. */
  readonly notices: readonly string[];
  /** Settles when every model has had its first attempt. */
  readonly loaded: Promise<void>;
  /** Refuses what is new, finishes what is under way, ends every host. */
  close(): Promise<void>;
  /** Ends everything now. */
  destroy(): Promise<void>;
}

export interface ServeOptions {
  /** Model files, model folders, folders of models, YAML files of resources and folders of these. */
  readonly paths: readonly string[];
  readonly settings: Settings;
  /** Name for the one model that the paths hold, instead of its file's or folder's. */
  readonly modelName?: string;
  /** Applies YAML files of the paths again when they change. */
  readonly watch?: boolean;
  readonly events?: Events;
  /** Told of failures that are bugs. */
  readonly onFault?: (error: Error) => void;
}

/** ClusterServingRuntimes that nitrous brings along. */
const RUNTIMES = fileURLToPath(new URL("../runtimes", import.meta.url));
const MAX_BATCH_BYTES = 64 * 1024 * 1024;
const MEMORY_SHARE = 0.8;
const MAX_CONCURRENT_LOADS = 4;

/** Puts the parts together: the only place that knows them all. The port answers before any model is looked at. */
export async function serve(options: ServeOptions): Promise<NitrousServer> {
  const { paths, settings, modelName, events = createEvents(), onFault = () => undefined } = options;
  const clock = systemClock;
  const { store, notice } = await openState(settings, paths.length > 0, onFault);
  const registry = new Registry();
  const statistics = createStatistics();
  events.on("request-started", () => statistics.begin());
  events.on("request-finished", (record) => statistics.observe(record));
  events.on("batch-finished", (batch) => statistics.observeBatch(batch));
  const rejections = new Map<string, readonly Rejection[]>();
  let tried = false;

  const happenings = new ServiceEvents(events);
  const logs = new HostLogs(events);
  const table = new ResourceTable(
    store,
    (document, namespace) => validateDocument(document, namespace === undefined ? {} : { namespace }),
    (key) => reconciler.changed(key),
  );
  for (const runtime of readBuiltInRuntimes(RUNTIMES)) table.show("built-in", runtime);

  const restored = store.restored.map(
    ({ resource: { kind, metadata } }): ResourceKey => ({ kind, namespace: metadata.namespace, name: metadata.name }),
  );
  // From the first request on they are known, also those whose turn to be looked at has not come.
  for (const { kind, namespace, name } of restored) {
    if (kind === "InferenceService" && namespace !== undefined) registry.set({ namespace, name }, [], "It waits for its turn.");
  }

  const dataPlane = createDataPlane(registry, clock);
  const controlPlane = createControlPlane({
    registry,
    clock,
    resources: table,
    happenings,
    logs,
    rejections: () => [...rejections.values()].flat(),
    tried: () => tried,
  });
  const metrics = createMetrics({ statistics, controlPlane, version: VERSION });
  const http = createHttpServer({
    routes: [
      ...createOperationsRoutes({ controlPlane, metrics: () => metrics.render() }),
      ...createV1Routes({ dataPlane, controlPlane }),
      ...createOipRoutes({ dataPlane, controlPlane, serverName: settings["server-name"], serverVersion: VERSION }),
      ...createKubeApiRoutes(controlPlane, { version: VERSION, clock, readYaml: (text) => readDocument(text, "the body") }),
    ],
    prefix: "/serving/{namespace}/{service}",
    clock,
    events,
    maxBodyBytes: settings["max-body-bytes"],
    requestTimeoutMs: settings["request-timeout"],
    unknown: unknownPath,
    onFault,
  });
  const port = await http.listen(settings["http-port"], settings.host).catch(async (error: unknown) => {
    await store.close();
    throw error;
  });

  const executor = createLocalExecutor((host, line) => events.emit("host-log", { host, line }));
  const manager = new Manager({
    clock,
    steps: createModelSteps(settings, events, executor),
    ledger: createMemoryLedger(settings["memory-budget"] ?? Math.round((await availableMemory()) * MEMORY_SHARE)),
    concurrentLoads: settings["concurrent-loads"] ?? Math.min(MAX_CONCURRENT_LOADS, availableParallelism()),
    modelsPerHost: (spec) => modelsPerHost(spec, settings),
    measure: processMemory,
  });
  const reconciler = new Reconciler(table, happenings, {
    registry,
    manager,
    clock,
    events,
    source: createStorage({ cacheDirectory: resolve(cacheDirectoryOf(settings), "downloads"), volumes: settings.volumes }),
    createModel: (spec) => new ModelVersion(spec, createScheduler(spec), events),
    baseDirectory: process.cwd(),
    onGone: (namespace, name) => logs.forget(isHostOf(namespace, name)),
    urlOf: (namespace, name) => `http://${settings.host}:${port}/serving/${namespace}/${name}`,
  });

  for (const key of restored) reconciler.changed(key);
  const watches: Array<() => void> = [];
  const loaded = (async () => {
    for (const path of new Set(paths.map((each) => resolve(each)))) {
      rejections.set(path, await servePath(path));
    }
    await reconciler.tried();
    tried = true;
  })();

  /** @returns what is not served, and why */
  async function servePath(path: string): Promise<Rejection[]> {
    const { models, rejections: unserved, manifestFiles } = await readModels([path]);
    if (options.watch === true) watchForChanges(path);
    const unapplied = manifestFiles.length === 0 ? [] : await applyManifests(table, manifestFiles, path);
    const unadopted = adoptModels(table, reconciler, named(models, modelName));
    return [...unserved, ...unapplied, ...unadopted];
  }

  /** A machine may have no more watches to give: what is there is served all the same. */
  function watchForChanges(path: string): void {
    try {
      watches.push(watchPath(path, clock, () => void applyAgain(path)));
    } catch (error) {
      events.emit("resource-rejected", { place: path, reason: `changes of it will not be noticed: ${messageOf(error)}` });
    }
  }

  async function applyAgain(path: string): Promise<void> {
    const { manifestFiles } = await readModels([path]);
    for (const { path: place, reason } of await applyManifests(table, manifestFiles, path)) {
      events.emit("resource-rejected", { place, reason });
    }
  }

  function createScheduler({ namespace, name, version }: ModelSpec): Scheduler {
    return new Scheduler({
      clock,
      queueLimits: {
        maxRequests: settings["max-queue-requests"],
        maxBytes: settings["max-queue-bytes"],
        maxStreams: settings["max-streams"],
      },
      batchLimits: { maxRows: settings["max-batch-rows"], maxBytes: MAX_BATCH_BYTES },
      onBatch: (size, rows) => events.emit("batch-finished", { namespace, model: name, version, size, rows }),
    });
  }

  function endStreams(): void {
    tried = false;
    for (const end of watches) end();
    table.close();
    happenings.close();
    logs.close();
  }

  return {
    port,
    events,
    controlPlane,
    restored,
    notices: notice === undefined ? [] : [notice],
    loaded,
    async close() {
      endStreams();
      await http.close();
      await reconciler.close();
      await manager.close();
      await executor.close();
      await store.close();
    },
    async destroy() {
      endStreams();
      http.destroy();
      await manager.destroy();
      await reconciler.close();
      await executor.close();
      await store.close();
    },
  };
}

/**
 * A server that has models to serve and was not told where its state is does without one when the default is in use, so that two
 * `nitrous serve model.onnx` run side by side.
 */
async function openState({ "state-dir": chosen }: Settings, hasPaths: boolean, onFault: (error: Error) => void): Promise<OpenedState> {
  if (chosen === undefined && hasPaths) return await openStoreOrTemporary(DEFAULT_STATE_DIRECTORY, { onFault });
  return { store: await openStore(chosen ?? DEFAULT_STATE_DIRECTORY, { onFault }), notice: undefined };
}

function named(models: readonly ModelSpec[], name: string | undefined): readonly ModelSpec[] {
  if (name === undefined) return models;
  const found = new Set(models.map((spec) => spec.name));
  if (found.size > 1) throw new Error(`--model_name ${name} is for one model, and there are ${found.size}: ${[...found].join(", ")}`);
  return models.map((spec) => ({ ...spec, name }));
}
