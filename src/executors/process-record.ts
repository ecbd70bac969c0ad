import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { bootId, descendantsOf, identityOf, isRunning, type ProcessIdentity, processesNaming } from "./processes.ts";

/** What a server has started, on disk, so that a later one can end what outlived a server that was killed. */
export interface ProcessRecord {
  /** Remembers a running process, and the temporary folder and the control groups that go with it, until `forget`. */
  add(pid: number, folder?: string, groups?: readonly string[]): void;
  forget(pid: number): void;
  /** Settles when what was added and forgotten so far is on disk. */
  written(): Promise<void>;
  /** The server has ended everything by itself. */
  close(): Promise<void>;
}

interface RecordFile {
  readonly boot: string;
  readonly server: ProcessIdentity;
  readonly processes: readonly Recorded[];
}

interface Recorded extends ProcessIdentity {
  readonly folder?: string;
  /** Folders of control groups, which may never have been made. */
  readonly groups?: readonly string[];
}

/** How the names of temporary folders begin: nothing else is removed, whatever a record says. */
export const TEMPORARY_PREFIX = "nitrous-host-";

const FOLDER = "processes";
const KILL_ATTEMPTS = 10;
const GROUP_ATTEMPTS = 50;
const GROUP_PAUSE_MS = 100;

/** One file in `directory`/processes for each running server. On systems without /proc nothing is recorded. */
export function createProcessRecord(directory: string): ProcessRecord {
  const server = identityOf(process.pid);
  const processes = new Map<number, Recorded>();
  if (server === undefined)
    return { add: () => undefined, forget: () => undefined, written: async () => undefined, close: async () => undefined };
  const folder = join(directory, FOLDER);
  const file = join(folder, `${server.pid}-${server.start}.json`);
  const boot = bootId();
  let isStale = false;
  let writing: Promise<void> | undefined;
  const write = async (): Promise<void> => {
    isStale = false;
    const content: RecordFile = { boot, server, processes: [...processes.values()] };
    await mkdir(folder, { recursive: true });
    // In one step: the server may be killed while it writes.
    await writeFile(`${file}.new`, JSON.stringify(content), { mode: 0o600 });
    await rename(`${file}.new`, file);
  };
  // Requests are answered while the disk works, and changes that come meanwhile are written together.
  const changed = (): void => {
    isStale = true;
    writing ??= write()
      // Launchers end their hosts without it.
      .catch(() => undefined)
      .then(() => {
        writing = undefined;
        if (isStale) changed();
      });
  };
  const written = async (): Promise<void> => {
    while (writing !== undefined) await writing;
  };
  return {
    add(pid, folder, groups) {
      const identity = identityOf(pid);
      if (identity === undefined) return;
      processes.set(pid, { ...identity, ...(folder === undefined ? {} : { folder }), ...(groups === undefined ? {} : { groups }) });
      changed();
    },
    forget(pid) {
      if (processes.delete(pid)) changed();
    },
    written,
    async close() {
      await written();
      await rm(file, { force: true });
    },
  };
}

/**
 * Kills what servers that are gone have recorded and what descends from it, when pid, start time and boot are the same; a process
 * that has got an old pid is left alone. Removes their temporary folders. Gives the pids that were killed.
 */
export function endLeftovers(directory: string): number[] {
  const folder = join(directory, FOLDER);
  const killed: number[] = [];
  for (const name of namesIn(folder)) {
    const file = join(folder, name);
    const record = readRecord(file);
    if (record !== undefined && record.boot === bootId()) {
      if (isRunning(record.server)) continue;
      for (const recorded of record.processes.filter(isRunning)) {
        for (const each of [recorded, ...descendantsOf(recorded.pid)]) if (end(each)) killed.push(each.pid);
      }
    }
    for (const { folder: temporary, groups = [] } of record?.processes ?? []) {
      if (temporary !== undefined) removeTemporary(temporary);
      removeGroups(groups);
    }
    rmSync(file, { force: true });
  }
  return killed;
}

function end(identity: ProcessIdentity): boolean {
  if (!isRunning(identity)) return false;
  try {
    return process.kill(identity.pid, "SIGKILL");
  } catch {
    // It has just ended, or belongs to somebody else.
    return false;
  }
}

/** With the processes that were given the folder, which have no launcher any more: one that has lost its parent is below nobody. */
function removeTemporary(folder: string): void {
  if (!basename(folder).startsWith(TEMPORARY_PREFIX) || !existsSync(folder)) return;
  // Again, because one may have started another meanwhile.
  for (let attempt = 0; attempt < KILL_ATTEMPTS; attempt++) {
    if (!processesNaming(folder).map(end).includes(true)) break;
  }
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // Somebody else's, or it holds what only root may remove: not worth a failed start.
  }
}

/** For a launcher that was killed; one that ends by itself has done so. */
export function removeLeft(folder: string, groups: readonly string[]): void {
  if (!existsSync(folder)) return;
  removeTemporary(folder);
  removeGroups(groups);
}

/** The kernel needs a moment for processes that were killed, and a group goes when it has none. */
function removeGroups(folders: readonly string[], attempts = GROUP_ATTEMPTS): void {
  const left = folders.filter((folder) => basename(folder).startsWith(TEMPORARY_PREFIX) && !isRemoved(folder));
  if (left.length > 0 && attempts > 1) setTimeout(() => removeGroups(left, attempts - 1), GROUP_PAUSE_MS).unref();
}

function isRemoved(group: string): boolean {
  try {
    rmdirSync(group);
    return true;
  } catch (error) {
    // Another code: it was never made, or is not ours.
    return (error as NodeJS.ErrnoException).code !== "EBUSY";
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(".json"));
  } catch {
    return [];
  }
}

/** Undefined for a file that is no record. */
function readRecord(file: string): RecordFile | undefined {
  try {
    const record = JSON.parse(readFileSync(file, "utf8")) as RecordFile;
    const isIdentity = (value: unknown): boolean => {
      const { pid, start } = (value ?? {}) as Partial<ProcessIdentity>;
      return Number.isInteger(pid) && (pid as number) > 1 && typeof start === "string";
    };
    return isIdentity(record.server) && record.processes.every(isIdentity) ? record : undefined;
  } catch {
    return undefined;
  }
}
