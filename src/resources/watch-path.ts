import { statSync, watch } from "node:fs";
import { basename, dirname } from "node:path";
import type { Clock } from "../core/clock.ts";

/** Editors write a file in several steps. */
const QUIET_MS = 200;

/** Calls back when a file, or something in a folder, has changed and nothing more has for a moment; returns the function that ends it. */
export function watchPath(path: string, clock: Clock, onChange: () => void): () => void {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  let cancel = (): void => undefined;
  // A file that is replaced is another one; its folder sees both.
  const watcher = watch(isFolder ? path : dirname(path), (_event, name) => {
    if (!isFolder && name !== basename(path)) return;
    cancel();
    cancel = clock.after(QUIET_MS, onChange);
  });
  watcher.on("error", () => watcher.close());
  return () => {
    cancel();
    watcher.close();
  };
}
