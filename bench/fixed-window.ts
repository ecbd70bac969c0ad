import { type BatchPolicy, batchWhileBusy } from "../src/scheduler/batching.ts";

/**
 * Batching as others do it (Triton's max_queue_delay_microseconds, MLServer's max_batch_time, KServe's maxLatency): the first request
 * waits until its batch is full, or until `windowMs` have passed since it came, whether or not a replica is free. What we are measured
 * against.
 */
export function fixedWindow(windowMs: number): BatchPolicy {
  return (waiting, limits, moment) => {
    const choice = batchWhileBusy(waiting, limits, moment);
    const [first] = choice.batch;
    if (first === undefined) return choice;
    const rows = choice.batch.reduce((sum, item) => sum + item.rows, 0);
    const due = first.enqueuedAt + windowMs;
    return first.key === undefined || rows >= limits.maxRows || moment.now >= due ? choice : { holdUntil: due };
  };
}
