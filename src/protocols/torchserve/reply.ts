import type { RequestContext } from "../../core/context.ts";
import type { HttpReply } from "../../core/http.ts";
import { failedPrediction } from "./errors.ts";
import type { HandlerResponse } from "./wire.ts";

/** Headers that belong to the connection and not to an answer; and those that would make one answer another's. */
const KEPT_BACK = new Set([
  "connection",
  "content-length",
  "content-type",
  "keep-alive",
  "set-cookie",
  "transfer-encoding",
  "upgrade",
  "trailer",
]);
const NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;
const VALUE = /^[\t\x20-\x7e]*$/;

/** What a handler answered, with the status, headers and content type that it gave. */
export function handlerReply({ status, headers, type, error, body }: HandlerResponse, context: RequestContext): HttpReply {
  const known = Number.isInteger(status) && status >= 200 && status <= 599 ? status : 500;
  if (known >= 400) context.record.outcome = known < 500 ? "INVALID_ARGUMENT" : "INTERNAL";
  if (error !== undefined) return failedPrediction(known, error);
  const own = Object.entries(headers).filter(([name, value]) => NAME.test(name) && VALUE.test(value) && !KEPT_BACK.has(name));
  return {
    status: known,
    headers: { ...Object.fromEntries(own), ...(type !== undefined && VALUE.test(type) ? { "Content-Type": type } : {}) },
    body,
  };
}
