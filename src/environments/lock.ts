import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 200;

/**
 * Runs the task while holding a lock file that one process at a time can have; the lock of a process that is gone is void.
 * @throws what the task throws, or the signal's reason while waiting
 */
export async function withLock<Result>(
  path: string,
  { onWait, signal }: { readonly onWait: () => void; readonly signal: AbortSignal },
  task: () => Promise<Result>,
): Promise<Result> {
  await mkdir(dirname(path), { recursive: true });
  const mine = `${process.pid} ${await startOf(process.pid)}`;
  for (let tries = 0; !(await take(path, mine)); tries++) {
    signal.throwIfAborted();
    const owner = await readFile(path, "utf8").catch(() => undefined);
    if (owner === undefined) continue;
    if (await isVoid(owner)) await remove(path, owner);
    else {
      if (tries === 0) onWait();
      await delay(POLL_MS, undefined, { signal });
    }
  }
  try {
    return await task();
  } finally {
    await rm(path, { force: true });
  }
}

/** Written aside and linked, so that nobody ever reads a lock without an owner. */
async function take(path: string, owner: string): Promise<boolean> {
  const aside = `${path}.${randomUUID()}`;
  await writeFile(aside, owner);
  try {
    await link(aside, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

/** Two processes may find the same void lock: the slower one puts the other's new lock back. */
async function remove(path: string, owner: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  await rename(path, aside).catch(() => undefined);
  const removed = await readFile(aside, "utf8").catch(() => owner);
  if (removed !== owner) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

async function isVoid(owner: string): Promise<boolean> {
  const [pid = "", start = ""] = owner.split(" ");
  return !(Number(pid) > 0 && isRunning(Number(pid)) && (await startOf(Number(pid))) === start);
}

/** When a process began, in ticks since boot; empty where the system does not tell. A pid alone is soon another process's. */
async function startOf(pid: number): Promise<string> {
  const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The second field is the command in brackets, which may hold anything; the start is the 22nd.
  return status.slice(status.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
