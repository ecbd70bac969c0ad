import { closeSync, existsSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { dirname, join } from "node:path";

/** The files of a state directory. */
export interface StateFiles {
  readonly directory: string;
  readonly state: string;
  /** The state as it was at the last successful opening. */
  readonly lastGood: string;
  readonly lock: string;
  /** Who holds the lock, for messages only. */
  readonly holder: string;
}

export function stateFiles(directory: string): StateFiles {
  return {
    directory,
    state: join(directory, "state.db"),
    lastGood: join(directory, "state.last-good.db"),
    lock: join(directory, "lock.db"),
    holder: join(directory, "lock.json"),
  };
}

/** A database and the files that SQLite keeps beside it, as far as they are there. */
export function withCompanions(database: string): string[] {
  return [database, `${database}-wal`, `${database}-shm`, `${database}-journal`].filter((path) => existsSync(path));
}

/** Makes a directory, with those above it, so that a crash of the machine does not take it away with what is written into it. */
export function makeDirectory(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) syncToDisk(dirname(made));
}

/** Makes the contents of a file, or the names in a directory, survive a crash of the machine. */
export function syncToDisk(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
