import { execFile } from "node:child_process";
import { access, readdir, statfs } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { deviceTitle } from "../core/device.ts";
import { messageOf } from "../core/errors.ts";
import { deviceBudget, findDevices, runCommand } from "../devices/index.ts";
import { findInterpreters } from "../environments/index.ts";
import {
  availableMemory,
  cgroupMemory,
  decideIsolation,
  type FoundEngine,
  findEngines,
  findLauncherPython,
  type IsolationMode,
  probeMechanisms,
  probeServers,
  strongest,
} from "../executors/index.ts";
import { cacheDirectoryOf, DEFAULT_STATE_DIRECTORY, type Settings } from "../settings.ts";
import { VERSION } from "../version.ts";
import { type ConfigurationFacts, configurationFacts } from "./configuration-facts.ts";
import { type ServerFacts, serverFacts } from "./server-facts.ts";

/** What this machine has for nitrous. Sizes in bytes. */
export interface MachineFacts {
  readonly nitrous: string;
  readonly node: string;
  readonly platform: string;
  readonly processors: number;
  /** Interpreters for Python models, or why there are none. */
  readonly python: readonly string[] | string;
  /** Undefined when there is none yet; it is fetched when the first environment is made. */
  readonly uv: string | undefined;
  /** Python that runs the launcher of hosts. */
  readonly launcher: string | undefined;
  readonly isolation: {
    readonly mode: IsolationMode;
    readonly levels: ReadonlyArray<{ readonly level: string; readonly problem: string | undefined }>;
    readonly landlockVersion: number;
    /** The level for models that nobody trusts; undefined when they run without. */
    readonly chosen: string | undefined;
    /** Why custom code that nobody trusts is not served. */
    readonly refusal: string | undefined;
  };
  readonly memory: {
    readonly available: number;
    readonly budget: number;
    readonly cgroup: { readonly version: number; readonly limit: number; readonly used: number } | undefined;
  };
  /** GPUs that hosts may use, and why there are none or not all. */
  readonly devices: {
    readonly found: ReadonlyArray<{ readonly title: string; readonly total: number; readonly free: number; readonly budget: number }>;
    readonly problem: string | undefined;
  };
  /** Servers of others that runtimes start. */
  readonly servers: readonly ServerFacts[];
  readonly configurations: readonly ConfigurationFacts[];
  /** Why programs of runtimes have no network and no folders of their own here; undefined where they do. */
  readonly processes: { readonly problem: string | undefined };
  /** Programs that run containers, and which of them may. */
  readonly containers: {
    readonly choice: string;
    readonly engines: ReadonlyArray<Pick<FoundEngine, "kind" | "version" | "rootless" | "cgroups" | "problem">>;
  };
  readonly folders: ReadonlyArray<{ readonly purpose: string; readonly path: string; readonly free: number; readonly size: number }>;
}

const BUDGET_SHARE = 0.8;

export async function machineFacts(settings: Settings): Promise<MachineFacts> {
  const launcher = await findLauncherPython(settings.python);
  const [mechanisms, python, available, cgroup, { devices, problem }, engines, servers] = await Promise.all([
    probeMechanisms(launcher),
    findInterpreters(settings.python).then((found) => found.map(({ path, version }) => `${version} at ${path}`), messageOf),
    availableMemory(),
    cgroupMemory(),
    findDevices(process.env, runCommand),
    findEngines(process.env),
    probeServers(settings.python),
  ]);
  const mode = settings.isolation;
  const code = decideIsolation({ format: "python" }, mode, mechanisms);
  const cache = resolve(cacheDirectoryOf(settings));
  return {
    nitrous: VERSION,
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    processors: availableParallelism(),
    python,
    uv: await findUv(cache),
    launcher,
    isolation: {
      mode,
      ...mechanisms,
      chosen: mode === "off" ? undefined : strongest(mechanisms),
      refusal: code.kind === "refused" ? code.reason : undefined,
    },
    memory: {
      available,
      budget: settings["memory-budget"] ?? Math.round(available * BUDGET_SHARE),
      cgroup: cgroup && { version: cgroup.version, limit: cgroup.bytes, used: cgroup.used },
    },
    devices: {
      found: devices.map((device) => ({
        title: deviceTitle(device),
        total: device.totalBytes,
        free: device.totalBytes - device.usedBytes,
        budget: deviceBudget(device, settings["device-memory-budget"]),
      })),
      problem,
    },
    servers: await serverFacts(settings),
    configurations: await configurationFacts(settings),
    processes: { problem: servers.problem },
    containers: {
      choice: settings["container-engine"],
      // Not the environment that they are run with.
      engines: engines.map(({ kind, version, rootless, cgroups, problem }) => ({ kind, version, rootless, cgroups, problem })),
    },
    folders: await Promise.all([spaceOf("state", resolve(settings["state-dir"] ?? DEFAULT_STATE_DIRECTORY)), spaceOf("cache", cache)]),
  };
}

/** Of the file system that the folder is on, or will be. */
async function spaceOf(purpose: string, path: string): Promise<MachineFacts["folders"][number]> {
  const { bavail, blocks, bsize } = await statfs(await nearestThatExists(path));
  return { purpose, path, free: bavail * bsize, size: blocks * bsize };
}

async function nearestThatExists(path: string): Promise<string> {
  try {
    await access(path);
    return path;
  } catch {
    return dirname(path) === path ? path : await nearestThatExists(dirname(path));
  }
}

async function findUv(cache: string): Promise<string | undefined> {
  const tools = join(cache, "tools");
  const fetched = await readdir(tools).catch(() => []);
  for (const command of ["uv", ...fetched.filter((name) => name.startsWith("uv-")).map((name) => join(tools, name, "uv"))]) {
    try {
      const { stdout } = await promisify(execFile)(command, ["--version"], { timeout: 10_000 });
      return stdout.trim();
    } catch {
      // The next one.
    }
  }
  return undefined;
}
