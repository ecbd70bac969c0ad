import { accessSync, constants, existsSync, statfsSync, statSync } from "node:fs";
import { messageOf, ServeError } from "../core/errors.ts";
import { type StateFiles, withCompanions } from "./files.ts";

/** SQLite's primary result codes; an extended code has one of these in its lowest byte. */
const ERROR = 1;
const BUSY = 5;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;

/** With less than this free, an I/O error is taken for a full disk: SQLite says so plainly in most places, but not in all. */
const NEARLY_FULL_BYTES = 256 * 1024;

/** ENOENT is what Node says of a directory that it cannot make on a file system for reading. */
const NOT_WRITABLE = new Set(["EACCES", "EPERM", "ENOENT", "EROFS", "ENOTDIR", "EEXIST"]);

/** Whatever SQLite or the file system threw, as an error that says what is wrong with the directory and what to do. */
export function failureOf(error: unknown, files: StateFiles): ServeError {
  if (error instanceof ServeError) return error;
  const code = sqliteCode(error);
  const system = (error as NodeJS.ErrnoException).code ?? "";
  const options = { cause: error };
  if (code === CORRUPT || code === NOTADB) return damage(files, messageOf(error), error);
  if (
    code === FULL ||
    system === "ENOSPC" ||
    system === "EDQUOT" ||
    ((code === IOERR || code === CANTOPEN) && isNearlyFull(files.directory))
  ) {
    const text = `the disk of ${files.directory} is full; nothing was changed; free some space and try again`;
    return new ServeError("RESOURCE_EXHAUSTED", text, options);
  }
  if (code === READONLY || code === CANTOPEN || NOT_WRITABLE.has(system)) {
    const text = `the state directory ${files.directory} cannot be written (${messageOf(error)}); make it writable, or name another with --state-dir`;
    return new ServeError("FAILED_PRECONDITION", text, options);
  }
  if (code === BUSY) {
    return new ServeError("UNAVAILABLE", `another program has ${files.state} locked; nothing was changed; close it and try again`, options);
  }
  return new ServeError("UNAVAILABLE", `the state in ${files.directory} could not be read or written (${messageOf(error)})`, options);
}

/** The error for a state that cannot be trusted, with the commands that put the last good copy in its place. */
export function damage(files: StateFiles, reason: string, cause?: unknown): ServeError {
  const folder = firstFree(`${files.directory}/damaged`);
  // Not by their names: SQLite's files beside the database come and go.
  const moves = [`mkdir ${quote(folder)}`, `mv ${quote(files.state)}* ${quote(folder)}`];
  const away = withCompanions(files.state).length === 0 ? [] : moves;
  const copied = lastGoodTime(files);
  const advice =
    copied === undefined
      ? ["There is no copy of it. To start with nothing, stop nitrous, run this and start it again:", `  ${away.join(" && ")}`]
      : [
          `The last good copy, of ${copied}, is ${files.lastGood}. To go on with it, stop nitrous, run this and start it again:`,
          `  ${[...away, `cp ${quote(files.lastGood)} ${quote(files.state)}`].join(" && ")}`,
        ];
  const text = [`the state in ${files.directory} is damaged: ${reason}. Its files are left as they are.`, ...advice].join("\n");
  return new ServeError("DATA_LOSS", text, { cause });
}

/** Absent when the error is none of SQLite's. */
function sqliteCode(error: unknown): number | undefined {
  const code = (error as { readonly errcode?: unknown } | undefined)?.errcode;
  return typeof code === "number" ? code & 0xff : undefined;
}

export function isBusy(error: unknown): boolean {
  return sqliteCode(error) === BUSY;
}

/** The contents are not what they should be: a table is missing, or what was read makes no sense to this program. */
export function isContentError(error: unknown): boolean {
  const code = sqliteCode(error);
  return !(error instanceof ServeError) && (code === undefined || code === ERROR);
}

export function isNoDatabase(error: unknown): boolean {
  return sqliteCode(error) === NOTADB;
}

function isNearlyFull(directory: string): boolean {
  try {
    const { bavail, bsize, files, ffree } = statfsSync(directory);
    return bavail * bsize < NEARLY_FULL_BYTES || (files > 0 && ffree === 0);
  } catch {
    return false;
  }
}

/** SQLite does not write a database although it may: its header says so, and no nitrous has written that. */
export function isRefusedByHeader(error: unknown, { directory, state }: StateFiles): boolean {
  if (sqliteCode(error) !== READONLY) return false;
  try {
    for (const path of [directory, ...withCompanions(state)]) accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** What was moved away before is not overwritten. */
function firstFree(path: string): string {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? path : `${path}-${number}`;
    if (!existsSync(candidate)) return candidate;
  }
}

function lastGoodTime({ lastGood }: StateFiles): string | undefined {
  return statSync(lastGood, { throwIfNoEntry: false })?.mtime.toISOString();
}

function quote(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
