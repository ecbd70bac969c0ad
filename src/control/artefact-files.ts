import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ModelSpec } from "../core/model.ts";

/** Folders that what is beside a model may write while it is used. */
const NOT_LOOKED_INTO = new Set(["__pycache__", "node_modules"]);
/** What editors and copying programs write before they rename it. */
const UNFINISHED = /^\.|~$|\.(tmp|part|partial|swp|crdownload)$/i;
const MOST_FILES = 10_000;
/** Above this, files of another time or size are taken for others, and not read: to hash them would take the processor from requests. */
const MOST_HASHED_BYTES = 16 * 1024 ** 2;

/** Files with what the file system says of them; `undefined` when there is nothing at the path. */
export interface FileStamps {
  /** By path: size, time of the last change of the contents, and number of the file. */
  readonly stamps: ReadonlyMap<string, string>;
  readonly bytes: number;
}

/**
 * The files at a path: the file itself, or all below a folder.
 * @param path absolute
 */
export async function stampsAt(path: string): Promise<FileStamps | undefined> {
  const stamps = new Map<string, string>();
  let bytes = 0;
  const look = async (place: string): Promise<void> => {
    const entry = await stat(place).catch(() => undefined);
    if (entry === undefined || stamps.size >= MOST_FILES) return;
    if (entry.isFile()) {
      stamps.set(place, `${entry.size} ${entry.mtimeMs} ${entry.ino}`);
      bytes += entry.size;
    } else if (entry.isDirectory()) {
      // Also an empty folder is something: a version that is about to be filled.
      stamps.set(place, "folder");
      const names = await readdir(place).catch((): string[] => []);
      for (const name of names.sort()) if (!isUnfinished(name)) await look(join(place, name));
    }
  };
  await look(path);
  return stamps.size === 0 ? undefined : { stamps, bytes };
}

/** Equal texts for equal stamps. */
export function textOf(files: FileStamps | undefined): string {
  return files === undefined ? "" : [...files.stamps].map(([path, stamp]) => `${path} ${stamp}`).join("\n");
}

/** What the files contain, as a hash of names and contents; undefined when that is too much to read, or a file has gone meanwhile. */
export async function contentsOf(files: FileStamps | undefined): Promise<string | undefined> {
  if (files === undefined || files.bytes > MOST_HASHED_BYTES) return undefined;
  const hash = createHash("sha256");
  try {
    for (const [path, stamp] of files.stamps) {
      hash.update(`\0${path}\0`);
      if (stamp === "folder") continue;
      for await (const chunk of createReadStream(path, { highWaterMark: 64 * 1024 }) as AsyncIterable<Buffer>) hash.update(chunk);
    }
    return hash.digest("hex");
  } catch {
    return undefined;
  }
}

/**
 * What the files of a model are now: another text when they change.
 * @param isAlone everything in its folder is of this model
 */
export async function stampOf({ file, directory, requirements, example, folder }: ModelSpec, isAlone: boolean): Promise<string> {
  const hash = createHash("sha256");
  if (folder !== undefined) {
    for (const place of [directory, ...(await besideVersions(folder))]) hash.update(textOf(await stampsAt(place)));
    return hash.digest("hex").slice(0, 16);
  }
  for (const place of new Set([isAlone ? directory : file, requirements, example])) {
    if (place !== undefined) hash.update(textOf(await stampsAt(place)));
  }
  return hash.digest("hex").slice(0, 16);
}

/**
 * What in the folder of a configured model all of its versions share: labels, data for the warm-up, initial states. Its configuration is no
 * part of it: what that says is compared, so that only a change that means something counts.
 */
async function besideVersions(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((): string[] => []);
  const shared = names.filter((name) => !/^[0-9]+$/.test(name) && !["config.pbtxt", "configs"].includes(name) && !isUnfinished(name));
  return shared.sort().map((name) => join(folder, name));
}

function isUnfinished(name: string): boolean {
  return NOT_LOOKED_INTO.has(name) || UNFINISHED.test(name);
}
