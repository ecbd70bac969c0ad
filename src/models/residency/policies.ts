import type { Priority } from "../../core/scheduling.ts";

/** A loaded model as a policy sees it. Times are clock milliseconds. */
export interface Resident {
  readonly bytes: number;
  readonly loadedAt: number;
  /** Of its last request; of its load when it has had none. */
  readonly usedAt: number;
  /** Requests since it was registered. */
  readonly uses: number;
  /** Requests per second, the older ones counting less. */
  readonly rate: number;
  /** What its last load took. */
  readonly loadMs: number;
  /** The lowest (5) goes first, whatever the policy says. */
  readonly priority: Priority;
}

/** How much a loaded model is worth keeping; the one with the least goes first. */
export type EvictionPolicy = (resident: Resident) => number;

/** What has been loaded for longest goes first. */
export const fifo: EvictionPolicy = ({ loadedAt }) => loadedAt;

/** What has not been asked for longest goes first. */
export const lru: EvictionPolicy = ({ usedAt }) => usedAt;

/** What has been asked least often goes first. */
export const lfu: EvictionPolicy = ({ uses }) => uses;

/**
 * What costs least to be without, for each byte that it frees: the seconds of waiting for its load that its requests would bring each
 * second (greedy-dual-size-frequency, Cherkasova 1998, with a rate that fades in the place of its ageing counter).
 */
export const cost: EvictionPolicy = ({ rate, loadMs, bytes }) => (rate * loadMs) / Math.max(1, bytes);

export const EVICTION_POLICIES = { cost, lru, lfu, fifo } as const satisfies Readonly<Record<string, EvictionPolicy>>;

export type EvictionPolicyName = keyof typeof EVICTION_POLICIES;

/** What of a model made the policy choose it, after "and", for people. @param now clock milliseconds */
export function whyChosen(
  policy: EvictionPolicyName,
  { name, usedAt, uses, loadedAt, loadMs }: Resident & { readonly name: string },
  now: number,
): string {
  const asked = uses === 0 ? "has not been asked for" : `was last asked for ${shortTime(now - usedAt)} ago`;
  if (policy === "fifo") return `${name} was loaded first, ${shortTime(now - loadedAt)} ago`;
  if (policy === "lfu") return uses === 0 ? `${name} has not been asked for` : `${name} was asked least often, ${uses} times`;
  if (policy === "lru") return `${name} ${asked}`;
  return `${name} costs least to load again: it ${asked} and loads in ${shortTime(loadMs)}`;
}

function shortTime(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
