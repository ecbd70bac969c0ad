import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  AVAILABLE_MODULES,
  afterCommits,
  openHere,
  put,
  randomNumbers,
  ready,
  remove,
  restoredIn,
  startChild,
  temporaryDirectories,
} from "../../test/state-directories.ts";
import type { ResourceChange } from "../core/resource-store.ts";

const LOG_HEADER_BYTES = 32;
const FRAME_BYTES = 24 + 4096;

/** Some with several changes, some of several pages; no two leave the same state. */
const COMMITS: readonly (readonly ResourceChange[])[] = Array.from({ length: 14 }, (_, number) => [
  put("counter", { number }),
  ...(number % 3 === 0 ? [put(`n${number}`, { text: "x".repeat(number * 900) }), put(`m${number}`)] : []),
  ...(number % 4 === 1 ? [remove(`n${number - 1}`), ready("counter", number, { number })] : []),
]);
const STATES = Array.from({ length: COMMITS.length + 1 }, (_, count) => afterCommits(COMMITS.slice(0, count)));

/** The log of a process that was killed after all commits, and the database beside it. */
describe.each(AVAILABLE_MODULES)("the log of a killed process, with %s", (sqlite) => {
  const directories = temporaryDirectories();
  let killed: string;
  let log: Buffer;

  beforeAll(async () => {
    killed = directories.make();
    const body = `
      const store = await openStore(directory, { sqlite: ${JSON.stringify(sqlite)} });
      for (const changes of ${JSON.stringify(COMMITS)}) await store.commit(changes);
      print("committed");
      setInterval(() => {}, 60_000);`;
    const child = startChild(body, killed);
    const line = await child.line();
    await child.kill();
    expect(line).toBe("committed");
    log = readFileSync(join(killed, "state.db-wal"));
  });
  afterAll(directories.dispose);

  /** How many commits there are when the log is this one. */
  async function commitsWith(bytes: Buffer): Promise<number> {
    const directory = directories.make();
    for (const name of ["state.db", "state.last-good.db"]) copyFileSync(join(killed, name), join(directory, name));
    writeFileSync(join(directory, "state.db-wal"), bytes);
    const state = await openHere(directory, sqlite);
    const count = STATES.findIndex((resources) => JSON.stringify(resources) === JSON.stringify(state.restored));
    // It can also be written to.
    state.commit([put("counter", { number: "again" })]);
    state.close();
    expect(existsSync(join(directory, "state.db-wal"))).toBe(false);
    return count;
  }

  it("holds all of them", async () => {
    expect((log.length - LOG_HEADER_BYTES) % FRAME_BYTES).toBe(0);
    expect(await commitsWith(log)).toBe(COMMITS.length);
  });

  it("gives the first of them, wherever it is cut", { timeout: 120_000 }, async () => {
    const frames = (log.length - LOG_HEADER_BYTES) / FRAME_BYTES;
    const boundaries = Array.from({ length: frames + 1 }, (_, frame) => LOG_HEADER_BYTES + frame * FRAME_BYTES);
    const beside = boundaries.flatMap((boundary) => [boundary - 1, boundary, boundary + 1, boundary + 24, boundary + 2000]);
    let before = 0;
    const counts = new Set<number>();
    for (const cut of [0, 1, ...beside].filter((bytes) => bytes <= log.length)) {
      const count = await commitsWith(log.subarray(0, cut));
      expect(count, `cut at ${cut}`).toBeGreaterThanOrEqual(before);
      before = count;
      counts.add(count);
    }
    expect([...counts]).toEqual(STATES.map((_, count) => count));
  });

  it("is cut without harm too when what it held has moved into the database", { timeout: 60_000 }, async () => {
    const directory = directories.make();
    const state = await openHere(directory, sqlite);
    const commits: ResourceChange[][] = [];
    let [moves, database] = [0, readFileSync(join(directory, "state.db"))];
    for (let number = 0; number < 150; number++) {
      commits.push([put(`n${number % 7}`, { number, text: `${number} `.repeat(15_000) }), put(`m${number % 5}`, { number })]);
      state.commit(commits.at(-1) ?? []);
      const before = database;
      database = readFileSync(join(directory, "state.db"));
      if (database.equals(before)) continue;
      moves++;
      const bytes = readFileSync(join(directory, "state.db-wal"));
      for (let tenths = 0; tenths <= 10; tenths++) {
        const copy = directories.make();
        writeFileSync(join(copy, "state.db"), database);
        writeFileSync(join(copy, "state.db-wal"), bytes.subarray(0, Math.floor((bytes.length * tenths) / 10)));
        expect(await restoredIn(copy, sqlite)).toEqual(afterCommits(commits));
      }
    }
    state.close();
    expect(moves).toBeGreaterThan(0);
  });

  it("gives the first of them, whatever byte of it is wrong", { timeout: 120_000 }, async () => {
    const random = randomNumbers(1);
    const commitsBefore: number[] = [];
    for (let end = LOG_HEADER_BYTES; end <= log.length; end += FRAME_BYTES) commitsBefore.push(await commitsWith(log.subarray(0, end)));
    const inHeaders = Array.from(
      { length: 12 },
      () => LOG_HEADER_BYTES + FRAME_BYTES * Math.floor(random() * 10) + Math.floor(random() * 24),
    );
    const anywhere = Array.from({ length: 40 }, () => Math.floor(random() * log.length));
    for (const position of [0, 3, 7, 11, 17, 21, 30, ...inHeaders, ...anywhere]) {
      const bytes = Buffer.from(log);
      bytes[position] = (bytes[position] as number) ^ (1 << Math.floor(random() * 8));
      const frame = Math.max(0, Math.floor((position - LOG_HEADER_BYTES) / FRAME_BYTES));
      expect(await commitsWith(bytes), `byte ${position}`).toBe(commitsBefore[frame]);
    }
  });
});
