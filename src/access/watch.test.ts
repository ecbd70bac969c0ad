import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { FakeClock } from "../../test/fake-clock.ts";
import { together, watchDisk } from "./watch.ts";

let directory: string;
let end: () => void;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "nitrous-watch-"));
});

afterEach(() => {
  end();
  rmSync(directory, { recursive: true });
});

const changeOf = (path: string): Promise<void> =>
  new Promise((resolve) => {
    end = watchDisk([path], resolve);
  });

it("sees a file that is put in a folder", async () => {
  const changed = changeOf(directory);
  writeFileSync(join(directory, "new"), "");
  await expect(changed).resolves.toBeUndefined();
});

it("sees a file that another one takes the place of", async () => {
  const path = join(directory, "file");
  writeFileSync(path, "one");
  const changed = changeOf(path);
  writeFileSync(`${path}.new`, "two");
  renameSync(`${path}.new`, path);
  await expect(changed).resolves.toBeUndefined();
});

it("sees what was not there at first, even its folder", async () => {
  const folder = join(directory, "folder");
  let times = 0;
  await new Promise<void>((resolve) => {
    end = watchDisk([join(folder, "file")], () => {
      times++;
      // The first time it is told that nothing is there.
      if (times === 1) {
        mkdirSync(folder);
        writeFileSync(join(folder, "file"), "");
      } else resolve();
    });
  });
  expect(times).toBe(2);
});

it("calls back soon, however many changes follow each other, and not after its end", async () => {
  const clock = new FakeClock();
  let times = 0;
  const { changed, cancel } = together(clock, () => times++);
  for (let change = 0; change < 100; change++) {
    changed();
    await clock.advance(20);
  }
  expect(times).toBe(20);
  changed();
  cancel();
  await clock.advance(1000);
  expect(times).toBe(20);
  end = () => undefined;
});
