import { closeSync, openSync, readdirSync, readlinkSync, readSync, realpathSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, normalize, resolve } from "node:path";

/** What of the machine's folders a program does not see. */
export interface HiddenFolders {
  /** Empty for it. */
  readonly hidden: readonly string[];
  /** Below those, what it sees all the same, because its command or environment names it. */
  readonly shown: readonly string[];
}

/** Scripts of scripts end somewhere. */
const INTERPRETERS = 4;
const LONGEST_SHEBANG = 256;

/** Home folders: they hold keys and other people's files, and often the program too. */
export function homeFolders(): string[] {
  const below = names("/home").map((name) => join("/home", name));
  return [...new Set([homedir(), "/root", ...below].map(realPath))].filter((folder) => folder !== "/" && isFolder(folder));
}

/**
 * Of each folder only that is shown, whole, which is named below it: with `/home/me/llm/bin/python` in the words, `/home/me/llm`.
 * @param hideable folders that are hidden, without links in them; /tmp may be among them, and is the program's own
 */
export function hiddenFolders(hideable: readonly string[], words: readonly string[], workingDirectory: string | undefined): HiddenFolders {
  const named = [...words, workingDirectory ?? ""].flatMap(pathsIn);
  const all = new Set(named.flatMap((path) => [path, realPath(path)]));
  const hidden = hideable.filter((folder) => workingDirectory === undefined || realPath(workingDirectory) !== folder);
  const shown = new Set<string>();
  for (const folder of hidden) {
    for (const path of all) {
      if (!path.startsWith(`${folder}/`)) continue;
      const first = path.slice(folder.length + 1).split("/")[0] as string;
      if (first !== "") shown.add(join(folder, first));
    }
  }
  return { hidden, shown: [...shown].filter(exists).sort() };
}

/** The files that the start of a command takes: what links lead to, and interpreters of scripts. */
export function filesOfCommand(command: string, path: string): string[] {
  const found: string[] = [];
  let next: string | undefined = command.includes("/") ? resolve(command) : inPath(command, path);
  for (let count = 0; next !== undefined && count < INTERPRETERS; count++) {
    found.push(next, linkTarget(next), realPath(next));
    next = interpreterOf(next);
  }
  return [...new Set(found)];
}

/** A path with the links in it resolved as far as it is there. */
export function withoutLinks(path: string): string {
  const parent = dirname(path);
  if (exists(path) || parent === path) return realPath(path);
  return join(withoutLinks(parent), path.slice(parent.length));
}

/** Absolute paths in options, lists of paths and the like. */
function pathsIn(word: string): string[] {
  return word
    .split(/[\s:=,;"']+/)
    .filter((part) => part.startsWith("/"))
    .map(normalize);
}

function inPath(command: string, path: string): string | undefined {
  return path
    .split(":")
    .filter(isAbsolute)
    .map((folder) => join(folder, command))
    .find(exists);
}

function interpreterOf(file: string): string | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch {
    return undefined;
  }
  try {
    const bytes = Buffer.alloc(LONGEST_SHEBANG);
    const text = bytes.toString("latin1", 0, readSync(descriptor, bytes, 0, LONGEST_SHEBANG, 0));
    return /^#!\s*(\/\S+)/.exec(text)?.[1];
  } catch {
    return undefined;
  } finally {
    closeSync(descriptor);
  }
}

function linkTarget(file: string): string {
  try {
    return resolve(dirname(file), readlinkSync(file));
  } catch {
    return file;
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function exists(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}
