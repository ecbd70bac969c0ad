import type { Batch } from "./batch.ts";
import type { Entry } from "./entry.ts";
import type { FairQueue } from "./fair-queue.ts";

export interface Due {
  /** Past their deadlines. */
  readonly expired: readonly Entry[];
  /** They wait, and may not any longer. */
  readonly waitedTooLong: readonly Entry[];
  /** Clock milliseconds at which there are others; Infinity when nobody waits or runs. */
  readonly next: number;
}

/** What time has run out for. Looks at everything that waits or runs. */
export function dueAt(now: number, queue: FairQueue<Entry>, running: Iterable<Batch>): Due {
  const expired: Entry[] = [];
  const waitedTooLong: Entry[] = [];
  let next = Number.POSITIVE_INFINITY;
  const look = (entry: Entry): boolean => {
    if (entry.settled) return false;
    if (entry.deadline <= now) expired.push(entry);
    else next = Math.min(next, entry.deadline);
    return entry.deadline > now;
  };
  queue.forEach((entry) => {
    if (!look(entry)) return;
    if (entry.waitUntil <= now) waitedTooLong.push(entry);
    else next = Math.min(next, entry.waitUntil);
  });
  for (const { entries } of running) entries.forEach(look);
  return { expired, waitedTooLong, next };
}
