import { ServeError } from "../core/errors.ts";

/** Bounds of one model's queue. */
export interface QueueLimits {
  readonly maxRequests: number;
  readonly maxBytes: number;
  /** Streams that may be open at once. */
  readonly maxStreams: number;
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

/** @throws ServeError RESOURCE_EXHAUSTED when no stream more may be opened */
export function admitStream(open: number, { maxStreams }: QueueLimits): void {
  if (open < maxStreams) return;
  throw new ServeError("RESOURCE_EXHAUSTED", `the model has ${open} streams open, and no more are allowed at once`, { retryAfter: 1 });
}
