/** Where copies of a service's requests go besides, and how answers are compared. */
export interface ShadowRule {
  /** Another service of the same namespace, or a revision of the same service by its name or a tag. */
  readonly to: { readonly service: string } | { readonly revision: string };
  /** Of the requests, above 0 and at most 100. */
  readonly percent: number;
  /** Two numbers are close when they differ by no more than this part of the larger one, or by this much. */
  readonly tolerance: number;
}

/**
 * How an answer of a shadow was, beside the one that the client got: the same in every bit; numbers that differ within the tolerance;
 * other values; another shape or datatype; other outputs; an error where the other one was none, or another one.
 */
export const SHADOW_RESULTS = ["equal", "close", "values", "shape", "outputs", "error"] as const;
export type ShadowResult = (typeof SHADOW_RESULTS)[number];

/** Why a request that was chosen was not copied: as many copies as may be are under way; it is too large; the shadow is not loaded; it is a stream. */
export const SHADOW_DROPS = ["busy", "size", "not_ready", "stream"] as const;
export type ShadowDrop = (typeof SHADOW_DROPS)[number];

/** What became of the copies of one service's requests. */
export interface ShadowReport {
  readonly namespace: string;
  readonly model: string;
  /** `service/NAME` or `revision/NAME`. */
  readonly shadow: string;
  readonly percent: number;
  readonly tolerance: number;
  readonly results: Readonly<Record<ShadowResult, number>>;
  readonly dropped: Readonly<Record<ShadowDrop, number>>;
  /** Time of all compared requests together, with waiting. */
  readonly primaryMs: number;
  readonly shadowMs: number;
  /** The last ones that were neither equal nor close, oldest first. */
  readonly differing: readonly ShadowDifference[];
}

export interface ShadowDifference {
  /** RFC 3339. */
  readonly time: string;
  /** Of the request: its X-Request-Id, else the number of the comparison. */
  readonly request: string;
  readonly result: ShadowResult;
  /** What the client got, and what the shadow said. */
  readonly difference: string;
}
