import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { FakeClock } from "../../test/fake-clock.ts";
import { removeUnusedDaily } from "./daily.ts";
import { COMPLETE, removeUnused, touch } from "./unused.ts";

const DAY_S = 86_400;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-unused-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function put(name: string, days: number): Promise<string> {
  const place = join(folder, name);
  await mkdir(place);
  await writeFile(join(place, COMPLETE), "{}");
  const time = Date.now() / 1000 - days * DAY_S;
  await utimes(join(place, COMPLETE), time, time);
  return place;
}

it("removes what nobody has used for so many days, and nothing else", async () => {
  const old = await put("0".repeat(20), 31);
  await put("1".repeat(20), 29);
  await touch(await put("2".repeat(20), 100));
  await put("somebody-elses", 100);
  await put(`${"3".repeat(20)}.removed`, 0);
  await put("4".repeat(20), 100);
  // The environment is being made again by another process, which this one stands for.
  await writeFile(join(folder, `${"4".repeat(20)}.lock`), `${process.pid} ${await startTime()}`);
  expect(await removeUnused(folder, 30)).toEqual([old]);
  expect((await readdir(folder)).filter((name) => !name.endsWith(".lock"))).toEqual([
    "1".repeat(20),
    "2".repeat(20),
    "4".repeat(20),
    "somebody-elses",
  ]);
});

it("is done an hour after the start and then every day", async () => {
  const clock = new FakeClock();
  const days: number[] = [];
  const collect = (each: number): Promise<readonly string[]> => {
    days.push(each);
    return Promise.resolve([]);
  };
  const end = removeUnusedDaily({ collect }, 30, clock);
  clock.advance(3_600_000);
  clock.advance(86_400_000);
  expect(days).toEqual([30, 30]);
  end();
  clock.advance(10 * 86_400_000);
  expect(days).toEqual([30, 30]);
});

async function startTime(): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  const status = await readFile(`/proc/${process.pid}/stat`, "utf8");
  return status.slice(status.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}
