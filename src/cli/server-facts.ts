import { resolve } from "node:path";
import {
  ask,
  type FoundProgram,
  findProgram,
  programsDirectory,
  SERVER_PROGRAMS,
  type ServerProgram,
  whyAbsent,
} from "../runtimes/index.ts";
import { cacheDirectoryOf, type Settings } from "../settings.ts";

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
