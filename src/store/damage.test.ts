import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  AVAILABLE_MODULES,
  afterCommits,
  openHere,
  put,
  randomNumbers,
  ready,
  restoredIn,
  revision,
  startChild,
  temporaryDirectories,
} from "../../test/state-directories.ts";
import { messageOf, type ServeError } from "../core/errors.ts";
import { NEWEST_VERSION } from "./schema.ts";
import { loadSqlite } from "./sqlite.ts";
import { openStore } from "./store.ts";

/** Committed before the last opening, so that the last good copy has them. */
const COPIED = Array.from({ length: 30 }, (_, number) => [put(`n${number}`, { number, text: "x".repeat(700) })]);
const LATER = [[put("n1", { later: true }), ready("n2", 1, { number: 2 }), revision("n2", 1)], [put("new")]];

const PAGE_BYTES = 4096;
/** Of SQLite's file format: the first byte of a page of rows, and where such a page says how many it has. */
const INDEX_LEAF = 0x0a;
const CELL_COUNT = 3;

describe.each(AVAILABLE_MODULES)("a damaged state, with %s", (sqlite) => {
  const directories = temporaryDirectories();
  let good: string;
  /** The same, of a process that was killed, so that the log is there. */
  let killed: string;

  beforeAll(async () => {
    good = directories.make();
    for (const commits of [COPIED, LATER]) {
      const state = await openHere(good, sqlite);
      state.commit(...commits);
      state.close();
    }
    killed = directories.make();
    for (const name of ["state.db", "state.last-good.db"]) copyFileSync(join(good, name), join(killed, name));
    const body = `const store = await openStore(directory); await store.commit([put("logged")]); print("committed"); setInterval(() => {}, 60_000);`;
    const child = startChild(body, killed);
    expect(await child.line()).toBe("committed");
    await child.kill();
  });
  afterAll(directories.dispose);

  function copyOf(directory: string): string {
    // Its name needs quotes in a shell.
    const copy = join(directories.make(), "it's a state $HOME");
    mkdirSync(copy);
    for (const name of readdirSync(directory).filter((file) => file.startsWith("state.")))
      copyFileSync(join(directory, name), join(copy, name));
    return copy;
  }

  async function refusal(directory: string): Promise<ServeError> {
    try {
      (await openHere(directory, sqlite)).close();
    } catch (error) {
      return error as ServeError;
    }
    throw new Error("it could be opened");
  }

  const state = (directory: string): string => join(directory, "state.db");
  const flip = (directory: string, position: number, bits = 0xff): void => {
    const bytes = readFileSync(state(directory));
    bytes[position] = (bytes[position] as number) ^ bits;
    writeFileSync(state(directory), bytes);
  };
  const overwrite = (directory: string, start: number, length: number, filler: (bytes: Buffer) => unknown): void => {
    const bytes = readFileSync(state(directory));
    filler(bytes.subarray(start, start + length));
    writeFileSync(state(directory), bytes);
  };
  const edit = async (directory: string, sql: string, path = state(directory)): Promise<void> => {
    const database = (await loadSqlite(sqlite))(path);
    database.exec(sql);
    database.close();
  };

  const DAMAGES: Readonly<Record<string, (directory: string) => unknown>> = {
    "a wrong magic": (directory) => flip(directory, 0),
    "another page size": (directory) => flip(directory, 16),
    "another file format to write": (directory) => flip(directory, 18),
    "another file format to read": (directory) => flip(directory, 19),
    "another text encoding": (directory) => flip(directory, 59, 3),
    "another application's number": (directory) => flip(directory, 68),
    "no version": (directory) => flip(directory, 63, NEWEST_VERSION),
    "another schema format": (directory) => flip(directory, 47),
    "a schema of zeros": (directory) => overwrite(directory, PAGE_BYTES - 500, 500, (bytes) => bytes.fill(0)),
    "a page of zeros": (directory) => overwrite(directory, PAGE_BYTES * 3, PAGE_BYTES, (bytes) => bytes.fill(0)),
    "a page of garbage": (directory) => {
      const random = randomNumbers(3);
      overwrite(directory, PAGE_BYTES * 2, PAGE_BYTES, (bytes) => bytes.set(bytes.map(() => random() * 256)));
    },
    "a row that is not counted": (directory) => {
      const bytes = readFileSync(state(directory));
      const pages = Array.from({ length: bytes.length / PAGE_BYTES }, (_, page) => page * PAGE_BYTES);
      const leaf = pages.find((page) => bytes[page] === INDEX_LEAF && bytes.readUInt16BE(page + CELL_COUNT) > 1) as number;
      overwrite(directory, leaf + CELL_COUNT, 2, (count) => count.writeUInt16BE(count.readUInt16BE() - 1));
    },
    "all garbage": (directory) => writeFileSync(state(directory), "no database ".repeat(3000)),
    "a short text": (directory) => writeFileSync(state(directory), "x"),
    "nothing in it": (directory) => truncateSync(state(directory), 0),
    "a cut page": (directory) => truncateSync(state(directory), PAGE_BYTES * 3 + 100),
    "a cut at a page": (directory) => truncateSync(state(directory), PAGE_BYTES * 2),
    "a cut in its header": (directory) => truncateSync(state(directory), 50),
    "no file": (directory) => rmSync(state(directory)),
    "another application's database": async (directory) => {
      rmSync(state(directory));
      await edit(directory, "CREATE TABLE songs (title); PRAGMA user_version = 7");
    },
    "a missing table": (directory) => edit(directory, "DROP TABLE resources"),
    "a missing epoch": (directory) => edit(directory, "DELETE FROM meta"),
    "an epoch that is no number": (directory) => edit(directory, "UPDATE meta SET value = 'many'"),
    "a changed text": (directory) => edit(directory, "UPDATE resources SET object = replace(object, 'later', 'never')"),
    "a changed key": (directory) => edit(directory, "UPDATE resources SET name = 'n99' WHERE name = 'n1'"),
    "a changed generation": (directory) => edit(directory, "UPDATE resources SET ready_generation = 2 WHERE ready_generation = 1"),
    "a lost ready spec": (directory) => edit(directory, "UPDATE resources SET ready_spec = NULL WHERE ready_generation = 1"),
  };

  describe.each(Object.entries(DAMAGES))("%s", (_, damage) => {
    it("is told, nothing is touched, and what it says brings the last good copy back", async () => {
      const directory = copyOf(good);
      await damage(directory);
      const before = filesOf(directory);
      const { code, message } = await refusal(directory);
      expect(code, message).toBe("DATA_LOSS");
      expect(filesOf(directory)).toEqual(before);
      // Told again, and still untouched.
      expect((await refusal(directory)).message).toBe(message);
      expect(filesOf(directory)).toEqual(before);
      expect(message).toContain("The last good copy, of ");
      runAdvice(message);
      const { restored, epoch, close } = await openHere(directory, sqlite);
      close();
      expect(restored).toEqual(afterCommits(COPIED));
      expect(epoch).toBe(3);
      if (before["state.db"] !== undefined) expect(filesOf(join(directory, "damaged"))["state.db"]).toEqual(before["state.db"]);
    });
  });

  it.each(["state.db", "state.db-wal"])("is told with the log left as it is (%s)", async (name) => {
    const directory = copyOf(killed);
    if (name === "state.db") truncateSync(state(directory), 0);
    else rmSync(state(directory));
    const before = filesOf(directory);
    expect(before["state.db-wal"]?.length).toBeGreaterThan(PAGE_BYTES);
    const { code, message } = await refusal(directory);
    expect(code).toBe("DATA_LOSS");
    expect(filesOf(directory)).toEqual(before);
    runAdvice(message);
    expect(filesOf(join(directory, "damaged"))["state.db-wal"]).toEqual(before["state.db-wal"]);
    expect((await restoredIn(directory, sqlite)).length).toBe(31);
  });

  it("says how to start with nothing when there is no copy", async () => {
    const directory = copyOf(good);
    rmSync(join(directory, "state.last-good.db"));
    for (const folder of ["damaged", "damaged-2"]) {
      writeFileSync(state(directory), "garbage");
      const { message } = await refusal(directory);
      expect(message).toContain("There is no copy of it.");
      runAdvice(message);
      expect(readFileSync(join(directory, folder, "state.db"), "utf8")).toBe("garbage");
      expect(await restoredIn(directory, sqlite)).toEqual([]);
      rmSync(join(directory, "state.last-good.db"));
    }
  });

  it("is not a copy whose switch to a log was interrupted", async () => {
    const directory = copyOf(good);
    await edit(directory, "PRAGMA journal_mode = DELETE");
    const writer = (await loadSqlite(sqlite))(state(directory));
    // More than its cache holds, so that some of it is in the file already.
    writer.exec("PRAGMA cache_size = 1; BEGIN; UPDATE resources SET object = hex(zeroblob(20000))");
    const interrupted = copyOf(directory);
    writer.close();
    expect(existsSync(join(interrupted, "state.db-journal"))).toBe(true);
    expect(await restoredIn(interrupted, sqlite)).toEqual(afterCommits([...COPIED, ...LATER]));
  });

  it("is not a state of a newer nitrous, which is told apart", async () => {
    const directory = copyOf(good);
    await edit(directory, `PRAGMA user_version = ${NEWEST_VERSION + 1}`);
    const before = filesOf(directory);
    const { code, message } = await refusal(directory);
    expect({ code, message }).toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringContaining(`newer nitrous (its version is ${NEWEST_VERSION + 1}`),
    });
    expect(filesOf(directory)).toEqual(before);
  });

  it("is told, or means nothing, whatever byte is wrong", { timeout: 60_000 }, async () => {
    const expected = afterCommits([...COPIED, ...LATER]);
    const random = randomNumbers(5);
    const size = readFileSync(state(good)).length;
    const header = Array.from({ length: 100 }, (_, position) => position);
    for (const position of [...header, ...Array.from({ length: 150 }, () => Math.floor(random() * size))]) {
      const directory = copyOf(good);
      flip(directory, position, 1 << Math.floor(random() * 8));
      const before = filesOf(directory);
      try {
        expect(await restoredIn(directory, sqlite), `byte ${position}`).toEqual(expected);
      } catch (error) {
        const { code } = error as ServeError;
        expect(["DATA_LOSS", "FAILED_PRECONDITION"], `byte ${position}: ${messageOf(error)}`).toContain(code);
        expect(filesOf(directory), `byte ${position}`).toEqual(before);
      }
      rmSync(directory, { recursive: true });
    }
  });

  it("is told when it shows while commits are made, and no more are taken", async () => {
    const directory = directories.make();
    const faults: ServeError[] = [];
    const options = { sqlite, onFault: (fault: ServeError) => faults.push(fault) };
    const names = Array.from({ length: 500 }, (_, number) => `n${number}`);
    const first = await openStore(directory, options);
    await first.commit(names.map((name) => put(name, { text: "x".repeat(8_000) })));
    await first.close();
    const store = await openStore(directory, options);
    overwrite(directory, PAGE_BYTES * 8, PAGE_BYTES * 900, (bytes) => bytes.fill(0x55));
    const damaged = readFileSync(state(directory));
    const lost = { code: "DATA_LOSS", message: expect.stringContaining("The last good copy, of ") };
    await expect(store.commit(names.map((name) => put(name, { text: "y" })))).rejects.toMatchObject(lost);
    await expect(store.commit([put("another")])).rejects.toMatchObject(lost);
    await store.close();
    expect(faults).toMatchObject([lost]);
    expect(readFileSync(state(directory)).equals(damaged)).toBe(true);
    runAdvice(faults[0]?.message ?? "");
    expect(await restoredIn(directory, sqlite)).toHaveLength(500);
  });
});

/** The database and its log; an empty log is none. What SQLite shares between connections is made anew by each that is first. */
function filesOf(directory: string): Record<string, string> {
  const names = ["state.db", "state.db-wal", "state.db-journal", "state.last-good.db"].filter((name) => existsSync(join(directory, name)));
  const contents = names.map((name) => [name, readFileSync(join(directory, name), "latin1")] as const);
  return Object.fromEntries(contents.filter(([name, bytes]) => name !== "state.db-wal" || bytes !== ""));
}

function runAdvice(message: string): void {
  const commands = message.split("\n").filter((line) => line.startsWith("  "));
  expect(commands).toHaveLength(1);
  const { status, stderr } = spawnSync("sh", ["-c", commands[0] as string], { encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
}
