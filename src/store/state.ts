import { statSync } from "node:fs";
import type { ServeError } from "../core/errors.ts";
import type { KeptMeasurement } from "../core/measurement.ts";
import { KEPT_REVISIONS, type StoredResource } from "../core/resource-store.ts";
import { digestOf } from "./digest.ts";
import { failureOf, isBusy } from "./failures.ts";
import { type StateFiles, stateFiles } from "./files.ts";
import { type Holder, lockDirectory } from "./lock.ts";
import { keepMeasurement, type MeasurementRow } from "./measurement-rows.ts";
import { openState } from "./open-state.ts";
import type { RowChange } from "./rows.ts";
import type { Database, OpenDatabase } from "./sqlite.ts";

const THIS_ONE = "kind = value(1) AND namespace = value(2) AND name = value(3)";

// An object that was deleted and made again is another one: what the first one served is not its.
const PUT = `INSERT INTO resources (kind, namespace, name, uid, object, object_digest)
  VALUES (value(1), value(2), value(3), value(4), value(5), value(6))
  ON CONFLICT (kind, namespace, name) DO UPDATE SET
    uid = excluded.uid, object = excluded.object, object_digest = excluded.object_digest,
    ready_generation = CASE WHEN uid = excluded.uid THEN ready_generation END,
    ready_spec = CASE WHEN uid = excluded.uid THEN ready_spec END,
    ready_digest = CASE WHEN uid = excluded.uid THEN ready_digest END`;

const DELETE = `DELETE FROM resources WHERE ${THIS_ONE}`;

const READY = `UPDATE resources SET ready_generation = value(5), ready_spec = value(6), ready_digest = value(7)
  WHERE ${THIS_ONE} AND uid = value(4)`;

// A resource that was deleted and made again has a history of its own.
const FORGET_OTHERS = `DELETE FROM revisions WHERE ${THIS_ONE} AND uid <> value(4)`;

const FORGET = `DELETE FROM revisions WHERE ${THIS_ONE}`;

const REVISION = `INSERT INTO revisions (kind, namespace, name, uid, generation, record, record_digest)
  SELECT kind, namespace, name, uid, value(5), value(6), value(7) FROM resources WHERE ${THIS_ONE} AND uid = value(4)
  ON CONFLICT (kind, namespace, name, generation) DO UPDATE SET record = excluded.record, record_digest = excluded.record_digest`;

const FORGET_OLDEST = `DELETE FROM revisions WHERE ${THIS_ONE} AND generation NOT IN (
  SELECT generation FROM revisions WHERE ${THIS_ONE} ORDER BY generation DESC LIMIT ${KEPT_REVISIONS})`;

const EMPTY_LOG = "PRAGMA wal_checkpoint(TRUNCATE)";

/** What the state is changed by. */
export type StateChange = RowChange | MeasurementRow;

/** When the log is as long as this, its pages move into the database. */
const LONG_LOG_BYTES = 4 * 1024 * 1024;

/** An open state directory. Everything in it blocks: this is what the worker runs. */
export interface State {
  readonly restored: readonly StoredResource[];
  readonly epoch: number;
  readonly measurements: readonly KeptMeasurement[];
  /**
   * Writes several commits with one wait for the disk. When that fails, each is tried alone, so that one that does not fit
   * does not take the others with it. Returns the failure of each that failed.
   */
  commit(group: readonly (readonly StateChange[])[]): (ServeError | undefined)[];
  close(): void;
}

/**
 * Locks and opens a directory.
 * @throws ServeError that says what is wrong with it
 */
export function openStateDirectory(directory: string, open: OpenDatabase, self: Holder): State {
  const files = stateFiles(directory);
  try {
    const lock = lockDirectory(files, open, self);
    try {
      const { database, ...found } = openState(files, open);
      const writer = createWriter(files, open, database);
      return {
        ...found,
        commit: writer.commit,
        close() {
          try {
            writer.close();
          } finally {
            lock.release();
          }
        },
      };
    } catch (error) {
      lock.release();
      throw error;
    }
  } catch (error) {
    throw failureOf(error, files);
  }
}

function createWriter(files: StateFiles, open: OpenDatabase, database: Database): Pick<State, "commit" | "close"> {
  let damaged: ServeError | undefined;

  const transact = (group: readonly (readonly StateChange[])[]): ServeError | undefined => {
    if (damaged !== undefined) return damaged;
    try {
      database.exec("BEGIN IMMEDIATE");
      for (const change of group.flat()) apply(database, change);
      database.exec("COMMIT");
    } catch (error) {
      const failure = failureOf(error, files);
      attempt(() => database.exec("ROLLBACK"));
      if (failure.code === "DATA_LOSS") {
        damaged = failure;
        closeUntouched(files, open, database);
      } else if (!isBusy(error)) {
        // What a failed transaction left in the log goes, and on a full disk there is more room than before.
        attempt(() => database.exec(EMPTY_LOG));
      }
      return failure;
    }
    attempt(() => emptyLongLog(files, database));
    return undefined;
  };

  return {
    commit: (group) => {
      const failure = transact(group);
      // Nor does another program let go of the database because it is asked once more.
      if (failure === undefined || damaged !== undefined || isBusy(failure.cause)) return group.map(() => failure);
      return group.map((changes) => transact([changes]));
    },
    close() {
      if (damaged === undefined) database.close();
    },
  };
}

function apply(database: Database, change: StateChange): void {
  if (change.change === "measured") {
    keepMeasurement(database, change);
    return;
  }
  const key = [change.kind, change.namespace, change.name];
  switch (change.change) {
    case "put":
      database.exec(PUT, ...key, change.uid, change.object, digestOf(change.object));
      database.exec(FORGET_OTHERS, ...key, change.uid);
      break;
    case "delete":
      database.exec(DELETE, ...key);
      database.exec(FORGET, ...key);
      break;
    case "ready":
      database.exec(READY, ...key, change.uid, change.generation, change.spec, digestOf(change.spec, change.generation));
      break;
    case "revision":
      database.exec(REVISION, ...key, change.uid, change.generation, change.record, digestOf(change.record, change.generation));
      database.exec(FORGET_OLDEST, ...key);
  }
}

/**
 * SQLite's own checkpoints move the pages and leave them in the log too: were that log damaged before it is overwritten, what
 * is left of it would lay old pages over new ones. This one empties the log.
 */
function emptyLongLog({ state }: StateFiles, database: Database): void {
  const bytes = statSync(`${state}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes >= LONG_LOG_BYTES) database.exec(EMPTY_LOG);
}

function attempt(action: () => void): void {
  try {
    action();
  } catch {
    // A failure before it is the one to tell; without one, the next commit tries again.
  }
}

/** The last connection to close would move the log into the damaged database; one that cannot write does not. */
function closeUntouched(files: StateFiles, open: OpenDatabase, database: Database): void {
  let witness: Database | undefined;
  try {
    witness = open(files.state, { readOnly: true });
    witness.exec("SELECT count(*) FROM sqlite_schema");
  } catch {
    // So damaged that it cannot be read at all; nothing is written to it then either.
  }
  database.close();
  witness?.close();
}
