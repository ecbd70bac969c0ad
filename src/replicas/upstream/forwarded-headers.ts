import type { CallOrigin } from "../../core/replica.ts";

/** Of a request those that say which one it is, as the W3C and KServe name them. Keys of clients are for this server and go no further. */
const FORWARDED = ["traceparent", "tracestate", "x-request-id", "x-b3-traceid"];

/** What goes on to the model's server of the headers of a request. */
export function forwardedHeaders(origin: CallOrigin | undefined): Record<string, string> {
  const forwarded: Record<string, string> = {};
  if (origin?.headers === undefined) return forwarded;
  for (const name of FORWARDED) {
    const value = origin.headers[name];
    if (typeof value === "string") forwarded[name] = value;
  }
  return forwarded;
}
