import { readdir, readFile, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { parse } from "yaml";
import { deviceTitle } from "./core/device.ts";
import { messageOf } from "./core/errors.ts";
import type { Engine, RunAs, RuntimeConfiguration, WrittenConfiguration } from "./core/runtime-configuration.ts";
import type { UpstreamSpec } from "./core/upstream.ts";
import { type FoundDevices, findNeuron, type RunCommand, runCommand } from "./devices/index.ts";
import {
  type Accelerators,
  adaptUpstream,
  type ChosenConfiguration,
  chooseConfiguration,
  runtimeConfigurations,
} from "./runtimes/index.ts";
import { runtimeConfigurationSchema, type Settings, SettingsError } from "./settings.ts";

/** How servers of their own could run on this machine. */
export interface KnownRuntimes {
  readonly configurations: readonly RuntimeConfiguration[];
  readonly accelerators: Accelerators;
}

/** @throws SettingsError for a configuration that is written wrongly */
export async function knownRuntimes(
  { runtimes }: Pick<Settings, "runtimes">,
  { devices, problem }: FoundDevices,
  run: RunCommand = runCommand,
): Promise<KnownRuntimes> {
  const accelerators = { nvidia: { titles: devices.map(deviceTitle), problem }, neuron: await findNeuron(run) };
  const own = await writtenConfigurations(runtimes);
  try {
    return { configurations: runtimeConfigurations(own), accelerators };
  } catch (error) {
    throw new SettingsError(`--runtimes: ${messageOf(error)}`);
  }
}

/** The one that the settings name. @throws SettingsError when it is not there, or needs what the machine has not */
export function chosenRuntime(
  { runtime }: Pick<Settings, "runtime">,
  { configurations, accelerators }: KnownRuntimes,
): ChosenConfiguration {
  try {
    return chooseConfiguration(runtime, configurations, accelerators);
  } catch (error) {
    throw new SettingsError(`--runtime ${runtime}: ${messageOf(error)}`);
  }
}

/** The GPUs that a configuration leaves: none when it is for something else. */
export function configuredDevices(
  found: FoundDevices,
  { name, devices }: RuntimeConfiguration,
): FoundDevices & { readonly hidden: boolean } {
  if (devices === "nvidia" || found.devices.length === 0) return { ...found, hidden: false };
  return { devices: [], problem: `the runtime configuration ${name} uses none`, hidden: true };
}

/** How services are planned whose servers are their own: a setting counts more than a configuration. */
export function serverPlanning(
  { "run-as": runAs }: Pick<Settings, "run-as">,
  configuration: RuntimeConfiguration,
): { readonly runAs: RunAs; readonly adaptServer: (upstream: UpstreamSpec) => Promise<UpstreamSpec> } {
  return {
    runAs: runAs === "auto" ? configuration.runAs : runAs,
    adaptServer: (upstream) => adaptUpstream(upstream, configuration),
  };
}

/** What runs containers. */
export function engineOf({ "container-engine": engine }: Pick<Settings, "container-engine">, configuration: RuntimeConfiguration): Engine {
  return engine === "auto" ? configuration.engine : engine;
}

async function writtenConfigurations(setting: Settings["runtimes"]): Promise<Readonly<Record<string, WrittenConfiguration>>> {
  if (typeof setting !== "string") return setting;
  const isFolder = (await stat(setting).catch(() => undefined))?.isDirectory() === true;
  if (!isFolder) throw new SettingsError(`--runtimes ${setting}: expected a folder with a YAML file for each configuration`);
  const files = (await readdir(setting)).filter((file) => [".yaml", ".yml"].includes(extname(file))).sort();
  const own: Record<string, WrittenConfiguration> = {};
  for (const file of files) own[basename(file, extname(file))] = await readConfiguration(join(setting, file));
  return own;
}

async function readConfiguration(file: string): Promise<WrittenConfiguration> {
  let value: unknown;
  try {
    value = parse(await readFile(file, "utf8")) ?? {};
  } catch (error) {
    throw new SettingsError(`${file}: ${messageOf(error)}`);
  }
  const parsed = runtimeConfigurationSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map(({ path, message }) => `${file}: ${path.length === 0 ? "" : `${path.join(".")}: `}${message}`);
  throw new SettingsError(lines.join("\n"));
}
