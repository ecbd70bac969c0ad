import { ServeError } from "../core/errors.ts";

/** Bounds of one model's queue. */
export interface QueueLimits {
  readonly maxRequests: number;
  readonly maxBytes: number;
}

/**
 * Whether there is room for one more request of `bytes` bytes. Pure: the gate asks before the body is read, the
 * scheduler again when the size is known.
 * @throws ServeError RESOURCE_EXHAUSTED
 */
export function admit(queue: { readonly requests: number; readonly bytes: number }, bytes: number, limits: QueueLimits): void {
  if (queue.requests >= limits.maxRequests) {
    throw new ServeError("RESOURCE_EXHAUSTED", `the model's queue is full: ${queue.requests} requests are waiting`, { retryAfter: 1 });
  }
  if (queue.requests > 0 && queue.bytes + bytes > limits.maxBytes) {
    throw new ServeError(
      "RESOURCE_EXHAUSTED",
      `the model's queue is full: ${queue.bytes} bytes are waiting, and ${bytes} more would pass the limit of ${limits.maxBytes}`,
      { retryAfter: 1 },
    );
  }
}
