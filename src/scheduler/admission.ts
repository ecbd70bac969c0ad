import { type Refusal, ServeError } from "../core/errors.ts";
import type { LatencyCurve } from "../core/latency-curve.ts";

/** Bounds of one model's queue. */
export interface QueueLimits {
  readonly maxRequests: number;
  readonly maxBytes: number;
  /** Streams that may be open at once. */
  readonly maxStreams: number;
}

/** What waits when a request arrives. */
export interface Waiting {
  readonly requests: number;
  readonly bytes: number;
  /** Requests of the same principal. */
  readonly own: number;
  /** Principals that would have requests waiting. */
  readonly principals: number;
}

/**
 * Whether there is room for one more request of `bytes` bytes. Pure: the gate asks before the body is read, the scheduler again when
 * the size is known. In a full queue there still is room for who has less than an equal part of it, or one principal could keep all
 * others out; so the queue has at most twice as many requests as its limit.
 * @throws ServeError RESOURCE_EXHAUSTED
 */
export function admit(waiting: Waiting, bytes: number, limits: QueueLimits): void {
  if (waiting.requests >= limits.maxRequests && (waiting.own + 1) * waiting.principals > limits.maxRequests) {
    throw full("queue_full", `the model's queue is full: ${waiting.requests} requests are waiting`);
  }
  if (waiting.requests > 0 && waiting.bytes + bytes > limits.maxBytes) {
    const text = `the model's queue is full: ${waiting.bytes} bytes are waiting, and ${bytes} more would pass the limit of ${limits.maxBytes}`;
    throw full("queue_bytes", text);
  }
}

/** @throws ServeError RESOURCE_EXHAUSTED when no stream more may be opened */
export function admitStream(open: number, { maxStreams }: QueueLimits): void {
  if (open < maxStreams) return;
  throw full("streams", `the model has ${open} streams open, and no more are allowed at once`);
}

/** What a request that arrives now finds before it. Times in milliseconds. */
export interface Outlook {
  /** What a call takes by its cost, as the replicas have shown. */
  readonly curve: LatencyCurve;
  /** Calls that all replicas together work on at once. */
  readonly slots: number;
  /** What the calls under way are expected to take still, all together. */
  readonly underWay: number;
  /** Calls that are full without the request. */
  readonly callsAhead: number;
  readonly costAhead: number;
}

/** Milliseconds until a replica would begin with the request; 0 when nobody knows. */
export function predictWait({ curve, slots, underWay, callsAhead, costAhead }: Outlook): number {
  if (slots === 0) return 0;
  return (underWay + callsAhead * curve.fixed + costAhead * curve.perRow) / slots;
}

/** Part of a request's time that is kept for the way of its answer: what is ready at the deadline comes after it. */
const WAY_BACK = 0.02;

/** Of the milliseconds that a request has, those in which its answer must be ready. */
export function usable(left: number): number {
  return left * (1 - WAY_BACK);
}

/** Milliseconds in which a call of such a cost is answered with some certainty; undefined when nothing is known. */
export function timeFor(curve: LatencyCurve, cost: number): number | undefined {
  const expected = curve.predict(cost);
  // Twice the mean error, as in the estimate of a round trip (RFC 6298): half of all calls take longer than the mean.
  return expected === undefined ? undefined : expected + 2 * curve.deviation;
}

/**
 * Whether a request of such a cost is expected to be answered in the milliseconds that are left until its deadline. One that finds
 * nothing before it is always tried: what was learned of the model may be old, and only answers can correct it.
 */
export function isInTime(outlook: Outlook, cost: number, left: number): boolean {
  if (outlook.underWay === 0 && outlook.costAhead === 0) return true;
  return outlook.curve.observations === 0 || predictWait(outlook) + (timeFor(outlook.curve, cost) ?? 0) < left;
}

/** Why a request is refused that would not be in time, with the estimate, and after how long there would be time enough. */
export function tooLate(outlook: Outlook, cost: number, left: number): ServeError {
  const [wait, call] = [predictWait(outlook), timeFor(outlook.curve, cost) ?? 0];
  const has = shown(Math.max(0, left));
  return new ServeError(
    "RESOURCE_EXHAUSTED",
    `the answer would come too late: the request would wait ${shown(wait)} ms and take ${shown(call)} ms, and it has ${has === "0" ? "no time left" : `${has} ms`}; ` +
      "send it later, or give it more time",
    { retryAfter: Math.max(1, Math.ceil((wait + call - left) / 1000)), refusal: "deadline" },
  );
}

function full(refusal: Refusal, message: string): ServeError {
  return new ServeError("RESOURCE_EXHAUSTED", message, { retryAfter: 1, refusal });
}

function shown(milliseconds: number): string {
  return milliseconds >= 10 ? String(Math.round(milliseconds)) : String(Math.round(milliseconds * 100) / 100);
}
