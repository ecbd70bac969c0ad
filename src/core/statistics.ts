import type { BatchCut, BatchRecord } from "./batch.ts";
import type { RequestRecord, Stage } from "./context.ts";
import type { Refusal } from "./errors.ts";

/** Counts of one model version and protocol, cheap enough to keep for every request. */
export interface RequestStatistics {
  /** Empty for requests that ended before their model was found. */
  readonly namespace: string;
  readonly model: string;
  readonly version: string;
  readonly protocol: string;
  /** Requests by outcome, "OK" or an error code. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** Requests that were refused before a replica saw them, by why. */
  readonly refused: ReadonlyMap<Refusal, number>;
  /** Requests whose client went away, by how far they had come. */
  readonly cancelled: ReadonlyMap<Stage, number>;
  /** Requests whose time was over, by how far they had come. */
  readonly expired: ReadonlyMap<Stage, number>;
  /** Times that a request was given to a replica again. */
  readonly retries: number;
  /** Second replicas that were asked too: those that were the first to answer, and the others. */
  readonly hedges: { readonly won: number; readonly lost: number };
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

/** Calls of one model version. */
export interface CallStatistics {
  readonly namespace: string;
  readonly model: string;
  readonly version: string;
  /** Requests that shared a call. */
  readonly sizes: Histogram;
  /** Calls in this process and in hosts, by why their batches ended where they did. */
  readonly inline: ReadonlyMap<BatchCut, number>;
  readonly host: ReadonlyMap<BatchCut, number>;
}

/** What a model version was asked in the last ten seconds. */
export interface RecentFigures {
  readonly requestsPerSecond: number;
  /** Of these, not answered with what they asked for. */
  readonly failuresPerSecond: number;
  /** Requests that shared a call; undefined when there was none. */
  readonly meanBatchSize: number | undefined;
  /** From a request's head to its answer, of those that were answered, to within 6 %; undefined when there was none. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

export interface Statistics {
  /** A request's head has been read. */
  begin(): void;
  /** Requests that have begun and not been observed yet. */
  readonly inFlight: number;
  observe(record: RequestRecord): void;
  observeBatch(call: { readonly namespace: string; readonly model: string; readonly version: string; readonly batch: BatchRecord }): void;
  /** Something was answered before it was a request of any route. */
  observeRefusal(answer: { readonly status: number; readonly refusal: Refusal | undefined }): void;
  requests(): Iterable<RequestStatistics>;
  calls(): Iterable<CallStatistics>;
  /** Answers to what never was a request of any route. */
  refusals(): Iterable<{ readonly status: number; readonly refusal: Refusal | undefined; readonly count: number }>;
  /**
   * As seen at clock milliseconds `now`, of the revisions together: "" stands for requests that had no choice between several.
   */
  recent(
    model: { readonly namespace: string; readonly name: string; readonly version: string },
    revisions: readonly string[],
    now: number,
  ): RecentFigures;
}
