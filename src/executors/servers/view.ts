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
 * Folders may be within each other: what is named below the inner one is all that is shown of that.
 * @param hideable folders that are hidden, without links in them; /tmp may be among them, and is the program's own
 * @param secret folders of which nothing is shown, whatever is named
 */
export function hiddenFolders(
  { hideable, secret }: { readonly hideable: readonly string[]; readonly secret: readonly string[] },
  words: readonly string[],
  workingDirectory: string | undefined,
): HiddenFolders {
  const named = [...words, workingDirectory ?? ""].flatMap(pathsIn);
  const work = workingDirectory === undefined ? undefined : realPath(workingDirectory);
  const hidden = [...new Set([...hideable.filter((folder) => folder !== work), ...secret])];
  const shown = new Set<string>();
  for (const path of new Set(named.flatMap((each) => [each, realPath(each)]))) {
    const [folder] = hidden.filter((each) => path.startsWith(`${each}/`)).sort((one, other) => other.length - one.length);
    if (folder === undefined || secret.includes(folder)) continue;
    const entry = join(folder, path.slice(folder.length + 1).split("/")[0] as string);
    if (!hidden.includes(entry)) shown.add(entry);
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

/** Those of Python environments in a PATH, which are links to the interpreters that the environments were made with. */
export function interpretersIn(path: string): string[] {
  const links = path
    .split(":")
    .filter(isAbsolute)
    .map((folder) => join(folder, "python"))
    .filter(exists);
  return [...new Set(links.flatMap((link) => [link, linkTarget(link), realPath(link)]))];
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
