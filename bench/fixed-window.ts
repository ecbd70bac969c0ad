import { type Batchable, type BatchLimits, chooseBatch } from "../src/scheduler/batching.ts";

/** What a batch policy says about the requests that wait: these go now, or nobody before that moment (clock milliseconds). */
export type BatchDecision<Item> = { readonly batch: Item[] } | { readonly holdUntil: number };

interface Waiting extends Batchable {
  /** Clock milliseconds. */
  readonly enqueuedAt: number;
}

/**
 * Batching as others do it (Triton's max_queue_delay_microseconds, MLServer's max_batch_time, KServe's maxLatency): the first request
 * waits until its batch is full, or until `windowMs` have passed since it came, whether or not a replica is free. What we are measured
 * against.
 */
export function fixedWindow(windowMs: number) {
  return <Item extends Waiting>(waiting: Iterable<Item>, limits: BatchLimits, now: number): BatchDecision<Item> => {
    const batch = chooseBatch(waiting, limits);
    const [first] = batch;
    if (first === undefined) return { batch };
    const rows = batch.reduce((sum, item) => sum + item.rows, 0);
    const due = first.enqueuedAt + windowMs;
    return first.key === undefined || rows >= limits.maxRows || now >= due ? { batch } : { holdUntil: due };
  };
}
