import { queueTime, type RequestRecord } from "../core/context.ts";

/**
 * The value of `Server-Timing` for an answer that is about to be sent: milliseconds in the queue, in the model and in the server as a
 * whole, the requests that shared the call, and why a request was refused. https://www.w3.org/TR/server-timing/
 */
export function serverTiming(record: RequestRecord, now: number): string {
  const { batchSize, queuedAt, refusal } = record;
  let value = `total;dur=${rounded(now - record.startedAt)}`;
  if (queuedAt > 0) value += `, queue;dur=${rounded(queueTime(record, now))}`;
  if (record.computeMs > 0) value += `, compute;dur=${rounded(record.computeMs)}`;
  if (batchSize > 1) value += `, batch;desc="${batchSize}"`;
  if (refusal !== undefined) value += `, refused;desc="${refusal}"`;
  return value;
}

/** Three decimals. By hand, because `toFixed` and the shortest text of a double each cost twice as much. */
function rounded(milliseconds: number): string {
  const micros = Math.max(0, Math.round(milliseconds * 1000));
  const whole = Math.floor(micros / 1000);
  const rest = micros - whole * 1000;
  if (rest === 0) return `${whole}`;
  return rest < 10 ? `${whole}.00${rest}` : rest < 100 ? `${whole}.0${rest}` : `${whole}.${rest}`;
}
