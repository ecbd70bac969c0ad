import { readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { withLock } from "./lock.ts";

/** The file of a finished environment; it was written last, and its time is when the environment was last used. */
export const COMPLETE = "environment.json";

const DAY_MS = 86_400_000;
const FOLDER = /^[0-9a-f]{20}$/;
/** What an interrupted removal leaves. */
const REMOVED = ".removed";

/** Notes that an environment is used now. */
export async function touch(folder: string): Promise<void> {
  const now = new Date();
  await utimes(join(folder, COMPLETE), now, now).catch(() => undefined);
}

/**
 * Removes the environments below a folder that nobody has used for so many days, each under its lock.
 * @returns the folders that are gone
 */
export async function removeUnused(directory: string, days: number): Promise<readonly string[]> {
  const names = await readdir(directory).catch(() => []);
  const gone: string[] = [];
  for (const name of names) {
    const folder = join(directory, name);
    if (name.endsWith(REMOVED)) await rm(folder, { recursive: true, force: true });
    if (!FOLDER.test(name) || !(await isUnused(folder, days))) continue;
    const options = { onWait: () => undefined, signal: AbortSignal.timeout(1_000) };
    const removed = await withLock(`${folder}.lock`, options, async () => {
      // Somebody may have used it while this waited.
      if (!(await isUnused(folder, days))) return false;
      // Under another name first: half of an environment must never be found under its own.
      await rename(folder, `${folder}${REMOVED}`);
      return true;
    }).catch(() => false);
    if (!removed) continue;
    await rm(`${folder}${REMOVED}`, { recursive: true, force: true });
    gone.push(folder);
  }
  return gone;
}

/** One that was never finished has the time of its folder. */
async function isUnused(folder: string, days: number): Promise<boolean> {
  const mark = (await stat(join(folder, COMPLETE)).catch(() => undefined)) ?? (await stat(folder).catch(() => undefined));
  return mark !== undefined && Date.now() - mark.mtimeMs > days * DAY_MS;
}
