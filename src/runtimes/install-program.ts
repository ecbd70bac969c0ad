import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ServeError } from "../core/errors.ts";
import { currentPlatform, ensureNamedEnvironment } from "../environments/index.ts";
import type { InstallMachine, ServerProgram } from "./server-program.ts";

export interface InstallOptions {
  /** The cache folder: gets `runtimes` and `tools`. */
  readonly cacheDirectory: string;
  readonly python?: string | undefined;
  readonly machine: InstallMachine;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Where programs are installed. */
export function programsDirectory(cacheDirectory: string): string {
  return join(cacheDirectory, "runtimes");
}

/**
 * Installs a server into an environment of its own; one that is there is left as it is.
 * @throws ServeError FAILED_PRECONDITION that says why this machine cannot have it, or what the installer said
 */
export async function installProgram(program: ServerProgram, options: InstallOptions): Promise<void> {
  const { cacheDirectory, python, machine, onProgress, signal } = options;
  const installable = program.install(machine);
  if (typeof installable === "string")
    throw new ServeError("FAILED_PRECONDITION", `${program.title} cannot be installed here: ${installable}`);
  onProgress(`installing ${program.title}: ${installable.requirements.join(", ")} (about ${installable.gibibytes} GiB)`);
  await ensureNamedEnvironment({
    folder: join(programsDirectory(cacheDirectory), program.name),
    toolsDirectory: join(cacheDirectory, "tools"),
    python,
    requirements: installable.requirements,
    overrides: installable.overrides,
    finish: installable.finish,
    onProgress,
    signal,
  });
}

/** This machine, as installing needs to know it. */
export async function installMachine(): Promise<InstallMachine> {
  const { system, arch } = currentPlatform();
  const information = await readFile("/proc/cpuinfo", "utf8").catch(() => "");
  const flags = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(information)?.[1] ?? "";
  return { system, arch, hasNvidia: existsSync("/dev/nvidia0"), processorFlags: new Set(flags.split(/\s+/).filter((flag) => flag !== "")) };
}
