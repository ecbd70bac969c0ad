import { ServeError } from "../../core/errors.ts";
import type { CallOrigin } from "../../core/replica.ts";

/** Of a request those that say which one it is, as the W3C and KServe name them. Keys of clients are for this server and go no further. */
const FORWARDED = ["traceparent", "tracestate", "x-request-id", "x-b3-traceid"];

/** Counts the servers of this kind that a request has gone through. */
const HOPS = "nitrous-hops";
/** Whoever names each other, or themselves, as a model's server would ask each other for ever. */
const MOST_HOPS = 8;

/** What goes on to the model's server of the headers of a request. @throws ServeError FAILED_PRECONDITION when it goes round in circles */
export function forwardedHeaders(origin: Pick<CallOrigin, "headers"> | undefined): Record<string, string> {
  const forwarded: Record<string, string> = {};
  if (origin?.headers === undefined) return forwarded;
  const before = Number(origin.headers[HOPS] ?? 0);
  if (before >= MOST_HOPS) {
    const hint = "is the server of the model (nitrous/url) this one, or one that asks this one?";
    throw new ServeError("FAILED_PRECONDITION", `the request has gone through ${MOST_HOPS} servers of nitrous: ${hint}`);
  }
  forwarded[HOPS] = String((Number.isInteger(before) && before > 0 ? before : 0) + 1);
  for (const name of FORWARDED) {
    const value = origin.headers[name];
    if (typeof value === "string") forwarded[name] = value;
  }
  return forwarded;
}
