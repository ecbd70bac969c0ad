import { type FSWatcher, statSync, unwatchFile, watch, watchFile } from "node:fs";
import { basename, dirname } from "node:path";
import { type Clock, systemClock } from "../core/clock.ts";

/** Calls back soon after something has changed at a path, or in a folder; returns the function that ends it. */
export type Watch = (paths: readonly string[], onChange: () => void) => () => void;

/** Files that belong together are replaced one after the other. */
const TOGETHER_MS = 100;
/** Network file systems tell nobody what other machines change, so a look now and then is needed too. */
const LOOK_MS = 1_000;

/** Watches the disk, also for what is not there yet. It does not keep the process alive. */
export function watchDisk(paths: readonly string[], onChange: () => void, clock: Clock = systemClock): () => void {
  const { changed, cancel } = together(clock, onChange);
  const watchers = paths.flatMap((path) => notifications(path, changed) ?? []);
  for (const path of paths) watchFile(path, { interval: LOOK_MS, persistent: false }, changed);
  return () => {
    cancel();
    for (const watcher of watchers) watcher.close();
    for (const path of paths) unwatchFile(path, changed);
  };
}

/**
 * Calls back once for changes that come together. Later ones do not put the call off, or what changes all the time would never be
 * looked at.
 */
export function together(clock: Clock, callback: () => void): { readonly changed: () => void; readonly cancel: () => void } {
  let pending: (() => void) | undefined;
  return {
    changed() {
      pending ??= clock.after(TOGETHER_MS, () => {
        pending = undefined;
        callback();
      });
    },
    cancel: () => pending?.(),
  };
}

/** Undefined where the system has none to give; then the looks are what there is. */
function notifications(path: string, changed: () => void): FSWatcher | undefined {
  try {
    const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
    const watcher = watch(isFolder ? path : dirname(path), { persistent: false }, (_event, name) => {
      if (isFolder || name === null || name === basename(path)) changed();
    });
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
