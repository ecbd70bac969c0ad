import type { HttpReply } from "../../core/http.ts";

const JSON_HEADERS = { "Content-Type": "application/json" };

/** A reply whose body is JSON text already, as a string or in UTF-8. */
export function jsonReply(body: string | Uint8Array | readonly Uint8Array[], status = 200): HttpReply {
  return { status, headers: JSON_HEADERS, body };
}
