import { existsSync, renameSync, rmSync, statSync } from "node:fs";
import { messageOf, ServeError } from "../core/errors.ts";
import type { KeptMeasurement } from "../core/measurement.ts";
import type { RevisionRecord, StoredResource } from "../core/resource-store.ts";
import { damage, isContentError, isRefusedByHeader } from "./failures.ts";
import { type StateFiles, syncToDisk, withCompanions } from "./files.ts";
import { forgetOldMeasurements, readMeasurements } from "./measurement-rows.ts";
import { decodeRevision, decodeRow, RESOURCE_COLUMNS, REVISION_COLUMNS } from "./rows.ts";
import { isState, migrate, NEWEST_VERSION, VERSION_WITH_REVISIONS, versionOf } from "./schema.ts";
import type { Database, OpenDatabase } from "./sqlite.ts";

/** How long to wait for another program, such as SQLite's shell, that has the database locked. */
const BUSY_TIMEOUT_MS = 5_000;

export interface OpenedState {
  readonly database: Database;
  readonly restored: readonly StoredResource[];
  readonly epoch: number;
  readonly measurements: readonly KeptMeasurement[];
}

/**
 * Opens the database of a locked directory: checked, migrated, with a new epoch and a fresh copy of it beside it.
 * @throws ServeError DATA_LOSS when it is damaged, FAILED_PRECONDITION when it is of a newer version; its files are untouched then
 */
export function openState(files: StateFiles, open: OpenDatabase): OpenedState {
  if (existsSync(files.state)) inspect(files, open);
  else if (existsSync(files.lastGood) || withCompanions(files.state).length > 0) throw damage(files, "state.db is missing");
  else create(files, open);
  const database = open(files.state);
  try {
    configure(database);
    migrate(database);
    const restored = readResources(database);
    const epoch = nextEpoch(database);
    forgetOldMeasurements(database);
    const measurements = readMeasurements(database);
    copyAside(files, open, database);
    return { database, restored, epoch, measurements };
  } catch (error) {
    database.close();
    throw isRefusedByHeader(error, files) ? damage(files, messageOf(error), error) : error;
  }
}

/** On a connection that cannot write, so that whatever is wrong, everything stays as it was found. */
function inspect(files: StateFiles, open: OpenDatabase): void {
  // Beside an empty database SQLite deletes the log, even on such a connection.
  if (statSync(files.state).size === 0) throw damage(files, "state.db is empty");
  finishInterruptedSwitch(files, open);
  const database = open(files.state, { readOnly: true });
  try {
    database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    // It gets its name with its tables in it, so one without a version has lost them.
    const version = versionOf(database);
    if (!isState(database) || version === 0) throw damage(files, "state.db is not a state of nitrous");
    if (version > NEWEST_VERSION) {
      const text = `${files.state} was written by a newer nitrous (its version is ${version}, this one knows ${NEWEST_VERSION}); use that nitrous, or give this one its own directory with --state-dir`;
      throw new ServeError("FAILED_PRECONDITION", text);
    }
    const verdict = database.select(["quick_check"], "pragma_quick_check")[0]?.quick_check;
    if (verdict !== "ok") throw damage(files, String(verdict));
    readResources(database);
    readEpoch(database);
  } catch (error) {
    throw isContentError(error) ? damage(files, messageOf(error), error) : error;
  } finally {
    database.close();
  }
}

/** A copy that a user put in place is switched to the write-ahead log; when that was interrupted, only a writer can undo it. */
function finishInterruptedSwitch(files: StateFiles, open: OpenDatabase): void {
  if (!existsSync(`${files.state}-journal`)) return;
  const database = open(files.state);
  try {
    versionOf(database);
  } finally {
    database.close();
  }
}

function create(files: StateFiles, open: OpenDatabase): void {
  build(files, files.state, (partial) => {
    const database = open(partial);
    try {
      configure(database);
      migrate(database);
    } finally {
      database.close();
    }
  });
}

function configure(database: Database): void {
  database.exec(
    `PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0`,
  );
}

function readResources(database: Database): StoredResource[] {
  const revisions = new Map<string, RevisionRecord[]>();
  const rows = versionOf(database) < VERSION_WITH_REVISIONS ? [] : database.select(REVISION_COLUMNS, "revisions ORDER BY generation");
  for (const row of rows) {
    const key = `${row.kind}/${row.namespace}/${row.name}/${row.uid}`;
    revisions.set(key, [...(revisions.get(key) ?? []), decodeRevision(row)]);
  }
  return database.select(RESOURCE_COLUMNS, "resources ORDER BY kind, namespace, name").map((row) => {
    const own = revisions.get(`${row.kind}/${row.namespace}/${row.name}/${row.uid}`);
    return own === undefined ? decodeRow(row) : { ...decodeRow(row), revisions: own };
  });
}

function readEpoch(database: Database): number {
  const epoch = database.select(["value"], "meta WHERE key = 'epoch'")[0]?.value;
  if (typeof epoch !== "number" || !Number.isSafeInteger(epoch) || epoch < 0) throw new Error("the epoch is not a number");
  return epoch;
}

function nextEpoch(database: Database): number {
  database.exec("UPDATE meta SET value = value + 1 WHERE key = 'epoch'");
  return readEpoch(database);
}

/** After the new epoch, so that a state which goes on from the copy does not have this one's again. */
function copyAside(files: StateFiles, open: OpenDatabase, database: Database): void {
  build(files, files.lastGood, (partial) => {
    database.exec("VACUUM INTO value(1)", partial);
    const copy = open(partial);
    try {
      // In place of the original it is read before it is written, which needs the same kind of journal.
      copy.exec("PRAGMA journal_mode = WAL");
    } finally {
      copy.close();
    }
  });
}

/** Makes a database under another name, and gives it its own when it is whole and on disk. */
function build({ directory }: StateFiles, path: string, make: (partial: string) => void): void {
  const partial = `${path}.partial`;
  const clear = (): void => {
    for (const left of withCompanions(partial)) rmSync(left);
  };
  clear();
  try {
    make(partial);
    syncToDisk(partial);
    renameSync(partial, path);
  } catch (error) {
    clear();
    throw error;
  }
  syncToDisk(directory);
}
