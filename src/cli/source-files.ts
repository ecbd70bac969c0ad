import type { Dirent } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, extname, join, resolve } from "node:path";
import { CliError } from "./errors.ts";
import type { Terminal } from "./terminal.ts";

/** A text with resources, and where it comes from. */
export interface SourceFile {
  /** For messages: the path as it was typed, or the folder's joined with the file's. */
  readonly source: string;
  readonly text: string;
  /** Absolute folder that relative paths in it start from. */
  readonly directory: string;
  /** Absolute path of the argument that named it or its folder; undefined for standard input. */
  readonly argument: string | undefined;
}

const EXTENSIONS = new Set([".yaml", ".yml", ".json"]);
const STANDARD_INPUT = "-";

/**
 * The files that `-f` arguments mean, each once: a file, the resource files of a folder by name, or `-` for standard input.
 * @throws CliError for what cannot be read, and for a folder without resource files
 */
export async function readSources(paths: readonly string[], recursive: boolean, terminal: Terminal): Promise<SourceFile[]> {
  const files = new Map<string, SourceFile>();
  for (const path of new Set(paths)) {
    for (const { source, argument } of await filesOf(path, recursive)) {
      const absolute = resolve(source);
      if (files.has(absolute)) continue;
      if (argument === undefined) files.set(STANDARD_INPUT, await standardInput(terminal));
      else files.set(absolute, { source, argument, directory: dirname(absolute), text: await readText(source) });
    }
  }
  return [...files.values()];
}

async function standardInput(terminal: Terminal): Promise<SourceFile> {
  return { source: "standard input", text: await terminal.readInput(), directory: process.cwd(), argument: undefined };
}

async function filesOf(path: string, recursive: boolean): Promise<{ readonly source: string; readonly argument: string | undefined }[]> {
  if (path === STANDARD_INPUT) return [{ source: path, argument: undefined }];
  if (/^https?:\/\//.test(path)) throw new CliError(`${path}: files are read from this machine only; download it first`, 2);
  const argument = resolve(path);
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw unreadable(path, error);
  });
  if (!found.isDirectory()) return [{ source: path, argument }];
  const names = await resourceFiles(path, recursive);
  if (names.length === 0) {
    const hint = recursive ? "" : "; --recursive looks into its folders too";
    throw new CliError(`there is no .yaml, .yml or .json file in ${path}${hint}`);
  }
  return names.map((source) => ({ source, argument }));
}

async function resourceFiles(directory: string, recursive: boolean): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: NodeJS.ErrnoException): Dirent[] => {
    throw unreadable(directory, error);
  });
  const found = entries
    .filter((entry) => !entry.name.startsWith("."))
    .sort((left, right) => (left.name < right.name ? -1 : 1))
    .map(async (entry) => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) return recursive ? await resourceFiles(path, recursive) : [];
      return EXTENSIONS.has(extname(entry.name).toLowerCase()) ? [path] : [];
    });
  return (await Promise.all(found)).flat();
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw unreadable(path, error as NodeJS.ErrnoException);
  }
}

function unreadable(path: string, { code, message }: NodeJS.ErrnoException): CliError {
  if (code === "ENOENT") return new CliError(`cannot read ${path}: there is no such file or folder`);
  return new CliError(`cannot read ${path}: ${code === "EACCES" ? "this user may not" : message}`);
}
