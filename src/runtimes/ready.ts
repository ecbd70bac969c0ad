import { basename, delimiter, dirname } from "node:path";
import type { ContainerSpec, EnvironmentVariable, Mount } from "../core/container.ts";
import { ServeError } from "../core/errors.ts";
import { ask as askMachine } from "./ask.ts";
import { nameOf } from "./environment.ts";
import { type FoundProgram, findProgram } from "./find-program.ts";
import { installMachine, programsDirectory } from "./install-program.ts";
import { programOf } from "./program-of.ts";
import type { Ask, ServerProgram } from "./server-program.ts";
import { configuredTorchServe } from "./torchserve/configuration.ts";

export interface ProgramsOptions {
  /** The cache folder. */
  readonly directory: string;
  readonly path?: string;
  readonly ask?: Ask;
}

/** The servers of this machine. */
export interface Programs {
  /**
   * The container with the program that it names: found on the PATH or among those that were installed, with what that needs.
   * Containers with an image, and those of other programs, stay as they are.
   * @throws ServeError FAILED_PRECONDITION that says how the program comes to this machine
   */
  ready(container: ContainerSpec): Promise<ContainerSpec>;
}

export function createPrograms({ directory, path = process.env.PATH ?? "", ask = askMachine }: ProgramsOptions): Programs {
  return {
    async ready(container) {
      const program = programOf(container);
      if (program === undefined) return container;
      const configured = program.name === "torchserve" ? await configuredTorchServe(container, directory) : container;
      if (container.image !== undefined) return configured;
      const found = await findProgram(program, { directory: programsDirectory(directory), path, ask });
      if (found === undefined)
        throw new ServeError("FAILED_PRECONDITION", `${program.title} is not on this machine: ${await whyAbsent(program)}`);
      const missing = await program.missing?.(ask);
      if (missing !== undefined) throw new ServeError("FAILED_PRECONDITION", missing);
      return withProgram(configured, program, found, path);
    },
  };
}

/** Why there is none, and what to do: a clause. */
export async function whyAbsent({ name, executables, install }: ServerProgram): Promise<string> {
  const installable = install(await installMachine());
  const where = `there is no ${executables[0]} on the PATH, and none was installed`;
  return typeof installable === "string" ? `${where}. ${installable}` : `${where}; install it with: nitrous runtimes install ${name}`;
}

/** Variables that are lists of folders, as PATH is. */
const LISTS = new Set(["LD_LIBRARY_PATH", "PYTHONPATH"]);

function withProgram(
  container: ContainerSpec,
  program: ServerProgram,
  { file, launch, folders }: FoundProgram,
  path: string,
): ContainerSpec {
  const [command = "", ...words] = container.command;
  const isProgram = program.executables.includes(basename(command));
  const given = container.environment;
  const added = { ...launch.environment, PATH: `${dirname(file)}${delimiter}${binOf(launch.environment)}${path}` };
  const environment = Object.entries(added).flatMap(([name, value]): EnvironmentVariable[] => {
    const own = given.findLast((variable) => nameOf(variable) === name);
    if (own === undefined) return [{ name, value }];
    // A list of folders goes on with the runtime's own; anything else is the runtime's to say.
    return "value" in own && LISTS.has(name) ? [{ name, value: `${value}${delimiter}${own.value}` }] : [own];
  });
  const flags = (launch.arguments ?? []).filter((argument) => !container.arguments.some((other) => flagOf(other) === flagOf(argument)));
  return {
    ...container,
    command: isProgram ? [file, ...words] : container.command,
    arguments: [...container.arguments, ...flags],
    environment: [...given.filter((variable) => !((nameOf(variable) ?? "") in added)), ...environment],
    mounts: [...container.mounts, ...folders.map(asItIs)],
  };
}

/** Scripts of the environment, such as python for Triton's Python backend. */
function binOf(environment: Readonly<Record<string, string>> | undefined): string {
  return environment?.VIRTUAL_ENV === undefined ? "" : `${environment.VIRTUAL_ENV}/bin${delimiter}`;
}

/** At its own place, where folders of users are otherwise hidden. */
function asItIs(path: string): Mount {
  return { path, readOnly: true, source: { kind: "folder", path } };
}

function flagOf(argument: string): string {
  return argument.split("=", 1)[0] ?? argument;
}
