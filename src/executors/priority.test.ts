import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { afterEach, beforeEach, expect, it } from "vitest";
import { lower, restore } from "./priority.ts";

let child: ChildProcess;
let pid: number;

beforeEach(async () => {
  child = spawn("sh", ["-c", "echo begun; read go; sleep 60 & echo $!; wait"], { stdio: ["pipe", "pipe", "ignore"], detached: true });
  pid = child.pid as number;
  await once(child.stdout as NonNullable<typeof child.stdout>, "data");
});

afterEach(async () => {
  process.kill(-pid, "SIGKILL");
  await once(child, "exit");
});

/** A process that the child starts now. */
async function grandchild(): Promise<number> {
  child.stdin?.write("go\n");
  const [text] = (await once(child.stdout as NonNullable<typeof child.stdout>, "data")) as [Buffer];
  return Number(text.toString());
}

const group = (): number | undefined =>
  existsSync("/proc/self/autogroup") ? Number(/nice (-?\d+)/.exec(readFileSync(`/proc/${pid}/autogroup`, "utf8"))?.[1]) : undefined;

it.skipIf(process.platform !== "linux")("puts a session behind others, what it starts then too, and takes all of that back", async () => {
  const [before, groupBefore] = [getPriority(pid), group()];
  await lower(pid);
  const below = await grandchild();
  if (groupBefore !== undefined) expect(group()).toBe(5);
  // Without privileges only the group is changed: nobody could take back the rest.
  expect([before, 5]).toContain(getPriority(pid));
  expect(getPriority(below)).toBe(getPriority(pid));
  await restore(pid);
  expect([getPriority(pid), getPriority(below), group()]).toEqual([before, before, groupBefore]);
});

it.skipIf(process.platform !== "linux")("leaves alone who has ended", async () => {
  process.kill(-pid, "SIGKILL");
  await once(child, "exit");
  await lower(pid);
  await restore(pid);
  child = spawn("sleep", ["60"], { detached: true });
  pid = child.pid as number;
});
