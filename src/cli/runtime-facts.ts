import { access, constants } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import { messageOf } from "../core/errors.ts";
import { findInterpreters } from "../environments/index.ts";
import {
  ask,
  type FoundProgram,
  findProgram,
  programOf,
  programsDirectory,
  SERVER_PROGRAMS,
  type ServerProgram,
  whyAbsent,
} from "../runtimes/index.ts";
import { cacheDirectoryOf, type Settings } from "../settings.ts";
import type { ApiObject } from "./api-objects.ts";
import { type ConfigurationFacts, configurationFacts } from "./configuration-facts.ts";
import { placeOf } from "./runtime-rows.ts";
import { containerOf } from "./spec-fields.ts";

/** One of the servers that nitrous knows, on this machine. */
export interface ServerFacts {
  readonly name: string;
  readonly title: string;
  readonly version: string | undefined;
  /** Undefined when it is not there. */
  readonly file: string | undefined;
  readonly from: FoundProgram["from"] | undefined;
  /** What is missing, and what to do. */
  readonly problem: string | undefined;
}

/** Whether a runtime's program is on this machine. */
export interface Installed {
  readonly ready: boolean;
  /** A version where one is known, or what is missing. */
  readonly text: string;
}

/** What a command asks about this machine. */
export interface RuntimeMachine {
  installed(object: ApiObject): Promise<Installed>;
  configurations(): Promise<readonly ConfigurationFacts[]>;
}

export function thisMachine(settings: Settings): RuntimeMachine {
  let servers: Promise<readonly ServerFacts[]> | undefined;
  let python: Promise<Installed> | undefined;
  const lookForPython = (): Promise<Installed> => {
    python ??= findInterpreters(settings.python).then(
      () => ({ ready: true, text: "yes" }),
      (error: unknown) => ({ ready: false, text: `no: ${messageOf(error)}` }),
    );
    return python;
  };
  return {
    async installed(object) {
      servers ??= serverFacts(settings);
      return await installedOf(object, await servers, lookForPython);
    },
    configurations: () => configurationFacts(settings),
  };
}

export async function serverFacts(settings: Settings): Promise<readonly ServerFacts[]> {
  return await Promise.all(SERVER_PROGRAMS.map((program) => factsOf(program, settings)));
}

async function factsOf(program: ServerProgram, settings: Settings): Promise<ServerFacts> {
  const directory = programsDirectory(resolve(cacheDirectoryOf(settings)));
  const found = await findProgram(program, { directory, path: process.env.PATH ?? "", ask });
  const problem = found === undefined ? await whyAbsent(program) : await program.missing?.(ask);
  const { name, title } = program;
  return { name, title, version: found?.version, file: found?.file, from: found?.from, problem };
}

async function installedOf(
  object: ApiObject,
  servers: readonly ServerFacts[],
  lookForPython: () => Promise<Installed>,
): Promise<Installed> {
  const place = placeOf(object);
  const container = containerOf(object.spec);
  switch (place) {
    case "elsewhere":
      return { ready: true, text: "" };
    case "node":
      return { ready: true, text: "yes" };
    case "python":
    case "auto":
      return await lookForPython();
    case "container": {
      const engine = await firstOnPath(["podman", "docker"]);
      return engine === undefined ? { ready: false, text: "no: there is no podman and no docker" } : { ready: true, text: engine };
    }
    case "process": {
      const program = programOf({ command: container.command, ...withProgram(object) });
      const facts = servers.find(({ name }) => name === program?.name);
      if (facts !== undefined) return { ready: facts.problem === undefined, text: inWords(facts) };
      const [command = ""] = container.command;
      return (await firstOnPath([command])) === undefined
        ? { ready: false, text: `no: ${command} is not on the PATH` }
        : { ready: true, text: "yes" };
    }
  }
}

/** In the table's words; the whole of what to do is in the doctor's report. */
function inWords({ file, version, from, problem, name }: ServerFacts): string {
  if (file === undefined) {
    const installable = problem?.endsWith(`nitrous runtimes install ${name}`) === true;
    return installable ? `no: nitrous runtimes install ${name}` : "no: see nitrous doctor";
  }
  return problem === undefined ? `${version ?? "yes"} (${from})` : `no: ${problem}`;
}

function withProgram({ metadata }: ApiObject): { readonly program?: string } {
  const program = metadata.annotations?.["nitrous/program"];
  return program === undefined ? {} : { program };
}

async function firstOnPath(names: readonly string[]): Promise<string | undefined> {
  const folders = (process.env.PATH ?? "").split(delimiter);
  for (const name of names) {
    for (const file of name.startsWith("/") ? [name] : folders.map((folder) => join(folder, name))) {
      const isThere = await access(file, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (isThere) return name;
    }
  }
  return undefined;
}
