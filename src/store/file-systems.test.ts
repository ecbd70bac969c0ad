import { spawnSync } from "node:child_process";
import { closeSync, cpSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { AVAILABLE_MODULES, afterCommits, openHere, put, remove, restoredIn, temporaryDirectories } from "../../test/state-directories.ts";
import type { ResourceChange } from "../core/resource-store.ts";
import { openStore } from "./store.ts";

const directories = temporaryDirectories();
const mounted: string[] = [];

function mount(options: string): string | undefined {
  const path = directories.make();
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path]);
  if (status !== 0) return undefined;
  mounted.push(path);
  return path;
}

function unmountAll(): void {
  for (const path of mounted.splice(0)) spawnSync("umount", ["--lazy", path]);
}

const mountable = mount("size=64k") !== undefined;
unmountAll();
afterEach(unmountAll);
afterAll(directories.dispose);

/** Takes all space that is left, to the last page. */
function fill(path: string): void {
  const file = openSync(path, "a");
  try {
    for (;;) writeSync(file, Buffer.alloc(4096, 1));
  } catch (error) {
    expect(error).toMatchObject({ code: "ENOSPC" });
  } finally {
    closeSync(file);
  }
}

const FULL = { code: "RESOURCE_EXHAUSTED", message: expect.stringContaining("is full; nothing was changed") };

const reason = mountable ? "" : " (skipped: this user may not mount file systems)";

describe.skipIf(!mountable).each(AVAILABLE_MODULES)(`a full disk${reason}, with %s`, (sqlite) => {
  it("fails commits, changes nothing, and is no trouble any more when there is space", async () => {
    const disk = mount("size=2m") as string;
    const [directory, ballast] = [join(disk, "state"), join(disk, "ballast")];
    const faults: unknown[] = [];
    const store = await openStore(directory, { sqlite, onFault: (fault) => faults.push(fault) });
    const kept: ResourceChange[][] = [];
    const commit = async (...changes: ResourceChange[]): Promise<void> => {
      await store.commit(changes);
      kept.push(changes);
    };
    const crashed = async (): Promise<unknown> => {
      const copy = join(directories.make(), "copy");
      mkdirSync(copy);
      for (const name of ["state.db", "state.db-wal"]) cpSync(join(directory, name), join(copy, name));
      return await restoredIn(copy, sqlite);
    };

    await commit(put("first", { text: "x".repeat(20_000) }), put("second"));
    for (let round = 0; round < 3; round++) {
      fill(ballast);
      await expect(commit(put("half", { round }), put("large", { text: "y".repeat(100_000) }))).rejects.toMatchObject(FULL);
      // As long as small ones find room in what the log has, they are welcome.
      let refused = false;
      for (let number = 0; number < 1000 && !refused; number++) {
        await commit(put(`small ${round} ${number}`, { text: "z".repeat(3000) })).catch((error: unknown) => {
          expect(error).toMatchObject(FULL);
          refused = true;
        });
      }
      expect(refused).toBe(true);
      // What a crash would leave now.
      expect(await crashed()).toEqual(afterCommits(kept));
      rmSync(ballast);
      await commit(put("large", { round, text: "y".repeat(100_000) }), remove("half"));
    }
    // Of commits that are made together, those that fit are kept.
    fill(ballast);
    const together = await Promise.allSettled([store.commit([put("huge", { text: "x".repeat(3_000_000) })]), store.commit([])]);
    expect(together).toMatchObject([{ status: "rejected", reason: FULL }, { status: "fulfilled" }]);
    await store.close();
    rmSync(ballast);
    expect(faults).toEqual([]);
    expect(await restoredIn(directory, sqlite)).toEqual(afterCommits(kept));
  });

  it("refuses to open, and opens when there is space", async () => {
    const disk = mount("size=1m") as string;
    const [directory, ballast] = [join(disk, "state"), join(disk, "ballast")];
    mkdirSync(directory);
    fill(ballast);
    await expect(openHere(directory, sqlite)).rejects.toMatchObject(FULL);
    rmSync(ballast);
    const state = await openHere(directory, sqlite);
    expect(state).toMatchObject({ epoch: 1, restored: [] });
    state.commit([put("a")]);
    state.close();
    fill(ballast);
    for (let attempt = 0; attempt < 3; attempt++) await expect(openHere(directory, sqlite)).rejects.toMatchObject(FULL);
    rmSync(ballast);
    expect(await restoredIn(directory, sqlite)).toEqual(afterCommits([[put("a")]]));
  });

  it("is also one without a place for another file", async () => {
    const disk = mount("size=2m,nr_inodes=8") as string;
    const directory = join(disk, "state");
    mkdirSync(directory);
    for (let number = 0; number < 5; number++) writeFileSync(join(disk, `file ${number}`), "");
    await expect(openHere(directory, sqlite)).rejects.toMatchObject(FULL);
  });
});

describe("a directory that cannot be written", () => {
  const REFUSED = { code: "FAILED_PRECONDITION", message: expect.stringMatching(/cannot be written .*--state-dir/) };

  it("is refused when its path is a file or goes through one", async () => {
    const file = join(directories.make(), "file");
    writeFileSync(file, "mine");
    await expect(openHere(file)).rejects.toMatchObject(REFUSED);
    await expect(openHere(join(file, "state"))).rejects.toMatchObject(REFUSED);
    expect(readFileSync(file, "utf8")).toBe("mine");
  });

  it.skipIf(!mountable)(`is refused on a file system that cannot be written${reason}`, async () => {
    const disk = mount("size=1m") as string;
    const directory = join(disk, "state");
    const state = await openHere(directory);
    state.commit([put("a")]);
    state.close();
    spawnSync("mount", ["-o", "remount,ro", disk]);
    await expect(openHere(directory)).rejects.toMatchObject(REFUSED);
    await expect(openHere(join(disk, "new"))).rejects.toMatchObject(REFUSED);
    spawnSync("mount", ["-o", "remount,rw", disk]);
    expect(await restoredIn(directory)).toEqual(afterCommits([[put("a")]]));
  });
});
