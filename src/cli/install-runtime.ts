import { resolve } from "node:path";
import { ServeError } from "../core/errors.ts";
import { ask, findProgram, installMachine, installProgram, programsDirectory, serverProgram } from "../runtimes/index.ts";
import { cacheDirectoryOf, type Settings } from "../settings.ts";
import { CliError } from "./errors.ts";
import type { Terminal } from "./terminal.ts";

/** `nitrous runtimes install NAME`: a server into an environment of its own, or why this machine cannot have it. @throws CliError */
export async function installRuntimeCommand(name: string, settings: Settings, terminal: Terminal, signal: AbortSignal): Promise<void> {
  try {
    const cacheDirectory = resolve(cacheDirectoryOf(settings));
    const program = serverProgram(name === "kserve-vllmserver" ? "vllm" : name);
    const places = { directory: programsDirectory(cacheDirectory), path: process.env.PATH ?? "", ask };
    const present = await findProgram(program, places);
    if (present?.from === "PATH") {
      terminal.print(`${program.title} ${present.version ?? ""} is on the PATH: ${present.file}\n`);
    } else {
      const machine = await installMachine();
      await installProgram(program, {
        cacheDirectory,
        python: settings.python,
        machine,
        onProgress: (line) => terminal.note(line),
        signal,
      });
      const found = await findProgram(program, places);
      if (found === undefined) throw new CliError(`${program.title} was installed, and has no ${program.executables[0]}`);
      terminal.print(`${program.title} ${found.version ?? ""} is installed: ${found.file}\n`);
    }
    const missing = await program.missing?.(ask);
    if (missing !== undefined) throw new CliError(missing);
  } catch (error) {
    throw error instanceof ServeError ? new CliError(error.message) : error;
  }
}
