/** Why a batch ended where it did. */
export const BATCH_CUTS = [
  /** Nothing else waited that could have joined. */
  "drained",
  /** It has as many rows as it may. */
  "rows",
  /** It has as many bytes as it may. */
  "bytes",
  /** It has one of the sizes that the model prefers. */
  "preferred",
  /** What else waited has other sizes, and would have made it mostly padding, or longer than a call of its own takes. */
  "padding",
  /** One row more, and it would have taken longer than a deadline or the model's maximum latency allows. */
  "latency",
  /** Its request cannot share a call, or is tried again by itself. */
  "alone",
] as const;

export type BatchCut = (typeof BATCH_CUTS)[number];

/** One call of a model. The records of the requests that shared it have the same object. */
export interface BatchRecord {
  /** Requests that shared it. */
  readonly size: number;
  readonly rows: number;
  /** Clock milliseconds at which it was given to the replica. */
  readonly startedAt: number;
  readonly cut: BatchCut;
  /** It ran in this process and not in a host. */
  readonly inline: boolean;
  /** Milliseconds that the replica worked on it; 0 until it has answered. */
  computeMs: number;
  /** Rows of requests that the model has answered with a failure of their own, of those that stay apart in a call. */
  failedRows?: number;
}
