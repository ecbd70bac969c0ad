import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { ServeError } from "../core/errors.ts";
import { isBusy, isNoDatabase } from "./failures.ts";
import { makeDirectory, type StateFiles } from "./files.ts";
import type { OpenDatabase } from "./sqlite.ts";

export interface Lock {
  release(): void;
}

/** The process that has a directory locked. */
export interface Holder {
  readonly pid: number;
  /** RFC 3339. */
  readonly started: string;
}

/**
 * Makes the directory when it is not there and locks it with a transaction that lasts as long as the lock: the kernel ends
 * it with the process, however that dies.
 * @throws ServeError ABORTED at once when another opener has it
 */
export function lockDirectory(files: StateFiles, open: OpenDatabase, self: Holder): Lock {
  makeDirectory(files.directory);
  const database = open(files.lock);
  try {
    database.exec("PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE");
    writeFileSync(files.holder, JSON.stringify(self));
  } catch (error) {
    database.close();
    if (isBusy(error)) throw inUse(files);
    if (isNoDatabase(error))
      throw new ServeError("FAILED_PRECONDITION", `${files.lock} is not a lock of nitrous; delete it`, { cause: error });
    throw error;
  }
  return {
    release() {
      // First, or it could be the file of the next holder.
      rmSync(files.holder, { force: true });
      database.close();
    },
  };
}

function inUse(files: StateFiles): ServeError {
  const holder = readHolder(files);
  const who = holder === undefined ? "" : ` (process ${holder.pid}, started ${holder.started})`;
  const text = `another nitrous server uses the state directory ${files.directory}${who}; stop it, or give this one its own with --state-dir`;
  return new ServeError("ABORTED", text);
}

function readHolder({ holder }: StateFiles): Holder | undefined {
  try {
    const { pid, started } = JSON.parse(readFileSync(holder, "utf8")) as Holder;
    return { pid, started };
  } catch {
    return undefined;
  }
}
