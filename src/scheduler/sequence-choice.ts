import type { BatchCut } from "../core/batch.ts";
import type { SequenceScheduling } from "../core/scheduling.ts";

/** The next request of a sequence. */
export interface SequenceCandidate {
  /** Only requests with equal ones meet in a call; undefined for one that is a call by itself. */
  readonly key: string | undefined;
  /** Clock milliseconds. */
  readonly enqueuedAt: number;
  readonly deadline: number;
}

/** What a replica is given now, or the clock milliseconds at which to ask again. */
export type SequenceChoice<Candidate> = { readonly batch: Candidate[]; readonly cut: BatchCut } | { readonly holdUntil: number };

/**
 * Which of the requests that are next in their sequences a replica gets, in one call; there is at least one. Pure. Whoever has waited for
 * longest is in it, and with him all that can share a call.
 * - `direct` waits until `minimumSlotUtilization` of the slots have a request;
 * - `oldest` takes at most `mostRequests`, those that have waited for longest, and waits until it has as many or one of the preferred sizes.
 *
 * Neither waits for longer than `maxDelayMs`, nor at all when somebody has less time.
 */
export function chooseOfSequences<Candidate extends SequenceCandidate>(
  ready: readonly Candidate[],
  rules: SequenceScheduling,
  mostRequests: number,
  now: number,
): SequenceChoice<Candidate> {
  const byAge = ready.toSorted((one, other) => one.enqueuedAt - other.enqueuedAt);
  const oldest = byAge[0] as Candidate;
  const company = oldest.key === undefined ? [oldest] : byAge.filter(({ key }) => key === oldest.key);
  if (company.length >= mostRequests) return { batch: company.slice(0, mostRequests), cut: "rows" };
  const { strategy, perReplica, minimumSlotUtilization = 0, preferredSizes = [], maxDelayMs } = rules;
  const preferred = strategy === "oldest" ? Math.max(0, ...preferredSizes.filter((size) => size <= company.length)) : 0;
  if (preferred > 0) return { batch: company.slice(0, preferred), cut: "preferred" };
  const isEnough = strategy === "direct" && ready.length / perReplica >= minimumSlotUtilization;
  const holdUntil = oldest.enqueuedAt + maxDelayMs;
  const waits = !isEnough && holdUntil > now && company.every(({ deadline }) => deadline > holdUntil);
  return waits ? { holdUntil } : { batch: company, cut: "drained" };
}
