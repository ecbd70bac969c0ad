import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Clock } from "./core/clock.ts";
import { messageOf, ServeError } from "./core/errors.ts";
import type { Events } from "./core/events.ts";
import type { Executor } from "./core/executor.ts";
import { FORMATS } from "./core/formats.ts";
import type { ModelSpec } from "./core/model.ts";
import { type Environment, type Environments, NodePackages, needsTransformers } from "./environments/index.ts";
import { executionEnvironment } from "./execution-environment.ts";
import { availableMemory } from "./executors/index.ts";
import { nodeHost, pythonHost, sharedNodeHost } from "./host-commands.ts";
import { HostConfinement } from "./host-confinement.ts";
import { InstanceNames } from "./instance-names.ts";
import type { LoaderSteps } from "./models/index.ts";
import { withoutChanges } from "./nested-control.ts";
import { exitOf, HostConnection, loadIntoHost, modelMetricChangeOf, type NestedModels } from "./replicas/index.ts";
import { cacheDirectoryOf, type Settings } from "./settings.ts";

/** Models with larger artefacts have a host of their own. */
const LARGEST_SHARING_BYTES = 64 * 1024 * 1024;
/** Milliseconds that a host has to end after its connection has. */
const EXIT_GRACE_MS = 2_000;
/** Of what is available when it starts. */
const CONFINED_MEMORY_SHARE = 0.8;

/** Of a model that brings its environment along. */
const UNUSED = "its requirements.txt has no effect, as EXECUTION_ENV_PATH names its whole environment";

/** How many models like this one share a host process: small ones that run no code of their own. */
export function modelsPerHost({ format, bytes, variables = {} }: ModelSpec, settings: Settings): number {
  const mayShare = format === "onnx" && bytes <= LARGEST_SHARING_BYTES && Object.keys(variables).length === 0;
  return mayShare ? settings["max-models-per-host"] : 1;
}

export interface ModelStepsParts {
  readonly events: Events;
  readonly executor: Executor;
  readonly clock: Clock;
  readonly environments: Environments;
  /** What models of hosts ask other models with. */
  readonly nested: NestedModels;
}

/** How a model comes to life on this machine: environment, process, connection, warm-up. */
export function createModelSteps(settings: Settings, { events, executor, clock, environments, nested }: ModelStepsParts): LoaderSteps {
  // Hosts run in their models' folders, where a relative path would mean something else.
  const directory = resolve(cacheDirectoryOf(settings));
  const bytecodeDirectory = join(directory, "bytecode");
  const confinement = new HostConfinement(settings, {
    bytecodeDirectory,
    memory: async () => settings["memory-budget"] ?? Math.round((await availableMemory()) * CONFINED_MEMORY_SHARE),
  });
  const packages = new NodePackages(join(directory, "packages"));
  /** Models whose host does not see their files: it gets what is in them. */
  const carried = new WeakSet<ModelSpec>();
  const instances = new InstanceNames();
  return {
    async prepare(spec, report, signal) {
      const places = modelsPerHost(spec, settings);
      if (places > 1 && (await isOneFile(spec))) {
        const confined = await confinement.isConfined(spec);
        if (confined) carried.add(spec);
        const host = await confinement.wrapShared(spec, sharedNodeHost(spec.format));
        return { host, warnings: spec.notes ?? [], sharing: { key: `${spec.format} ${confined ? "confined" : "open"}`, places } };
      }
      if (spec.format === "typescript") {
        const installing = (line: string): void => report(`installing its packages: ${line}`);
        const modules = await environments.ensurePackages(spec.directory, installing, signal);
        const variables = { ...(modules === undefined ? {} : { NODE_PATH: modules }), ...spec.variables };
        return { host: await confinement.wrap(spec, nodeHost({ ...spec, variables })), warnings: spec.notes ?? [] };
      }
      if (FORMATS[spec.format].host === "node") {
        const needs = spec.format === "huggingface-onnx" && (await needsTransformers(spec.directory));
        const installing = (line: string): void => report(`preparing its packages: ${line}`);
        const folder = needs ? await packages.transformers(installing, signal) : undefined;
        return { host: await confinement.wrap(spec, nodeHost(spec, folder), folder), warnings: spec.notes ?? [] };
      }
      const isConfined = await confinement.isConfined(spec);
      const progress = (line: string): void => {
        report(`preparing its Python environment: ${line}`);
        events.emit("environment-progress", { environment: spec.name, line });
      };
      const requirementsText = await requirementsOf(spec);
      const packed = executionEnvironment(spec);
      const environment: Environment =
        packed !== undefined
          ? { python: await environments.ensurePacked(packed, progress, signal), warnings: requirementsText === undefined ? [] : [UNUSED] }
          : await environments.ensure(
              {
                format: spec.format,
                file: spec.file,
                trusted: spec.trust !== undefined,
                exact: spec.exactFramework ?? settings["framework-version"] === "exact",
                ...(requirementsText === undefined ? {} : { requirementsText }),
              },
              progress,
              signal,
            );
      const host = pythonHost(spec, {
        python: environment.python,
        threads: settings["threads-per-host"],
        bytecodeDirectory: isConfined ? (environment.bytecode ?? confinement.ownBytecode(spec)) : bytecodeDirectory,
      });
      return { host: await confinement.wrap(spec, host, environment.bytecode), warnings: [...(spec.notes ?? []), ...environment.warnings] };
    },
    start: (host) => executor.start(host),
    async connect(endpoint) {
      const connection = new HostConnection(endpoint.connection, (_level, message) =>
        events.emit("host-log", { host: endpoint.name, line: message }),
      );
      // A host that cannot be talked to any more may not notice by itself.
      void connection.lost.then(() => endpoint.stop(EXIT_GRACE_MS));
      connection.countWith((meta) => {
        const change = modelMetricChangeOf(meta);
        if (change !== undefined) events.emit("model-metric", { owner: connection, change });
      });
      void connection.lost.then(() => events.emit("model-metrics-ended", { owner: connection }));
      try {
        await connection.hello;
      } catch (error) {
        const message = `its host ${await exitOf(connection, endpoint, clock)}: ${messageOf(error)}`;
        // As for one that dies later in the load: it may have been killed for memory.
        throw new ServeError(error instanceof ServeError && error.code !== "UNAVAILABLE" ? error.code : "ABORTED", message);
      }
      return {
        warm: async (place, spec, report, signal) => {
          const replica = await loadIntoHost(
            {
              ...(carried.has(spec) ? { contents: await contentsOf(spec) } : {}),
              // Of several replicas of a model each has its own.
              id: `${spec.namespace}/${spec.name}/${spec.version}#${place.pid}`,
              connection,
              endpoint: place,
              load: {
                model: spec.name,
                version: spec.version,
                format: spec.format,
                file: spec.file,
                directory: spec.directory,
                example: spec.example ?? null,
                threads: settings["threads-per-host"],
                trust: spec.trust === undefined ? "none" : "pickle",
                code: spec.trust === "code" || spec.fromCommandLine === true,
                settings: spec.settings ?? {},
                ...(spec.format === "triton-python" ? instances.of(spec, place.exited) : {}),
              },
              onProgress: report,
              clock,
              nested: spec.format === "triton-python" ? { models: modelsFor(spec, nested), namespace: spec.namespace } : undefined,
              hostTimeoutMs: settings["host-timeout"],
            },
            signal,
          );
          executor.loaded(place.pid);
          return replica;
        },
      };
    },
  };
}

function modelsFor({ name, trust }: ModelSpec, { inference, control }: NestedModels): NestedModels {
  return { inference, control: trust === undefined ? withoutChanges(control, name) : control };
}

async function requirementsOf({ requirements, packages }: ModelSpec): Promise<string | undefined> {
  const text = requirements === undefined ? undefined : await readFile(requirements, "utf8");
  return packages === undefined ? text : `${text === undefined ? "" : `${text.trimEnd()}\n`}${packages}`;
}

/** How an ONNX file begins to say that the values of a tensor are in another file (StringStringEntryProto `location` of onnx.proto). */
const ELSEWHERE = Buffer.from("\n\x08location\x12");

/** The artefact has no other files beside it that belong to it, whatever they are called. */
async function isOneFile({ file, bytes }: ModelSpec): Promise<boolean> {
  if ((await stat(file)).size !== bytes) return false;
  let rest = Buffer.alloc(0);
  // In pieces, between which others are served.
  for await (const piece of createReadStream(file)) {
    const text = Buffer.concat([rest, piece as Buffer]);
    if (text.includes(ELSEWHERE)) return false;
    rest = text.subarray(1 - ELSEWHERE.length);
  }
  return true;
}

/** The artefact and, when there is one, the example. */
async function contentsOf({ file, example }: ModelSpec): Promise<Uint8Array[]> {
  return await Promise.all([file, ...(example === undefined ? [] : [example])].map((path) => readFile(path)));
}
