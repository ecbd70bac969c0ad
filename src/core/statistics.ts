import type { RequestRecord, Stage } from "./context.ts";

/** Counts of one model version and protocol, cheap enough to keep for every request. */
export interface RequestStatistics {
  /** Empty for requests that ended before their model was found. */
  readonly namespace: string;
  readonly model: string;
  readonly version: string;
  readonly protocol: string;
  /** Requests by outcome, "OK" or an error code. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** Requests whose clients went away, by how far they had come. */
  readonly cancelled: ReadonlyMap<Stage, number>;
  /** Seconds from the first byte to the last, in the queue, and in the model. */
  readonly duration: Histogram;
  readonly queue: Histogram;
  readonly compute: Histogram;
}

export interface Histogram {
  /** Upper bounds, ascending; one more bucket than bounds for what is above all. */
  readonly bounds: readonly number[];
  readonly counts: Float64Array;
  readonly sum: number;
}

export interface Statistics {
  /** A request's head has been read. */
  begin(): void;
  /** Requests that have begun and not been observed yet. */
  readonly inFlight: number;
  observe(record: RequestRecord): void;
  /** `size` requests shared a call of the model. */
  observeBatch(batch: { readonly namespace: string; readonly model: string; readonly version: string; readonly size: number }): void;
  requests(): Iterable<RequestStatistics>;
  batchSizes(): Iterable<{ readonly namespace: string; readonly model: string; readonly version: string; readonly sizes: Histogram }>;
}
