import type { JsonObject } from "../core/inference.ts";
import type { SchedulingSpec } from "../core/scheduling.ts";
import { mapIn, numberIn } from "./json-fields.ts";

const MAX_BATCH_SIZE = "MAX_BATCH_SIZE";
const BATCH_TIMEOUT = "BATCH_TIMEOUT";

/**
 * `timeout` (seconds) and `batcher` of a predictor. KServe waits for `maxLatency` (milliseconds) until a batch is full; here nothing waits,
 * so it is the time that a shared batch may add. `batcher.timeout` (seconds) is KServe's limit for a call of the predictor. A number
 * that is not positive says nothing, as in KServe. `containerConcurrency` is its hard limit for the requests of one replica.
 */
export function predictorScheduling(predictor: JsonObject | undefined): SchedulingSpec {
  const batcher = mapIn(predictor, "batcher");
  const rows = positive(numberIn(batcher, "maxBatchSize"));
  const latency = positive(numberIn(batcher, "maxLatency"));
  const timeouts = [numberIn(predictor, "timeout"), numberIn(batcher, "timeout")].flatMap((seconds) => positive(seconds) ?? []);
  const requests = positive(numberIn(predictor, "containerConcurrency"));
  return {
    ...(rows === undefined ? {} : { maxBatchRows: rows }),
    ...(latency === undefined ? {} : { maxBatchLatencyMs: latency }),
    ...(requests === undefined ? {} : { requestsPerReplica: requests }),
    ...(timeouts.length === 0 ? {} : { timeoutMs: Math.min(...timeouts) * 1000 }),
  };
}

/** KServe's variables for batches: `MAX_BATCH_SIZE` in rows, and `BATCH_TIMEOUT` such as `100ms`, in milliseconds without a unit. */
export function environmentScheduling(environment: Readonly<Record<string, string>>): SchedulingSpec {
  const size = environment[MAX_BATCH_SIZE];
  const rows = size === undefined || !/^\s*\d{1,9}\s*$/.test(size) ? undefined : positive(Number(size));
  const latency = millisecondsIn(environment[BATCH_TIMEOUT]);
  return {
    ...(rows === undefined ? {} : { maxBatchRows: rows }),
    ...(latency === undefined ? {} : { maxBatchLatencyMs: latency }),
  };
}

export function isSchedulingVariable(name: string): boolean {
  return name === MAX_BATCH_SIZE || name === BATCH_TIMEOUT;
}

function millisecondsIn(text: string | undefined): number | undefined {
  const [, count, unit] = /^\s*(\d{1,9}(?:\.\d{1,6})?)\s*(ms|s)?\s*$/.exec(text ?? "") ?? [];
  return count === undefined ? undefined : Number(count) * (unit === "s" ? 1000 : 1);
}

function positive(value: number | undefined): number | undefined {
  return value !== undefined && value > 0 ? value : undefined;
}
