import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { systemClock } from "./core/clock.ts";
import { messageOf } from "./core/errors.ts";
import { createEvents, type Events } from "./core/events.ts";
import type { ModelSpec } from "./core/model.ts";
import type { ControlPlane } from "./core/planes.ts";
import { createEnvironments } from "./environments/index.ts";
import { availableMemory, createLocalExecutor, processMemory } from "./executors/index.ts";
import { nodeHost, pythonHost } from "./host-commands.ts";
import { createMemoryLedger, createStatistics, type LoaderSteps, Manager, ModelVersion, Registry } from "./models/index.ts";
import { createMetrics } from "./observability/index.ts";
import { createControlPlane, createDataPlane } from "./planes/index.ts";
import { createV1Routes } from "./protocols/kserve-v1/index.ts";
import { createOipRoutes } from "./protocols/oip/rest/index.ts";
import { createOperationsRoutes } from "./protocols/operations/index.ts";
import { unknownPath } from "./protocols/shared/index.ts";
import { HostConnection, loadIntoHost } from "./replicas/index.ts";
import { readModels } from "./resources/index.ts";
import { Scheduler } from "./scheduler/index.ts";
import { createHttpServer } from "./server/index.ts";
import type { Settings } from "./settings.ts";
import { VERSION } from "./version.ts";

export interface NitrousServer {
  readonly port: number;
  readonly events: Events;
  readonly controlPlane: ControlPlane;
  /** Settles when every model has had its first attempt. */
  readonly loaded: Promise<void>;
  /** Refuses what is new, finishes what is under way, ends every host. */
  close(): Promise<void>;
  /** Ends everything now. */
  destroy(): Promise<void>;
}

export interface ServeOptions {
  /** Model files, model folders, folders of models. */
  readonly paths: readonly string[];
  readonly settings: Settings;
  /** Name for the one model that the paths hold, instead of its file's or folder's. */
  readonly modelName?: string;
  readonly events?: Events;
  /** Told of failures that are bugs. */
  readonly onFault?: (error: Error) => void;
}

const MAX_BATCH_BYTES = 64 * 1024 * 1024;
const MEMORY_SHARE = 0.8;
const MAX_CONCURRENT_LOADS = 4;

/** Puts the parts together: the only place that knows them all. The port answers before any model is looked at. */
export async function serve(options: ServeOptions): Promise<NitrousServer> {
  const { paths, settings, modelName, events = createEvents(), onFault = () => undefined } = options;
  const clock = systemClock;
  const registry = new Registry();
  const statistics = createStatistics();
  events.on("request-started", () => statistics.begin());
  events.on("request-finished", (record) => statistics.observe(record));
  events.on("batch-finished", (batch) => statistics.observeBatch(batch));
  let rejections: Awaited<ReturnType<typeof readModels>>["rejections"] = [];
  let tried = false;

  const dataPlane = createDataPlane(registry);
  const controlPlane = createControlPlane(
    registry,
    () => rejections,
    () => tried,
  );
  const metrics = createMetrics({ statistics, controlPlane, version: VERSION });
  const http = createHttpServer({
    routes: [
      ...createOperationsRoutes({ controlPlane, metrics: () => metrics.render() }),
      ...createV1Routes({ dataPlane, controlPlane }),
      ...createOipRoutes({ dataPlane, controlPlane, serverName: settings["server-name"], serverVersion: VERSION }),
    ],
    clock,
    events,
    maxBodyBytes: settings["max-body-bytes"],
    requestTimeoutMs: settings["request-timeout"],
    unknown: unknownPath,
    onFault,
  });
  const port = await http.listen(settings["http-port"], settings.host);

  const executor = createLocalExecutor((host, line) => events.emit("host-log", { host, line }));
  const manager = new Manager({
    clock,
    steps: createSteps(settings, events, executor),
    ledger: createMemoryLedger(settings["memory-budget"] ?? Math.round((await availableMemory()) * MEMORY_SHARE)),
    concurrentLoads: settings["concurrent-loads"] ?? Math.min(MAX_CONCURRENT_LOADS, availableParallelism()),
    measure: processMemory,
  });

  const loaded = readModels([...paths]).then(async (found) => {
    rejections = found.rejections;
    const models = named(found.models, modelName).map((spec) => new ModelVersion(spec, createScheduler(spec), events));
    for (const model of models) registry.add(model);
    await Promise.all(models.map((model) => manager.start(model)));
    tried = true;
  });

  function createScheduler({ name, version }: ModelSpec): Scheduler {
    return new Scheduler({
      clock,
      queueLimits: {
        maxRequests: settings["max-queue-requests"],
        maxBytes: settings["max-queue-bytes"],
        maxStreams: settings["max-streams"],
      },
      batchLimits: { maxRows: settings["max-batch-rows"], maxBytes: MAX_BATCH_BYTES },
      onBatch: (size, rows) => events.emit("batch-finished", { model: name, version, size, rows }),
    });
  }

  return {
    port,
    events,
    controlPlane,
    loaded,
    async close() {
      tried = false;
      await http.close();
      await manager.close();
      await executor.close();
    },
    async destroy() {
      http.destroy();
      await manager.destroy();
      await executor.close();
    },
  };
}

function named(models: readonly ModelSpec[], name: string | undefined): readonly ModelSpec[] {
  if (name === undefined) return models;
  const found = new Set(models.map((spec) => spec.name));
  if (found.size > 1) throw new Error(`--model_name ${name} is for one model, and there are ${found.size}: ${[...found].join(", ")}`);
  return models.map((spec) => ({ ...spec, name }));
}

/** How a model comes to life on this machine: environment, process, connection, warm-up. */
function createSteps(settings: Settings, events: Events, executor: ReturnType<typeof createLocalExecutor>): LoaderSteps {
  // Hosts run in their models' folders, where a relative path would mean something else.
  const directory = resolve(settings["cache-dir"] ?? settings["state-dir"]);
  const environments = createEnvironments({
    directory,
    ...(settings.python === undefined ? {} : { python: settings.python }),
  });
  return {
    async prepare(spec, report, signal) {
      if (spec.format === "onnx" || spec.format === "typescript") return { host: nodeHost(spec), warnings: [] };
      const progress = (line: string): void => {
        report(`preparing its Python environment: ${line}`);
        events.emit("environment-progress", { environment: spec.name, line });
      };
      const requirementsText = spec.requirements === undefined ? undefined : await readFile(spec.requirements, "utf8");
      const environment = await environments.ensure(
        {
          format: spec.format,
          file: spec.file,
          exact: settings["framework-version"] === "exact",
          ...(requirementsText === undefined ? {} : { requirementsText }),
        },
        progress,
        signal,
      );
      const host = pythonHost(spec, {
        python: environment.python,
        threads: settings["threads-per-host"],
        bytecodeDirectory: join(directory, "bytecode"),
      });
      return { host, warnings: environment.warnings };
    },
    start: (host) => executor.start(host),
    async connect(endpoint) {
      const connection = new HostConnection(endpoint.connection, (_level, message) =>
        events.emit("host-log", { host: String(endpoint.pid), line: message }),
      );
      try {
        await connection.hello;
      } catch (error) {
        throw new Error(`its host ${await endpoint.exited}: ${messageOf(error)}`);
      }
      return {
        warm: (spec, report, signal) =>
          loadIntoHost(
            {
              id: `${spec.name}/${spec.version}`,
              connection,
              endpoint,
              load: {
                model: spec.name,
                version: spec.version,
                format: spec.format,
                file: spec.file,
                directory: spec.directory,
                example: spec.example ?? null,
                threads: settings["threads-per-host"],
              },
              onProgress: report,
            },
            signal,
          ),
      };
    },
  };
}
