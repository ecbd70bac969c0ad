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
