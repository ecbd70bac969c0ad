import type { BatchRecord } from "../core/batch.ts";
import type { Clock } from "../core/clock.ts";
import type { SchedulingSpec } from "../core/scheduling.ts";
import type { QueueLimits } from "./admission.ts";
import type { BatchLimits, BatchPolicy } from "./batching.ts";
import type { ExecutionResources } from "./execution-limits.ts";

export interface SchedulerOptions {
  readonly clock: Clock;
  readonly queueLimits: QueueLimits;
  readonly batchLimits: BatchLimits;
  /** What the model's owner said. */
  readonly rules?: SchedulingSpec;
  readonly policy?: BatchPolicy;
  /** What the machine has of the resources that the rules name. */
  readonly resources?: ExecutionResources;
  /** The model with its namespace, for messages. */
  readonly name?: string;
  /** By itself. */
  readonly modelName?: string;
  /** A call has been answered. */
  readonly onBatch?: (batch: BatchRecord) => void;
}
