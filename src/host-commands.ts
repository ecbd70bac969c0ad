import { delimiter } from "node:path";
import { fileURLToPath } from "node:url";
import type { HostSpec } from "./core/executor.ts";
import type { ModelFormat } from "./core/formats.ts";
import { hostName } from "./core/host-name.ts";
import type { ModelSpec } from "./core/model.ts";

/** The Python host and what it brings along. */
export const PYTHON_PACKAGE = fileURLToPath(new URL("../python", import.meta.url));
/** From the sources as from the build. */
const SUFFIX = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
const NODE_HOST = fileURLToPath(new URL(`./hosts/node/main${SUFFIX}`, import.meta.url));

export interface PythonHostOptions {
  readonly python: string;
  /** What one call may use. */
  readonly threads: number;
  /** Where compiled modules are kept: frameworks import several times faster with them, and model folders stay clean. */
  readonly bytecodeDirectory: string;
}

/** The command of a Python host. */
export function pythonHost(spec: ModelSpec, { python, threads, bytecodeDirectory }: PythonHostOptions): HostSpec {
  return {
    name: hostName(spec),
    command: python,
    arguments: ["-m", "nitrous_host"],
    environment: {
      ...inheritedEnvironment(),
      OMP_NUM_THREADS: String(threads),
      OPENBLAS_NUM_THREADS: String(threads),
      MKL_NUM_THREADS: String(threads),
      // Idle OpenMP threads would spin and take the processor from other models.
      OMP_WAIT_POLICY: "PASSIVE",
      MALLOC_ARENA_MAX: "2",
      ...spec.variables,
      // Without these the host itself would not be found.
      PYTHONPATH: [PYTHON_PACKAGE, ...(spec.variables?.PYTHONPATH === undefined ? [] : [spec.variables.PYTHONPATH])].join(delimiter),
      PYTHONUNBUFFERED: "1",
      PYTHONPYCACHEPREFIX: bytecodeDirectory,
    },
    // Python finds modules in the folder that it starts in: those of a model's folder are for models that are trusted.
    directory: ["python", "triton-python"].includes(spec.format) || spec.trust !== undefined ? spec.directory : "/",
  };
}

/**
 * The command of a Node host; custom models in TypeScript get a loader that strips their types. `packages` is a folder whose
 * node_modules have what its format needs beside our own.
 */
export function nodeHost(spec: ModelSpec, packages?: string): HostSpec {
  const stripsTypes = spec.format === "typescript" || SUFFIX === ".ts";
  return {
    name: hostName(spec),
    command: process.execPath,
    arguments: [...(stripsTypes ? ["--import", import.meta.resolve("tsx")] : []), NODE_HOST],
    environment: { ...inheritedEnvironment(), ...spec.variables, ...(packages === undefined ? {} : { NITROUS_PACKAGES: packages }) },
    directory: spec.directory,
  };
}

let sharedHosts = 0;

/** The command of a Node host for many models. */
export function sharedNodeHost(format: ModelFormat): HostSpec {
  return {
    name: `${format}-models-${++sharedHosts}`,
    command: process.execPath,
    arguments: [...(SUFFIX === ".ts" ? ["--import", import.meta.resolve("tsx")] : []), NODE_HOST],
    environment: inheritedEnvironment(),
    directory: "/",
  };
}

/** What a host gets of the server's environment: nothing that could be a secret. */
function inheritedEnvironment(): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const name of ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES"]) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}
