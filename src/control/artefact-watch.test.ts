import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { FakeClock } from "../../test/fake-clock.ts";
import { ArtefactWatch } from "./artefact-watch.ts";

let folder: string;
let clock: FakeClock;
let watch: ArtefactWatch;
let changes: number;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "artefact-watch-"));
  writeFileSync(join(folder, "model.onnx"), "one");
  clock = new FakeClock();
  watch = new ArtefactWatch(clock);
  changes = 0;
});
afterEach(() => {
  watch.close();
  rmSync(folder, { recursive: true, force: true });
});

async function begin(path = folder): Promise<() => void> {
  const end = await watch.watch(path, () => changes++);
  await rest();
  return end;
}

/** A look ends when the disk has answered. */
async function rest(): Promise<void> {
  for (let quiet = 0; quiet < 8; quiet++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (process.getActiveResourcesInfo().some((resource) => resource.startsWith("FSReq"))) quiet = -1;
  }
}

async function looks(times: number): Promise<number> {
  for (let look = 0; look < times; look++) {
    await clock.advance(1_000);
    await rest();
  }
  return changes;
}

it("tells a change once, when it has settled", async () => {
  await begin();
  expect(await looks(3)).toBe(0);
  for (let chunk = 0; chunk < 4; chunk++) {
    appendFileSync(join(folder, "model.onnx"), "more");
    expect(await looks(1)).toBe(0);
  }
  expect(await looks(1)).toBe(1);
  expect(await looks(5)).toBe(1);
});

it("takes no notice of a file that was only touched or written again as it was, and of files that are on their way", async () => {
  await begin();
  utimesSync(join(folder, "model.onnx"), 1, 1);
  expect(await looks(3)).toBe(0);
  writeFileSync(join(folder, "new"), "one");
  renameSync(join(folder, "new"), join(folder, "model.onnx"));
  expect(await looks(3)).toBe(0);
  for (const name of [".model.onnx.swp", "model.onnx.part", "model.onnx~"]) writeFileSync(join(folder, name), "half");
  mkdirSync(join(folder, "__pycache__"));
  writeFileSync(join(folder, "__pycache__", "model.pyc"), "compiled");
  expect(await looks(3)).toBe(0);
});

it("sees new folders, and what goes later than what is replaced", async () => {
  await begin();
  mkdirSync(join(folder, "2"));
  writeFileSync(join(folder, "2", "model.onnx"), "two");
  expect(await looks(2)).toBe(1);
  rmSync(folder, { recursive: true });
  expect(await looks(3)).toBe(1);
  mkdirSync(folder);
  writeFileSync(join(folder, "model.onnx"), "three");
  expect(await looks(2)).toBe(2);
  rmSync(folder, { recursive: true });
  expect(await looks(5)).toBe(3);
});

it("sees one file that comes later, and nothing after its end", async () => {
  const file = join(folder, "later.onnx");
  const end = await begin(file);
  writeFileSync(file, "here");
  expect(await looks(2)).toBe(1);
  end();
  writeFileSync(file, "again");
  expect(await looks(3)).toBe(1);
  expect(clock.timers).toBe(0);
});
