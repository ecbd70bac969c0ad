import type { RequestContext } from "../core/context.ts";
import type { Exchange } from "../core/exchange.ts";
import type { Route } from "../core/http.ts";
import type { Request, Response } from "./message.ts";

/** What traces and recordings need of a request that has ended. */
export function exchangeOf(
  { path: route }: Route,
  context: RequestContext,
  { method = "", url: path = "/", headers }: Request,
  { headersSent, statusCode }: Response,
  body: Uint8Array | undefined,
): Exchange {
  return { context, method, path, route, headers, body, status: headersSent ? statusCode : undefined };
}
