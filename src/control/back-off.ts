import type { Code } from "../core/errors.ts";

/** What may go away by itself: a server that is down, memory that others hold. */
const TRANSIENT: ReadonlySet<Code> = new Set(["UNAVAILABLE", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"]);
/** Milliseconds before each further attempt; the last one repeats. */
const DELAYS = [1_000, 2_000, 5_000, 10_000, 30_000, 60_000];
/** A host that dies while it loads a model may have been killed for memory; one that always dies is not worth more. */
const CRASH_ATTEMPTS = 3;

/**
 * Milliseconds until what has failed is tried again; undefined when trying again would change nothing.
 * `attempts` that have failed, at least 1.
 */
export function retryDelay(code: Code, attempts: number): number | undefined {
  if (code === "ABORTED") return attempts < CRASH_ATTEMPTS ? DELAYS[attempts - 1] : undefined;
  if (!TRANSIENT.has(code)) return undefined;
  return DELAYS[Math.min(attempts, DELAYS.length) - 1];
}
