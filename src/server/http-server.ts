import { createServer as createPlainServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { SecureContextOptions } from "node:tls";
import type { Clock } from "../core/clock.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import type { Events } from "../core/events.ts";
import type { HttpHead, HttpReply, Route } from "../core/http.ts";
import { declaredLength, readBody } from "./body.ts";
import { decompress } from "./compression.ts";
import { OpenStreams } from "./open-streams.ts";
import { sendReply } from "./reply.ts";
import { createRouter, type Match } from "./router.ts";

export interface HttpServerOptions {
  readonly routes: readonly Route[];
  /** Where all routes are found a second time, with the parameters in it: `/serving/{namespace}/{service}`. */
  readonly prefix?: string;
  /** Asked before anything else is done for a request. @throws ServeError */
  readonly guard: (route: Route, head: Pick<HttpHead, "params" | "headers">) => void;
  /** Certificate, key and least version; without it the connections are plain. */
  readonly tls?: SecureContextOptions;
  readonly clock: Clock;
  readonly events: Events;
  /** Bytes of a body, also when decompressed. */
  readonly maxBodyBytes: number;
  /** Milliseconds a request may take from its first byte to its answer. */
  readonly requestTimeoutMs: number;
  /** The error body for paths that no route knows. */
  readonly unknown: (status: 404 | 405) => HttpReply;
  /** Told of failures that are bugs, with their cause. */
  readonly onFault: (error: Error) => void;
}

export interface HttpServer {
  /** Settles with the port when the socket is bound. */
  listen(port: number, host: string): Promise<number>;
  /** From now on new connections see this certificate. */
  setCertificate(options: SecureContextOptions): void;
  /** Ends what is open-ended, whose clients then have to ask again. */
  endStreams(): void;
  /** Refuses new connections, ends open-ended streams, and settles when the other requests under way have been answered. */
  close(): Promise<void>;
  /** Ends every connection now. */
  destroy(): void;
}

const NO_BODY = new Uint8Array(0);
const LIMITS = { keepAliveTimeout: 65_000, headersTimeout: 30_000, requestTimeout: 300_000, maxHeaderSize: 16_384, noDelay: true };
const NO_QUERY = new URLSearchParams();

export function createHttpServer(options: HttpServerOptions): HttpServer {
  const find = createRouter(options.routes, options.prefix);
  const { tls } = options;
  const secure = tls === undefined ? undefined : createTlsServer({ ...LIMITS, ...tls, handshakeTimeout: 10_000 });
  const server = secure ?? createPlainServer(LIMITS);
  const streams = new OpenStreams();
  let active = 0;
  let idle: (() => void) | undefined;
  server.on("request", (request, response) => {
    active++;
    response.on("close", () => {
      active--;
      if (active === 0) idle?.();
    });
    const url = request.url ?? "/";
    const mark = url.indexOf("?");
    const path = mark < 0 ? url : url.slice(0, mark);
    const lookup = find(request.method ?? "GET", path);
    if (!("route" in lookup)) return refuse(options, lookup.allowed, request, response);
    try {
      options.guard(lookup.route, { params: lookup.params, headers: request.headers });
    } catch (thrown) {
      return fail(lookup.route, ServeError.from(thrown), request, response);
    }
    void answer(options, streams, lookup, mark < 0 ? "" : url.slice(mark + 1), request, response);
  });
  return {
    listen: (port, host) => listen(server, port, host),
    setCertificate: (context) => secure?.setSecureContext(context),
    endStreams: () => streams.end(new ServeError("UNAUTHENTICATED", "who may do what has changed; ask again")),
    async close() {
      server.close();
      streams.close();
      if (active > 0) {
        await new Promise<void>((resolve) => {
          idle = resolve;
        });
      }
      server.closeAllConnections();
    },
    destroy() {
      server.closeAllConnections();
    },
  };
}

async function answer(
  options: HttpServerOptions,
  streams: OpenStreams,
  { route, params }: Match,
  query: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const startedAt = options.clock.now();
  const record = createRecord(route.protocol ?? "", params.model ?? "", startedAt);
  const context = new RequestContext({ deadline: startedAt + options.requestTimeoutMs, record });
  if (route.protocol !== undefined) options.events.emit("request-started", record);
  response.on("close", () => {
    if (!response.writableFinished) context.abort(new ServeError("CANCELLED", "the client went away"));
  });
  if (route.openEnded === true) streams.add(response, context);
  try {
    const declaredBytes = declaredLength(request, options.maxBodyBytes);
    route.gate?.({ params, headers: request.headers, declaredBytes });
    let body = route.method === "GET" ? NO_BODY : await readBody(request, options.maxBodyBytes);
    const encoding = request.headers["content-encoding"];
    if (encoding !== undefined) body = await decompress(body, encoding, options.maxBodyBytes);
    const reply = await route.handle({
      method: request.method ?? route.method,
      params,
      headers: request.headers,
      query: query === "" ? NO_QUERY : new URLSearchParams(query),
      context,
      body,
    });
    await sendReply(request, response, reply);
  } catch (thrown) {
    const error = ServeError.from(thrown);
    record.outcome = error.code;
    if (error.code === "INTERNAL" && error.cause !== undefined) options.onFault(error.cause as Error);
    fail(route, error, request, response);
  } finally {
    if (route.protocol !== undefined) {
      record.finishedAt = options.clock.now();
      options.events.emit("request-finished", record);
    }
  }
}

function fail(route: Route, error: ServeError, request: IncomingMessage, response: ServerResponse): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  leaveBodyUnread(request, response);
  if (error.code === "UNAUTHENTICATED") response.setHeader("WWW-Authenticate", 'Bearer realm="nitrous"');
  void sendReply(request, response, route.fail(error));
}

function refuse(options: HttpServerOptions, allowed: readonly string[], request: IncomingMessage, response: ServerResponse): void {
  leaveBodyUnread(request, response);
  const reply = options.unknown(allowed.length > 0 ? 405 : 404);
  const headers = allowed.length > 0 ? { ...reply.headers, Allow: allowed.join(", ") } : reply.headers;
  void sendReply(request, response, headers === undefined ? reply : { ...reply, headers });
}

/** A refused body is not read to its end: the answer goes out and the connection ends with it. */
function leaveBodyUnread(request: IncomingMessage, response: ServerResponse): void {
  if (request.complete || ((request.headers["content-length"] ?? "0") === "0" && request.headers["transfer-encoding"] === undefined))
    return;
  response.setHeader("Connection", "close");
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(error.code === "EADDRINUSE" ? new Error(`port ${port} of ${host} is in use; choose another with --http-port`) : error);
    });
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}
