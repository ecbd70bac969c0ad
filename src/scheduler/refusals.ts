import type { RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";

/** @param runs whether any replica does */
export function cannotStream(runs: boolean): ServeError {
  if (!runs) return new ServeError("UNAVAILABLE", "no replica of the model is running", { retryAfter: 1, refusal: "not_ready" });
  const text = "each replica of the model has as many requests as its containerConcurrency allows; try again later";
  return new ServeError("RESOURCE_EXHAUSTED", text, { retryAfter: 1, refusal: "queue_full" });
}

export function deadlineExceeded({ deadline, record }: RequestContext): ServeError {
  const time = deadline - record.startedAt;
  const had = time > 0 && time < 1 ? "less than 1" : Math.round(time);
  const text = `the request was not answered within the ${had} ms that it had; give it more time, or send it when the model has less to do`;
  return new ServeError("DEADLINE_EXCEEDED", text);
}
