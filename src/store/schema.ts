import type { Database } from "./sqlite.ts";

/** "nitr" in ASCII; tells a state from any other SQLite database. */
const APPLICATION = 0x6e697472;

/** Step N brings a database from version N to N + 1. Steps that were released are never changed. */
const MIGRATIONS = [
  // Without rowid there is no second index that could disagree with the table. Digests are SHA-256 of the text before them.
  `CREATE TABLE resources (
     kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, uid TEXT NOT NULL,
     object TEXT NOT NULL, object_digest TEXT NOT NULL,
     ready_generation INTEGER, ready_spec TEXT, ready_digest TEXT,
     PRIMARY KEY (kind, namespace, name)
   ) WITHOUT ROWID;
   CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
   INSERT INTO meta VALUES ('epoch', 0);
   PRAGMA application_id = ${APPLICATION};`,
  `CREATE TABLE IF NOT EXISTS revisions (
     kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, generation INTEGER NOT NULL, uid TEXT NOT NULL,
     record TEXT NOT NULL, record_digest TEXT NOT NULL,
     PRIMARY KEY (kind, namespace, name, generation)
   ) WITHOUT ROWID;`,
  // The artefact and what its last load came to as JSON texts; measured_at in milliseconds since 1970.
  `CREATE TABLE IF NOT EXISTS measurements (
     artefact TEXT PRIMARY KEY, measurement TEXT NOT NULL, measured_at INTEGER NOT NULL, digest TEXT NOT NULL
   ) WITHOUT ROWID;`,
];

/** From this version on there is the table of revisions. */
export const VERSION_WITH_REVISIONS = 2;

export const NEWEST_VERSION = MIGRATIONS.length;

export function versionOf(database: Database): number {
  return Number(database.select(["user_version"], "pragma_user_version")[0]?.user_version);
}

export function isState(database: Database): boolean {
  return database.select(["application_id"], "pragma_application_id")[0]?.application_id === APPLICATION;
}

/** Brings a database to the newest version, each step whole or not at all. */
export function migrate(database: Database): void {
  for (let version = versionOf(database); version < NEWEST_VERSION; version++) {
    database.exec(`BEGIN IMMEDIATE; ${MIGRATIONS[version]} PRAGMA user_version = ${version + 1}; COMMIT`);
  }
}
