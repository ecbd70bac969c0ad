import { isIPv6 } from "node:net";
import { resolve } from "node:path";
import { isLoopback, openAccess, readTls } from "./access/index.ts";
import { BUILT_IN_RUNTIMES } from "./built-in-runtimes.ts";
import { HostLogs, Reconciler, ResourceTable, ServiceEvents } from "./control/index.ts";
import { systemClock } from "./core/clock.ts";
import { createEvents, type Events } from "./core/events.ts";
import { isHostOf } from "./core/host-name.ts";
import type { LogSettings } from "./core/log-settings.ts";
import type { ModelSpec } from "./core/model.ts";
import type { ControlPlane } from "./core/planes.ts";
import type { ResourceKey } from "./core/resource.ts";
import { EmbeddedModels } from "./embedded-models.ts";
import { restartEnsembles } from "./ensemble-restarts.ts";
import { followCertificates } from "./followed-certificates.ts";
import { createGrpc } from "./grpc.ts";
import { createInProcessDoor, type InProcessDoor } from "./handles/index.ts";
import { createLargeJson } from "./large-json/index.ts";
import { listenOn } from "./listen.ts";
import { serverPlanning } from "./machine-runtime.ts";
import { ClientRegions } from "./memory/index.ts";
import { type ModelManagement, openMachine, openModelManagement } from "./model-manager.ts";
import { modelSchedulers } from "./model-schedulers.ts";
import { createStatistics, ModelVersion, Registry, withIdleTime } from "./models/index.ts";
import { createNestedControl } from "./nested-control.ts";
import { createNestedInference } from "./nested-inference.ts";
import {
  createMetrics,
  customFamilies,
  kserveFamilies,
  openObservers,
  openTritonTraces,
  residencyFamilies,
  responseCacheFamilies,
  revisionFamilies,
  shadowFamilies,
  tritonFamilies,
  watchServerLoad,
} from "./observability/index.ts";
import { openExtensions } from "./oip-extensions.ts";
import { createControlPlane, createDataPlane, createTop, openShadows, ResponseCache } from "./planes/index.ts";
import { Futures } from "./protocols/handles/index.ts";
import { refusedRequest, unknownPath } from "./protocols/shared/index.ts";
import { readBuiltInRuntimes, validateDocument } from "./resources/index.ts";
import { createRoutes, SERVICE_PREFIX } from "./routes.ts";
import { createTritonBackends } from "./runtimes/index.ts";
import type { BatchPolicy } from "./scheduler/index.ts";
import { checkTraceFile, controlOf, limitsOf, makeLogDirectory, openState, recordingOf, tlsFilesOf } from "./serve-settings.ts";
import { openServedRepository } from "./served-repository.ts";
import { BodyMemory, createHttpServer, type HttpServerOptions } from "./server/index.ts";
import { cacheDirectoryOf, type Settings, stateDirectoryOf } from "./settings.ts";
import { createStorage } from "./storage/index.ts";
import { VERSION } from "./version.ts";

export interface NitrousServer {
  /** 0 before it listens. */
  readonly port: number;
  /** Its address, such as http://127.0.0.1:8080. */
  readonly url: string;
  /** Undefined when gRPC is not served. */
  readonly grpcPort: number | undefined;
  readonly models: EmbeddedModels;
  /** What handles of this process call. */
  readonly door: InProcessDoor;
  /** Opens the port, once; settles with the address. @throws Error when it is in use */
  listen(): Promise<string>;
  readonly events: Events;
  readonly controlPlane: ControlPlane;
  /** What the state held when the server began. */
  readonly restored: readonly ResourceKey[];
  /** What whoever started the server should know. */
  readonly notices: readonly string[];
  /** Whether requests need a key now. */
  readonly needsKey: () => boolean;
  /** Settles when every model has had its first attempt. */
  readonly loaded: Promise<void>;
  /** Refuses what is new, finishes what is under way, ends every host. */
  close(): Promise<void>;
  /** Ends everything now. */
  destroy(): Promise<void>;
}

export interface ServeOptions {
  /** Model files, model folders, folders of models, YAML files of resources, catalogs of NOS and folders of these. */
  readonly paths: readonly string[];
  readonly settings: Settings;
  /** Name for the one model that the paths hold, instead of its file's or folder's. */
  readonly modelName?: string;
  /** How batches form; by default a batch is what queued while the replicas were busy. */
  readonly batchPolicy?: BatchPolicy;
  /** Applies YAML files of the paths again when they change, and loads models again whose files do. */
  readonly watch?: boolean;
  /** False: no port is open before somebody calls `listen`. */
  readonly listen?: boolean;
  readonly events?: Events;
  /** What is logged by whoever listens to the events; clients may change it. */
  readonly logs?: LogSettings;
  /** Reads and writes JSON of any size in the event loop; for comparisons. */
  readonly jsonInEventLoop?: boolean;
  /** Told of failures that are bugs, with the `traceparent` of the request that had one. */
  readonly onFault?: (error: Error, traceparent?: string) => void;
}

/** Puts the parts together: the only place that knows them all. The port answers before any model is looked at. */
export async function serve(options: ServeOptions): Promise<NitrousServer> {
  const { paths, settings, modelName, events = createEvents(), onFault = () => undefined } = options;
  const clock = systemClock;
  const tlsFiles = tlsFilesOf(settings);
  const tls = tlsFiles && (await readTls(tlsFiles));
  controlOf(settings);
  await makeLogDirectory(settings);
  await checkTraceFile(settings);
  const machine = await openMachine(settings);
  const registry = new Registry();
  const problem = (text: string): void => events.emit("access-notice", { text, problem: true });
  const access = await openAccess({
    stateDirectory: stateDirectoryOf(settings),
    bound: settings.host,
    insecure: settings.insecure,
    allowed: settings["allowed-host"],
    hasService: (service) => registry.has(service),
    serviceOf: (model) => registry.serviceOf(model),
    tenantHeader: settings["tenant-header"],
    rateLimit: settings["rate-limit"],
    clock,
    onNarrowed: () => {
      http.endStreams();
      grpc.endStreams();
    },
    onProblem: problem,
  });
  const { store, notice } = await openState(settings, paths.length > 0, onFault).catch((error: unknown) => {
    access.close();
    throw error;
  });
  const statistics = createStatistics();
  events.on("request-started", () => statistics.begin());
  events.on("request-finished", (record) => statistics.observe(record));
  events.on("batch-finished", (call) => statistics.observeBatch(call));
  events.on("http-refused", (answer) => statistics.observeRefusal(answer));
  let tried = false;

  const happenings = new ServiceEvents(events);
  const logs = new HostLogs(events);
  const table = new ResourceTable(
    store,
    (document, namespace) => validateDocument(document, namespace === undefined ? {} : { namespace }),
    (key) => reconciler.changed(key),
  );
  for (const runtime of readBuiltInRuntimes(BUILT_IN_RUNTIMES)) table.show("built-in", runtime);

  const restored = store.restored.map(
    ({ resource: { kind, metadata } }): ResourceKey => ({ kind, namespace: metadata.namespace, name: metadata.name }),
  );
  // From the first request on they are known, also those whose turn to be looked at has not come.
  for (const { kind, namespace, name } of restored) {
    if (!kind.endsWith("Runtime") && namespace !== undefined) registry.set({ namespace, name }, [], "It waits for its turn.");
  }

  const cache = new ResponseCache(settings["response-cache-bytes"]);
  const unshadowed = createDataPlane(registry, clock, access.limitRate, cache);
  const shadows = openShadows({ plane: unshadowed, registry, clock, happenings, resources: table });
  const dataPlane = shadows.plane;
  const controlPlane = createControlPlane({
    registry,
    clock,
    resources: table,
    repository: () => repository.loads,
    happenings,
    logs,
    drain: (model) => management.manager.drain(model),
    evict: (model) => management.manager.letGo(model),
    environment: process.env,
    scale: (model, replicas) => management.manager.scale(model, replicas),
    ownerOf: (target) => reconciler.keyOf(target)?.name,
    rejections: () => repository.paths.rejections,
    tried: () => tried,
    strictReadiness: settings["strict-readiness"],
  });
  const observers = await openObservers({
    recording: recordingOf(settings),
    traces: settings.traces,
    environment: process.env,
    clock,
    version: VERSION,
    onNotice: problem,
  }).catch(async (error: unknown) => {
    access.close();
    await store.close();
    throw error;
  });
  const clientRegions = new ClientRegions({ allowed: settings["allow-client-shm"], clock });
  const extensions = openExtensions(settings, events, options.logs);
  const traces = openTritonTraces({ settings: extensions.traces, events, onNotice: problem });
  // The port answers before there are any.
  let scrapeUpstreams: ModelManagement["scrapeUpstreams"] = () => Promise.resolve([]);
  const metrics = createMetrics({
    statistics,
    controlPlane,
    clock,
    version: VERSION,
    others: [
      ...observers.families,
      ...residencyFamilies(events, machine.ledger),
      ...revisionFamilies(events),
      ...responseCacheFamilies(cache, extensions.statistics),
      ...tritonFamilies(extensions.statistics, controlPlane, events),
      ...kserveFamilies(events),
      ...shadowFamilies(shadows.reports),
    ],
    custom: customFamilies(events),
    upstreams: () => scrapeUpstreams(),
  });
  const serverLoad = watchServerLoad(clock);
  const futures = new Futures(clock);
  const door = createInProcessDoor({ dataPlane, controlPlane, events, clock, requestTimeoutMs: settings["request-timeout"] });
  const largeJson = options.jsonInEventLoop === true ? undefined : createLargeJson({ clock });
  const routes = createRoutes({
    dataPlane,
    controlPlane,
    metrics: () => metrics.render(),
    top: createTop({ controlPlane, statistics, accounts: machine.ledger, load: serverLoad.load, clock, version: VERSION }),
    shadows: shadows.reports,
    keys: access.keys,
    memory: clientRegions,
    clock,
    handles: { events, requestTimeoutMs: settings["request-timeout"], futures },
    serverName: settings["server-name"],
    extensions,
    version: VERSION,
    ...(settings["model-store"] === undefined ? {} : { modelStore: resolve(settings["model-store"]) }),
    largeJson,
  });
  const transport: HttpServerOptions = {
    routes,
    prefix: SERVICE_PREFIX,
    guard: access.guard,
    ...(tls === undefined ? {} : { tls }),
    clock,
    events,
    maxBodyBytes: settings["max-body-bytes"],
    requestTimeoutMs: settings["request-timeout"],
    limits: limitsOf(settings),
    memory: new BodyMemory(settings["max-body-memory"]),
    refusal: refusedRequest,
    unknown: unknownPath,
    onFault,
    serverTiming: settings["server-timing"] === "on",
    onExchange: observers.onExchange,
    observedBodyBytes: observers.bodyBytes,
  };
  const http = createHttpServer(transport);
  const metricsServer = createHttpServer({ ...transport, routes: routes.filter(({ path }) => path === "/metrics") });
  const grpc = createGrpc(settings, transport, access.guard, { dataPlane, controlPlane, memory: clientRegions, clock, extensions });
  let port = 0;
  const urlOf = (at: number): string =>
    `${tls === undefined ? "http" : "https"}://${isIPv6(settings.host) ? `[${settings.host}]` : settings.host}:${at}`;
  // The one that it will have: statuses say it.
  let url = urlOf(settings["http-port"]);
  const listen = async (): Promise<void> => {
    port = await listenOn(http, metricsServer, settings, events);
    url = urlOf(port);
    await grpc.listen();
  };
  if (options.listen !== false) {
    await listen().catch(async (error: unknown) => {
      http.destroy();
      metricsServer.destroy();
      grpc.destroy();
      access.close();
      shadows.close();
      serverLoad.close();
      clientRegions.close();
      await largeJson?.close();
      await traces.close();
      await observers.close();
      await store.close();
      throw error;
    });
  }

  // The client's request counts where requests are limited, not what models ask for its sake.
  const unlimited = createDataPlane(registry, clock, () => undefined, cache);
  const nested = {
    inference: createNestedInference({ dataPlane: unlimited, registry, events, clock }),
    control: createNestedControl(controlPlane, clock),
  };
  const management = openModelManagement(settings, { machine, events, clock, store, nested });
  scrapeUpstreams = () => management.scrapeUpstreams();
  const createScheduler = modelSchedulers({ settings, clock, events, batchPolicy: options.batchPolicy });
  const createModel = (spec: ModelSpec): ModelVersion =>
    new ModelVersion(withIdleTime(spec, settings["idle-timeout"]), createScheduler, events);
  const backends = createTritonBackends({ cacheDirectory: cacheDirectoryOf(settings), rule: settings["triton-server"] });
  const reconciler = new Reconciler(table, happenings, {
    registry,
    manager: management.manager,
    clock,
    events,
    source: createStorage({ cacheDirectory: resolve(cacheDirectoryOf(settings), "downloads"), volumes: settings.volumes }),
    createModel,
    baseDirectory: process.cwd(),
    backends,
    ...serverPlanning(settings, machine.configuration),
    watch: options.watch === true,
    onGone: (namespace, name) => logs.forget(isHostOf(namespace, name)),
    urlOf: (namespace, name) => `${url}/serving/${namespace}/${name}`,
  });

  const exposure =
    access.closed || isLoopback(settings.host)
      ? []
      : [`${settings.host} can be reached by others, and there are no keys: everybody may do everything`];
  for (const key of restored) reconciler.changed(key);
  const watches: Array<() => void> = [access.close, shadows.close, serverLoad.close];
  watches.push(restartEnsembles({ registry, manager: management.manager, events }));
  if (tlsFiles !== undefined) watches.push(followCertificates({ files: tlsFiles, servers: [http, grpc], events, onProblem: problem }));
  const { manager } = management;
  const watch = options.watch === true;
  const parts = { settings, table, reconciler, registry, manager, events, clock, createModel, backends, modelName, watch };
  const repository = openServedRepository(parts);
  watches.push(() => repository.paths.close());
  let listening: Promise<void> | undefined = options.listen === false ? undefined : Promise.resolve();
  const loaded = (async () => {
    await repository.begin(new Set(paths.map((each) => resolve(each))));
    tried = true;
  })();

  function endStreams(): void {
    tried = false;
    door.close();
    futures.close();
    for (const end of watches) end();
    table.close();
    happenings.close();
    logs.close();
  }

  return {
    get port() {
      return port;
    },
    get url() {
      return url;
    },
    get grpcPort() {
      return grpc.port;
    },
    models: new EmbeddedModels({ table, reconciler, servedPaths: repository.paths, controlPlane, door }),
    door,
    async listen() {
      listening ??= listen().then(() => reconciler.addressChanged());
      await listening;
      return url;
    },
    events,
    controlPlane,
    restored,
    get notices() {
      return [...(notice === undefined ? [] : [notice]), ...exposure, ...grpc.notices, ...management.notices];
    },
    needsKey: () => access.closed,
    loaded,
    async close() {
      endStreams();
      await Promise.all([http.close(), grpc.close()]);
      clientRegions.close();
      metricsServer.destroy();
      await observers.close();
      await traces.close();
      await largeJson?.close();
      await repository.loads.close();
      await reconciler.close();
      await management.close();
      await store.close();
    },
    async destroy() {
      endStreams();
      http.destroy();
      grpc.destroy();
      clientRegions.close();
      metricsServer.destroy();
      await observers.close();
      await traces.close();
      await largeJson?.close();
      await management.destroy();
      await repository.loads.close();
      await reconciler.close();
      await store.close();
    },
  };
}
