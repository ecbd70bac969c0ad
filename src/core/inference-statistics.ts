import type { BatchRecord } from "./batch.ts";
import type { RequestRecord } from "./context.ts";

/** How often something was done, and the milliseconds that all of it took. */
export interface Spent {
  readonly count: number;
  readonly ms: number;
}

/** Why an inference failed, as Triton's metrics tell failures apart. */
export type FailureReason = "REJECTED" | "CANCELED" | "BACKEND" | "OTHER";

/** Calls that had one number of rows. */
export interface BatchStatistics {
  readonly rows: number;
  readonly infer: Spent;
}

/** What one model version has answered since the server began, in Triton's terms: its statistics extension and its metrics. */
export interface ModelStatistics {
  readonly namespace: string;
  readonly model: string;
  readonly version: string;
  /** Milliseconds since 1970 at which the last inference began; 0 when there was none. */
  readonly lastInference: number;
  /** Rows that were inferred. What the response cache answered is not among them. */
  readonly inferences: number;
  /** Calls of the model. */
  readonly executions: number;
  /** Requests from their heads to their answers. */
  readonly success: Spent;
  readonly fail: Spent;
  readonly failures: ReadonlyMap<FailureReason, number>;
  readonly queue: Spent;
  /** Reading and decoding requests. */
  readonly computeInput: Spent;
  readonly computeInfer: Spent;
  /** What is left of the requests' time: results on their way back, and answers being written. */
  readonly computeOutput: Spent;
  readonly cacheHit: Spent;
  readonly cacheMiss: Spent;
  /** Ascending. */
  readonly batches: readonly BatchStatistics[];
}

export interface InferenceStatistics {
  observe(record: RequestRecord): void;
  observeBatch(call: { readonly namespace: string; readonly model: string; readonly version: string; readonly batch: BatchRecord }): void;
  all(): readonly ModelStatistics[];
  /** Zeros for a version that nobody has asked. */
  of(identity: Pick<ModelStatistics, "namespace" | "model" | "version">): ModelStatistics;
}
