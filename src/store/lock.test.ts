import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { AVAILABLE_MODULES, afterCommits, openHere, put, startChild, temporaryDirectories } from "../../test/state-directories.ts";
import { openStore } from "./store.ts";

const directories = temporaryDirectories();
afterEach(directories.dispose);

const HOLD = `
  const store = await openStore(directory);
  await store.commit([put("held")]);
  print("open");
  setInterval(() => {}, 60_000);`;

describe("the lock of a state directory", () => {
  it.each(AVAILABLE_MODULES)("refuses a second opener in the same process, with %s", async (sqlite) => {
    const directory = directories.make();
    const first = await openStore(directory, { sqlite });
    const refused = { code: "ABORTED", message: expect.stringContaining(`process ${process.pid},`) };
    await expect(openStore(directory, { sqlite })).rejects.toMatchObject(refused);
    // The refused one let go of nothing that is the first one's.
    await expect(openStore(directory, { sqlite })).rejects.toMatchObject(refused);
    await first.commit([put("a")]);
    await first.close();
    const next = await openStore(directory, { sqlite });
    expect(next.restored).toEqual(afterCommits([[put("a")]]));
    await next.close();
  });

  it("refuses a second opener in another process, until the first is killed", async () => {
    const directory = directories.make();
    const child = startChild(HOLD, directory);
    try {
      expect(await child.line()).toBe("open");
      await expect(openStore(directory)).rejects.toMatchObject({
        code: "ABORTED",
        message: expect.stringMatching(`another nitrous server .*process ${child.pid}, started .*--state-dir`),
      });
    } finally {
      await child.kill();
    }
    expect(existsSync(join(directory, "lock.json"))).toBe(true);
    const store = await openStore(directory);
    expect(store).toMatchObject({ epoch: 2, restored: afterCommits([[put("held")]]) });
    expect(JSON.parse(readFileSync(join(directory, "lock.json"), "utf8"))).toMatchObject({ pid: process.pid });
    await store.close();
  });

  it.each(["", "{", "null", '{"pid":1,"started":"long ago"}'])("does not depend on lock.json: %j", async (text) => {
    const directory = directories.make();
    writeFileSync(join(directory, "lock.json"), text);
    const holder = await openHere(directory);
    writeFileSync(join(directory, "lock.json"), text);
    await expect(openHere(directory)).rejects.toMatchObject({ code: "ABORTED", message: expect.stringContaining("another") });
    holder.close();
    (await openHere(directory)).close();
  });

  it("says so when its file is something else", async () => {
    const directory = directories.make();
    writeFileSync(join(directory, "lock.db"), "x".repeat(4096));
    await expect(openHere(directory)).rejects.toMatchObject({ code: "FAILED_PRECONDITION", message: expect.stringContaining("delete it") });
  });
});
