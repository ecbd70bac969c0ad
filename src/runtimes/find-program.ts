import { access, constants, open, readdir, realpath } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { findNamedEnvironment, type NamedEnvironment } from "../environments/index.ts";
import type { Ask, Launch, ServerProgram } from "./server-program.ts";

/** A server that is on this machine. */
export interface FoundProgram {
  /** Absolute. */
  readonly file: string;
  /** Undefined when it does not tell. */
  readonly version: string | undefined;
  readonly from: "PATH" | "environment";
  readonly launch: Launch;
  /** Folders that it needs, absolute, besides those of the system. */
  readonly folders: readonly string[];
}

export interface ProgramPlaces {
  /** Folder of environments, one for each program by its name. */
  readonly directory: string;
  /** As the variable PATH has it. */
  readonly path: string;
  readonly ask: Ask;
}

/** A server on the PATH, else the one that `nitrous runtimes install` has made; undefined when there is neither. */
export async function findProgram(program: ServerProgram, { directory, path, ask }: ProgramPlaces): Promise<FoundProgram | undefined> {
  const file = await onPath(program.executables, path);
  if (file !== undefined) {
    const interpreter = await interpreterOf(file);
    const recorded = interpreter && (await recordedVersion(program, await sitePackagesOf(interpreter)));
    const version = recorded ?? (await askedVersion(program, file, ask));
    return { file, version, from: "PATH", launch: {}, folders: await foldersOf(file, interpreter) };
  }
  const environment = await findNamedEnvironment(join(directory, program.name));
  return environment === undefined ? undefined : await inEnvironment(program, environment, directory);
}

async function inEnvironment(program: ServerProgram, environment: NamedEnvironment, directory: string): Promise<FoundProgram | undefined> {
  const launch = program.launch?.(environment) ?? {};
  const file = launch.file ?? join(environment.bin, program.executables[0] ?? program.name);
  if (!(await isExecutable(file))) return undefined;
  const version = await recordedVersion(program, environment.sitePackages);
  return { file, version, from: "environment", launch, folders: [join(directory, program.name), environment.base] };
}

async function onPath(names: readonly string[], path: string): Promise<string | undefined> {
  for (const name of names)
    for (const folder of path.split(delimiter))
      if (folder.startsWith("/") && (await isExecutable(join(folder, name)))) return join(folder, name);
  return undefined;
}

async function foldersOf(file: string, interpreter: string | undefined): Promise<string[]> {
  if (interpreter === undefined) return [dirname(await realpath(file))];
  const real = await realpath(interpreter).catch(() => interpreter);
  const folders = [dirname(dirname(interpreter)), dirname(dirname(real)), dirname(await realpath(file))];
  // Those of the system are there for every program.
  return [...new Set(folders)].filter((folder) => folder !== "/usr" && folder !== "/" && !folder.startsWith("/usr/"));
}

async function isExecutable(file: string): Promise<boolean> {
  return await access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Scripts of Python packages name their interpreter in the first line. */
async function interpreterOf(file: string): Promise<string | undefined> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(512), 0, 512, 0);
    return /^#!\s*(\/\S+python[\d.]*)\s/.exec(buffer.toString("latin1", 0, bytesRead))?.[1];
  } finally {
    await handle.close();
  }
}

/** Beside an interpreter are the records of what is installed. */
async function sitePackagesOf(interpreter: string): Promise<string | undefined> {
  const library = join(dirname(dirname(interpreter)), "lib");
  const version = (await readdir(library).catch(() => [])).find((name) => /^python3\.\d+$/.test(name));
  return version === undefined ? undefined : join(library, version, "site-packages");
}

async function recordedVersion({ name, distributions }: ServerProgram, sitePackages: string | undefined): Promise<string | undefined> {
  if (sitePackages === undefined) return undefined;
  const names = await readdir(sitePackages).catch(() => []);
  for (const distribution of distributions) {
    const pattern = new RegExp(`^${distribution.replaceAll(/[-_.]/g, "[-_.]")}-([^-]+)\\.dist-info$`, "i");
    const version = names.map((name) => pattern.exec(name)?.[1]).find((each) => each !== undefined);
    if (version !== undefined) return `${distribution === name ? "" : `${distribution} `}${version}`;
  }
  return undefined;
}

async function askedVersion({ versionArguments }: ServerProgram, file: string, ask: Ask): Promise<string | undefined> {
  if (versionArguments === undefined) return undefined;
  const text = await ask(file, versionArguments).catch(() => "");
  return /\d+\.\d+[\w.+-]*/.exec(text)?.[0];
}
