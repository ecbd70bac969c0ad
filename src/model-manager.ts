import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { withConfiguredModels } from "./configured-models.ts";
import type { Clock } from "./core/clock.ts";
import { deviceTitle } from "./core/device.ts";
import { messageOf } from "./core/errors.ts";
import type { Events } from "./core/events.ts";
import type { MeasurementStore } from "./core/measurement.ts";

import type { RuntimeConfiguration } from "./core/runtime-configuration.ts";
import type { ScrapedMetrics } from "./core/scraped-metrics.ts";
import { createDeviceMeter, deviceBudget, type FoundDevices, findDevices, runCommand } from "./devices/index.ts";
import { withEnsembles } from "./ensemble-models.ts";
import { createEnvironments, removeUnusedDaily } from "./environments/index.ts";
import {
  availableMemory,
  createContainers,
  createLocalExecutor,
  createProcessRecord,
  createServers,
  endLeftovers,
  processMemory,
  processTree,
} from "./executors/index.ts";
import { PYTHON_PACKAGE } from "./host-commands.ts";
import { createInlineAnswers } from "./inline-answers.ts";
import { openMeasurements } from "./kept-measurements.ts";
import { chosenRuntime, configuredDevices, engineOf, knownRuntimes } from "./machine-runtime.ts";
import { createModelSteps, modelsPerHost } from "./model-steps.ts";
import { type Amounts, deviceAccount, Ledger, Manager, MEMORY, MODELS, memoryOfNamespace } from "./models/index.ts";
import { withProgramModels } from "./program-models.ts";
import { MetricSources, ModelFolders, type NestedModels } from "./replicas/index.ts";
import { createPrograms } from "./runtimes/index.ts";
import { withScrapedMetrics } from "./scraped-servers.ts";
import { cacheDirectoryOf, type Settings, SettingsError, stateDirectoryOf } from "./settings.ts";
import { withModelFolders } from "./shared-servers.ts";
import { withUpstreams } from "./upstream-models.ts";

/** Of what is available when the server starts. */
const MEMORY_SHARE = 0.8;
const MAX_CONCURRENT_LOADS = 4;

export interface ModelManagement {
  readonly manager: Manager;
  /** What whoever started the server should know. */
  readonly notices: readonly string[];
  /** The metrics that the servers of models tell. */
  scrapeUpstreams(): Promise<readonly ScrapedMetrics[]>;
  /** Every model finishes what is under way; then its host ends. */
  close(): Promise<void>;
  /** Every model stops now. */
  destroy(): Promise<void>;
}

/** What hosts may use, and the devices that are a part of it. */
export interface Machine {
  readonly ledger: Ledger;
  readonly found: FoundDevices & { readonly hidden: boolean };
  readonly configuration: RuntimeConfiguration;
}

/**
 * What hosts may use: memory together, of each device and of each namespace that has a limit of its own, and in number.
 * @throws SettingsError for the budget of a device that is not there, and for a runtime configuration that cannot be used
 */
export async function openMachine(settings: Settings): Promise<Machine> {
  const present = await findDevices(process.env, runCommand);
  const { configuration } = chosenRuntime(settings, await knownRuntimes(settings, present));
  const found = configuredDevices(present, configuration);
  const memory = settings["memory-budget"] ?? Math.round((await availableMemory()) * MEMORY_SHARE);
  const models = settings["max-concurrent-models"];
  const namespaces = Object.entries(settings["namespace-memory"]).map(([name, bytes]) => [memoryOfNamespace(name), bytes] as const);
  const budgets: Amounts = {
    [MEMORY]: memory,
    ...(models === undefined ? {} : { [MODELS]: models }),
    ...Object.fromEntries(namespaces),
    ...deviceBudgets(found, settings["device-memory-budget"]),
  };
  const titles = Object.fromEntries(found.devices.map((device) => [deviceAccount(device.index), deviceTitle(device)]));
  return { ledger: new Ledger(budgets, titles), found, configuration };
}

function deviceBudgets({ devices, problem }: FoundDevices, given: Readonly<Record<string, number>>): Amounts {
  const indices = devices.map(({ index }) => String(index));
  const unknown = Object.keys(given).find((index) => !indices.includes(index));
  if (unknown !== undefined) {
    const there = devices.map(deviceTitle).join(", ");
    const has = there === "" ? `none (${problem ?? ""})` : there;
    throw new SettingsError(`--device-memory-budget names device ${unknown}, and of the GPUs of this machine there is ${has}`);
  }
  return Object.fromEntries(devices.map((device) => [deviceAccount(device.index), deviceBudget(device, given)]));
}

/** Puts the parts together that bring models to life on this machine. */
export function openModelManagement(
  settings: Settings,
  {
    machine: { ledger, found, configuration },
    events,
    clock,
    store,
    nested,
  }: { machine: Machine; events: Events; clock: Clock; store: MeasurementStore; nested: NestedModels },
): ModelManagement {
  const cacheDirectory = resolve(cacheDirectoryOf(settings));
  const leftovers = endLeftovers(cacheDirectory);
  const onLog = (host: string, line: string): void => events.emit("host-log", { host, line });
  const record = createProcessRecord(cacheDirectory);
  const objects = { secrets: settings["secrets-directory"], configMaps: settings["config-maps-directory"] };
  const containers = createContainers({ engine: engineOf(settings, configuration), directory: cacheDirectory, objects, onLog, clock });
  void containers.removeLeftovers().then(
    (names) => names.length > 0 && onLog("containers", `those that an earlier server had left behind were removed: ${names.join(", ")}`),
    (error: unknown) => onLog("containers", `what an earlier server has left could not be looked for: ${messageOf(error)}`),
  );
  const executor = createLocalExecutor({
    containers,
    onLog,
    record,
    loadsBehind: settings["load-priority"] === "low",
    servers: createServers({
      onLog,
      record,
      objects,
      clock,
      python: settings.python,
      bytecodeDirectory: join(cacheDirectory, "bytecode"),
      hidden: [stateDirectoryOf(settings), cacheDirectory],
    }),
  });
  const environments = createEnvironments({
    directory: cacheDirectory,
    clock,
    packages: [PYTHON_PACKAGE],
    ...(settings.python === undefined ? {} : { python: settings.python }),
  });
  const endRemoval = removeUnusedDaily(environments, settings["environment-days"], clock);
  const inline = createInlineAnswers(settings, events, clock);
  const folders = new ModelFolders(join(cacheDirectory, "served-models"));
  const kept = openMeasurements(store, clock);
  const meter = createDeviceMeter(found.devices, clock, runCommand);
  const steps = createModelSteps(settings, { events, executor, clock, environments, nested });
  const inProcess = withEnsembles(withProgramModels(steps), nested.inference);
  const upstreams = withUpstreams(inProcess, {
    executor,
    clock,
    onLog,
    programs: createPrograms({ directory: cacheDirectory }),
    environments,
  });
  const sources = new MetricSources(clock);
  const manager = new Manager({
    clock,
    steps: withConfiguredModels(withModelFolders(withScrapedMetrics(upstreams, sources), folders)),
    ledger,
    events,
    measurements: kept.measurements,
    evictionPolicy: settings["eviction-policy"],
    concurrentLoads: settings["concurrent-loads"] ?? Math.min(MAX_CONCURRENT_LOADS, availableParallelism()),
    modelsPerHost: (spec) => modelsPerHost(spec, settings),
    // What models have that run in this process is this process's own.
    measure: async (pid) => (pid === process.pid ? 0 : await processMemory(pid)),
    ...(found.devices.length === 0 ? {} : { measureDevices: (pid) => meter.measure(processTree(pid)) }),
    devices: {
      ...found,
      // Hosts of models that nobody trusts are confined, and see no device.
      sees: ({ trust, upstream }) => trust !== undefined || upstream !== undefined || settings.isolation === "off",
    },
    maxHostMemory: settings["max-host-memory"] ?? ledger.budgets[MEMORY] ?? Number.MAX_SAFE_INTEGER,
    outgrowFactor: settings["outgrow-factor"],
    loadTimeoutMs: settings["load-timeout"],
    ...(inline === undefined ? {} : { inline: inline.promotion }),
  });
  const end = async (): Promise<void> => {
    endRemoval();
    inline?.close();
    await kept.close();
    await environments.close();
    await executor.close();
    await folders.close();
  };
  return {
    manager,
    notices: [
      ...(inline?.notices ?? []),
      ...(leftovers.length === 0 ? [] : [`processes that an earlier server had left behind were ended: ${leftovers.join(", ")}`]),
    ],
    scrapeUpstreams: () => sources.scrape(),
    async close() {
      await manager.close();
      await end();
    },
    async destroy() {
      await manager.destroy();
      await end();
    },
  };
}
