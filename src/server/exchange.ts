import type { IncomingMessage, ServerResponse } from "node:http";
import type { RequestContext } from "../core/context.ts";
import type { Exchange } from "../core/exchange.ts";
import type { Route } from "../core/http.ts";

/** What traces and recordings need of a request that has ended. */
export function exchangeOf(
  { path: route }: Route,
  context: RequestContext,
  { method = "", url: path = "/", headers }: IncomingMessage,
  { headersSent, statusCode }: ServerResponse,
  body: Uint8Array | undefined,
): Exchange {
  return { context, method, path, route, headers, body, status: headersSent ? statusCode : undefined };
}
