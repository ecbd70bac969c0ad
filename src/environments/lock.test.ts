import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { withLock } from "./lock.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-lock-"));
});
afterEach(() => rm(folder, { recursive: true }));

const { signal } = new AbortController();

describe("the lock of an environment", () => {
  it("lets one task in at a time, and leaves nothing behind", async () => {
    let inside = 0;
    let most = 0;
    const task = async (): Promise<void> => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
    };
    const path = join(folder, "deep", "x.lock");
    await Promise.all([1, 2, 3].map(() => withLock(path, { onWait: () => undefined, signal }, task)));
    expect(most).toBe(1);
    expect(await readdir(join(folder, "deep"))).toEqual([]);
  });

  it("is void when its process is gone, or when another one has its number now", async () => {
    const path = join(folder, "x.lock");
    const { pid } = spawnSync("true");
    for (const owner of [`${pid} 1`, `${process.pid} 1`, ""]) {
      await writeFile(path, owner);
      expect(await withLock(path, { onWait: () => undefined, signal }, async () => "in")).toBe("in");
    }
  });

  it("is waited for until the signal says otherwise", async () => {
    const path = join(folder, "x.lock");
    const controller = new AbortController();
    await withLock(path, { onWait: () => undefined, signal }, async () => {
      const waiting = withLock(path, { onWait: () => controller.abort(new Error("enough")), signal: controller.signal }, async () => "in");
      await expect(waiting).rejects.toThrow();
    });
  });
});
