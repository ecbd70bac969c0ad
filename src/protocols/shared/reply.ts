import type { HttpReply } from "../../core/http.ts";

const JSON_HEADERS = { "Content-Type": "application/json" };

/** A reply whose body is JSON text already. */
export function jsonReply(body: string, status = 200): HttpReply {
  return { status, headers: JSON_HEADERS, body };
}
