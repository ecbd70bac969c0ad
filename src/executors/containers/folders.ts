import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { FoundEngine } from "./found-engine.ts";
import { labelledProcessRuns, processLabel } from "./ownership.ts";
import { runEngine } from "./run-engine.ts";

const FOLDER = "containers";
/** In the folder of each container: the process that made it. */
const OWNER = "owner";
const UNFINISHED = ".new";
const REMOVAL_MS = 120_000;

/** `directory`/containers: what is there of a container is in the folder of its name. */
function containersFolder(directory: string): string {
  return join(directory, FOLDER);
}

/** A folder for what a container gets of the server. Nobody else can reach what is in it. */
export async function makeContainerFolder(directory: string, name: string): Promise<string> {
  const folder = join(containersFolder(directory), name);
  // In one step: another server with the same cache folder may look for what is nobody's.
  await mkdir(`${folder}${UNFINISHED}`, { recursive: true, mode: 0o700 });
  await writeFile(join(`${folder}${UNFINISHED}`, OWNER), processLabel());
  await rename(`${folder}${UNFINISHED}`, folder);
  return folder;
}

/** For an emptyDir: whatever user the program is may write to it. */
export async function makeWritableFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  await chmod(path, 0o777);
}

/** The names of folders whose server is gone; undefined when this cache folder has never had a container. */
export async function abandonedFolders(directory: string): Promise<string[] | undefined> {
  let names: string[];
  try {
    names = (await readdir(containersFolder(directory))).filter((name) => !name.endsWith(UNFINISHED));
  } catch {
    return undefined;
  }
  const owners = await Promise.all(names.map((name) => readFile(join(containersFolder(directory), name, OWNER), "utf8").catch(() => "")));
  return names.filter((_, index) => !labelledProcessRuns(owners[index] as string));
}

/** What a container has written there as another user only its engine can remove; of Docker without root it stays. */
export async function removeContainerFolder(directory: string, name: string, engine: FoundEngine | undefined): Promise<void> {
  const folder = join(containersFolder(directory), name);
  try {
    await rm(folder, { recursive: true, force: true });
  } catch {
    if (engine?.kind === "podman" && engine.rootless) {
      await runEngine(engine, ["unshare", "rm", "-rf", "--", folder], { timeoutMs: REMOVAL_MS }).catch(() => undefined);
    }
  }
}
