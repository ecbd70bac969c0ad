import type { Clock } from "../../core/clock.ts";
import { bytesIn } from "../servers/index.ts";
import type { WatchedFolder } from "./plan-container.ts";

export interface DiskWatching {
  readonly clock: Clock;
  readonly folders: readonly WatchedFolder[];
  /** Of everything that the container writes: its folders and its own file system. */
  readonly limit: number | undefined;
  /** Bytes in its own file system. */
  readonly written: () => Promise<number>;
  /** A sentence without its subject. */
  readonly onExcess: (how: string) => void;
}

/** As often as the kubelet looks. */
const PERIOD_MS = 10_000;
/** Of the time, at most: counting a large folder takes a while. */
const SHARE = 0.1;

/** Looks at what a container has written until the returned function is called; does nothing where there is no limit. */
export function watchDisk({ clock, folders, limit, written, onExcess }: DiskWatching): () => void {
  const limited = folders.filter((folder) => limit !== undefined || folder.limit !== undefined);
  if (limit === undefined && limited.length === 0) return () => undefined;
  let hasEnded = false;
  let cancel: (() => void) | undefined;
  const look = async (): Promise<void> => {
    const begun = clock.now();
    const sizes = await Promise.all(limited.map(({ folder }) => bytesIn(folder)));
    const excess = limited.findIndex((folder, index) => folder.limit !== undefined && (sizes[index] as number) > folder.limit);
    const all = limit === undefined ? 0 : sizes.reduce((sum, bytes) => sum + bytes, await written());
    if (hasEnded) return;
    const full = limited[excess];
    if (full !== undefined) onExcess(`wrote more than the ${mebibytes(full.limit as number)} that it may to ${full.path}`);
    else if (limit !== undefined && all > limit)
      onExcess(`wrote more than the ${mebibytes(limit)} that it may to its disk (ephemeral-storage)`);
    else next(Math.max(PERIOD_MS, (clock.now() - begun) / SHARE));
  };
  const next = (delay: number): void => {
    // What goes away while it is counted is not worth more than the next look.
    cancel = clock.after(delay, () => void look().catch(() => !hasEnded && next(PERIOD_MS)));
  };
  next(PERIOD_MS);
  return () => {
    hasEnded = true;
    cancel?.();
  };
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
