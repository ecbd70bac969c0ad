import { resolve } from "node:path";
import { GivenFiles, type Reconciler, RequestedLoads, type ResourceTable } from "./control/index.ts";
import type { BackendServers } from "./core/backend-servers.ts";
import type { Clock } from "./core/clock.ts";
import { createRecord, RequestContext } from "./core/context.ts";
import { messageOf } from "./core/errors.ts";
import type { Events } from "./core/events.ts";
import { DEFAULT_NAMESPACE, type ModelSpec } from "./core/model.ts";
import type { Manager, ModelVersion, Registry } from "./models/index.ts";
import { controlOf, type ModelControl } from "./serve-settings.ts";
import { ServedPaths } from "./served-paths.ts";
import { cacheDirectoryOf, type Settings } from "./settings.ts";

export interface ServedRepositoryOptions {
  readonly settings: Settings;
  readonly table: ResourceTable;
  readonly reconciler: Reconciler;
  readonly registry: Registry;
  readonly manager: Manager;
  readonly events: Events;
  readonly clock: Clock;
  readonly createModel: (spec: ModelSpec) => ModelVersion;
  readonly backends: BackendServers;
  /** Name for the one model that the paths hold, instead of its file's or folder's. */
  readonly modelName: string | undefined;
  /** Applies YAML files of the paths again when they change, and loads models again whose files do. */
  readonly watch: boolean;
}

/** What the command line names, and who may load and unload what of it. */
export interface ServedRepository {
  readonly paths: ServedPaths;
  readonly loads: RequestedLoads;
  /** Serves paths, and loads what is to be loaded at the start. Settles when everything has had its first attempt. @param paths absolute */
  begin(paths: ReadonlySet<string>): Promise<void>;
}

/** @throws SettingsError for settings that contradict each other */
export function openServedRepository(options: ServedRepositoryOptions): ServedRepository {
  const { settings, registry, reconciler, events, clock, manager, createModel, backends, modelName, watch } = options;
  const control = controlOf(settings);
  const paths = new ServedPaths({
    ...options,
    trust: settings.trust,
    triton: { backends, configurationName: settings["model-config-name"] },
    modelName,
    watch,
    lookMs: lookMsOf(control, watch),
    onDemand: control.mode === "explicit",
  });
  const loads = new RequestedLoads({
    registry,
    manager,
    events,
    createModel,
    files: paths.models,
    given: new GivenFiles(resolve(cacheDirectoryOf(settings), "given-models")),
    refuses: control.mode === "none" || control.mode === "poll",
  });
  const load = async (name: string): Promise<void> => {
    const context = new RequestContext({ deadline: Number.MAX_SAFE_INTEGER, record: createRecord("", name, clock.now()) });
    // Why one does not load is said wherever it is looked for.
    await loads.load({ namespace: DEFAULT_NAMESPACE, name }, undefined, context).catch((error: unknown) => {
      paths.refuse(name, messageOf(error));
    });
  };
  return {
    paths,
    loads,
    async begin(places) {
      for (const path of places) await paths.serve(path);
      const wanted = control.loads === "all" ? paths.models.names : control.loads;
      await Promise.all([reconciler.tried(), ...wanted.map(load)]);
    },
  };
}

/** Between two looks; the shortest time when nobody says another. */
function lookMsOf({ mode, pollMs }: ModelControl, watch: boolean): number | undefined {
  if (mode === "poll") return pollMs;
  return watch && mode === undefined ? 1_000 : undefined;
}
