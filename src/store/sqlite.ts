/**
 * A connection to a database. It has no prepared statements: `@photostructure/sqlite` finalizes them when they are garbage
 * collected, and until then a connection that was closed keeps its log and its locks. What goes in and comes out does so
 * through functions that SQL calls, and every statement ends within the call that runs it.
 */
export interface Database {
  /** Runs statements, in which `value(1)` is the first of the values. */
  exec(sql: string, ...values: readonly SqlValue[]): void;
  /** The rows of `SELECT columns FROM from`. */
  select<Column extends string>(columns: readonly Column[], from: string): Record<Column, SqlValue>[];
  close(): void;
}

export type SqlValue = string | number | null;

export interface OpenOptions {
  readonly readOnly?: boolean;
}

/** The modules that can be the store's SQLite, the preferred one first. */
export const SQLITE_MODULES = ["node:sqlite", "@photostructure/sqlite"] as const;
export type SqliteModule = (typeof SQLITE_MODULES)[number];

export type OpenDatabase = (path: string, options?: OpenOptions) => Database;

/** What is used of either module. */
interface Module {
  readonly DatabaseSync: new (path: string, options: OpenOptions) => Connection;
}

interface Connection {
  exec(sql: string): void;
  function(name: string, options: FunctionOptions, body: (...values: SqlValue[]) => SqlValue): void;
  close(): void;
}

interface FunctionOptions {
  readonly deterministic?: boolean;
  readonly varargs?: boolean;
}

/**
 * SQLite as a function that opens database files: the built-in one where this Node has it, else the package.
 * @throws Error when the module that was asked for cannot be loaded
 */
export async function loadSqlite(wanted?: SqliteModule): Promise<OpenDatabase> {
  const builtIn = wanted === "@photostructure/sqlite" ? undefined : loadBuiltIn();
  if (wanted === "node:sqlite" && builtIn === undefined) throw new Error(`Node ${process.version} has no node:sqlite with functions`);
  // The package's own types name more than the interface above and differ from it in nothing that is used.
  const { DatabaseSync } = builtIn ?? ((await import("@photostructure/sqlite")) as unknown as Module);
  return (path, options = {}) => createDatabase(new DatabaseSync(path, options));
}

function createDatabase(connection: Connection): Database {
  let bound: readonly SqlValue[] = [];
  let rows: SqlValue[][] = [];
  connection.function("value", { deterministic: true }, (number) => bound[Number(number) - 1] ?? null);
  connection.function("row_of", { varargs: true }, (...values) => {
    rows.push(values);
    return null;
  });
  return {
    exec(sql, ...values) {
      bound = values;
      connection.exec(sql);
    },
    select(columns, from) {
      rows = [];
      connection.exec(`SELECT row_of(${columns.join(", ")}) FROM ${from}`);
      return rows.map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index] ?? null]))) as ReturnType<
        Database["select"]
      >;
    },
    close: () => connection.close(),
  };
}

function loadBuiltIn(): Module | undefined {
  const emitWarning = process.emitWarning;
  // Some versions of Node warn that their SQLite is experimental; a user can do nothing about it.
  process.emitWarning = ((...warning: Parameters<typeof emitWarning>) => {
    if (!/^SQLite is an experimental feature/.test(String(warning[0]))) emitWarning.apply(process, warning);
  }) as typeof emitWarning;
  try {
    const builtIn = process.getBuiltinModule("node:sqlite") as Module | undefined;
    // The first versions, behind a flag, have no functions.
    return builtIn !== undefined && "function" in builtIn.DatabaseSync.prototype ? builtIn : undefined;
  } finally {
    process.emitWarning = emitWarning;
  }
}
