import { createServer as createPlainServer, type IncomingMessage, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { SecureContextOptions } from "node:tls";
import type { Clock } from "../core/clock.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import type { Events } from "../core/events.ts";
import type { Exchange } from "../core/exchange.ts";
import type { HttpHead, HttpReply, HttpRequest, Route } from "../core/http.ts";
import { HttpError } from "../core/http-error.ts";
import { declaredLength, readBody } from "./body.ts";
import { type BodyAccount, BodyMemory } from "./body-memory.ts";
import { decompress } from "./compression.ts";
import { Connections, type Refusal } from "./connections.ts";
import { exchangeOf } from "./exchange.ts";
import { DEFAULT_LIMITS, type HttpLimits, MAX_HEADER_BYTES, MAX_HEADERS } from "./limits.ts";
import type { Request, Response } from "./message.ts";
import { OpenStreams } from "./open-streams.ts";
import { PlainRequest, PlainRequests } from "./plain/index.ts";
import { REVISION_HEADER, sendReply } from "./reply.ts";
import { applyHeaders } from "./request-headers.ts";
import { createRouter, type Match } from "./router.ts";
import { serverTiming } from "./server-timing.ts";

export interface HttpServerOptions {
  readonly routes: readonly Route[];
  /** Where all routes are found a second time, with the parameters in it: `/serving/{namespace}/{service}`. */
  readonly prefix?: string;
  /**
   * Asked before anything else is done for a request, and again when its body has named the model: who asks, empty for nobody in particular.
   * @throws ServeError
   */
  readonly guard: (route: Pick<Route, "access" | "target" | "targetInBody">, head: Pick<HttpHead, "params" | "headers">) => string;
  /** Certificate, key and least version; without it the connections are plain. */
  readonly tls?: SecureContextOptions;
  readonly clock: Clock;
  readonly events: Events;
  /** Bytes of a body, also when decompressed. */
  readonly maxBodyBytes: number;
  /** Milliseconds a request may take from its first byte to its answer. */
  readonly requestTimeoutMs: number;
  readonly limits?: HttpLimits;
  /** Where the bytes of all bodies are counted, with those of others. */
  readonly memory?: BodyMemory;
  /** The error body of what is refused before a route is known. */
  readonly refusal: Refusal;
  /** The error body for paths that no route knows. */
  readonly unknown: (status: 404 | 405) => HttpReply;
  /** Told of failures that are bugs, with their cause and the request's `traceparent`. */
  readonly onFault: (error: Error, traceparent?: string) => void;
  /** Answers to inference requests say where their time went. */
  readonly serverTiming?: boolean;
  /** Told of every inference request at its end, with what traces and recordings need. */
  readonly onExchange?: ((exchange: Exchange) => void) | undefined;
  /** Bodies up to this many bytes are still whole then: whoever handles a request may give its body away. */
  readonly observedBodyBytes?: number;
}

export interface HttpServer {
  /** Settles with the port when the socket is bound. @param setting where another is chosen @throws Error when it is in use */
  listen(port: number, host: string, setting?: string): Promise<number>;
  /** From now on new connections see this certificate. */
  setCertificate(options: SecureContextOptions): void;
  /** Ends what is open-ended, whose clients then have to ask again. */
  endStreams(): void;
  /**
   * Drain: ends open-ended streams, refuses new requests except public ones, and settles when those under way have been answered
   * and nothing listens any more.
   */
  close(): Promise<void>;
  /** Ends every connection now. */
  destroy(): void;
}

/** Milliseconds that a connection may be quiet between two requests. */
const KEEP_ALIVE_MS = 65_000;
const NO_BODY = new Uint8Array(0);
const NO_QUERY = new URLSearchParams();

export function createHttpServer(options: HttpServerOptions): HttpServer {
  const find = createRouter(options.routes, options.prefix);
  const { tls, limits = DEFAULT_LIMITS } = options;
  const transportOptions = {
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: limits.headerTimeoutMs,
    requestTimeout: limits.headerTimeoutMs + limits.bodyTimeoutMs,
    connectionsCheckingInterval: Math.min(1000, limits.headerTimeoutMs),
    maxHeaderSize: MAX_HEADER_BYTES,
    // Node would answer by itself, without a body.
    requireHostHeader: false,
    noDelay: true,
  };
  const secure = tls === undefined ? undefined : createTlsServer({ ...transportOptions, ...tls, handshakeTimeout: limits.headerTimeoutMs });
  const server = secure ?? createPlainServer(transportOptions);
  // A client that has ended its sending side may wait for its answer.
  Object.assign(server, { httpAllowHalfOpen: true });
  // Node leaves out without a word what is beyond this number.
  server.maxHeadersCount = MAX_HEADERS + 1;
  // What TLS decrypts is read by Node alone.
  const plain =
    secure === undefined
      ? new PlainRequests({
          server,
          clock: options.clock,
          headerTimeoutMs: limits.headerTimeoutMs,
          keepAliveMs: KEEP_ALIVE_MS,
          onRequest: (request, response) => onRequest(request, response),
        })
      : undefined;
  const connections = new Connections(server, limits.maxConnections, (status, message) => {
    options.events.emit("http-refused", { status, refusal: undefined });
    return options.refusal(status, message);
  });
  const transport: Transport = { connections, limits, memory: options.memory ?? new BodyMemory(limits.maxBodyMemory), draining: false };
  const streams = new OpenStreams();
  let active = 0;
  let idle: (() => void) | undefined;
  const onRequest = (request: Request, response: Response): void => {
    const counted = !transport.draining;
    if (counted) active++;
    else response.setHeader("Connection", "close");
    const tooMany = connections.begin(request, response);
    const exchange: OpenExchange = { request, response, context: undefined };
    // One listener for all: each more costs every request.
    response.on("close", () => {
      if (exchange.context !== undefined && !response.writableFinished)
        exchange.context.abort(new ServeError("CANCELLED", "the client went away"));
      connections.end(request, response);
      if (!counted) return;
      active--;
      if (active === 0) idle?.();
    });
    const refusal = tooMany ?? (request instanceof PlainRequest ? undefined : wrongHead(request));
    if (refusal !== undefined) {
      leaveBodyUnread(transport, request, response);
      options.events.emit("http-refused", { status: refusal.status, refusal: undefined });
      refuseWith(transport, request, response, options.refusal(refusal.status, refusal.message));
      return;
    }
    const url = request.url ?? "/";
    const mark = url.indexOf("?");
    const path = mark < 0 ? url : url.slice(0, mark);
    const lookup = find(request.method ?? "GET", path);
    if (!("route" in lookup)) {
      refuse(options, transport, lookup.allowed, request, response);
      return;
    }
    let principal: string;
    try {
      principal = options.guard(lookup.route, { params: lookup.params, headers: request.headers });
      if (transport.draining && lookup.route.access !== "public")
        throw new ServeError("UNAVAILABLE", "the server is shutting down", { retryAfter: 1, refusal: "shutting_down" });
    } catch (thrown) {
      const error = ServeError.from(thrown);
      fail(lookup.route, transport, error, request, response);
      options.events.emit("http-refused", { status: response.statusCode, refusal: error.refusal });
      return;
    }
    void answer(options, transport, streams, lookup, principal, mark < 0 ? "" : url.slice(mark + 1), exchange);
  };
  server.on("request", onRequest);
  // The body is asked for when it is certain that it will be read.
  server.on("checkContinue", onRequest);
  server.on("checkExpectation", onRequest);
  const destroy = (): void => {
    server.close();
    server.closeAllConnections();
    plain?.destroy();
  };
  return {
    listen: (port, host, setting = "--http-port") => listen(server, port, host, setting),
    setCertificate: (context) => secure?.setSecureContext(context),
    endStreams: () => streams.end(new ServeError("UNAUTHENTICATED", "who may do what has changed; ask again")),
    async close() {
      transport.draining = true;
      streams.close();
      if (active > 0) {
        await new Promise<void>((resolve) => {
          idle = resolve;
        });
      }
      destroy();
    },
    destroy,
  };
}

/** What all requests share besides the options. */
interface Transport {
  readonly connections: Connections;
  readonly limits: HttpLimits;
  readonly memory: BodyMemory;
  draining: boolean;
}

/** One request that has not been answered. */
interface OpenExchange {
  readonly request: Request;
  readonly response: Response;
  /** Once it has a route. */
  context: RequestContext | undefined;
}

/** What is wrong with headers that no route may see. */
function wrongHead({ rawHeaders, headers, httpVersion }: IncomingMessage): HttpError | undefined {
  if (rawHeaders.length > 2 * MAX_HEADERS) return new HttpError(431, `the request has more than ${MAX_HEADERS} headers`);
  if (httpVersion === "0.9") return new HttpError(400, "HTTP/0.9 is not served; send HTTP/1.1");
  if (httpVersion === "1.1" && headers.host === undefined) return new HttpError(400, "the request has no Host header");
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== "100-continue") {
    return new HttpError(417, "the only expectation that can be met is 100-continue");
  }
  return undefined;
}

async function answer(
  options: HttpServerOptions,
  transport: Transport,
  streams: OpenStreams,
  { route, params }: Match,
  principal: string,
  query: string,
  exchange: OpenExchange,
): Promise<void> {
  const { request, response } = exchange;
  const startedAt = options.clock.now();
  const record = createRecord(route.protocol ?? "", params.model ?? "", startedAt);
  const context = new RequestContext({ deadline: startedAt + options.requestTimeoutMs, record });
  exchange.context = context;
  context.principal = principal;
  if (route.protocol !== undefined) options.events.emit("request-started", record);
  if (route.openEnded === true) streams.add(response, context);
  const account = transport.memory.open();
  const timed = options.serverTiming === true && route.protocol !== undefined;
  let body: Uint8Array | undefined;
  try {
    context.headers = request.headers;
    applyHeaders(request.headers, context);
    const declaredBytes = declaredLength(request, options.maxBodyBytes);
    route.gate?.({ params, headers: request.headers, declaredBytes, context });
    const reading = route.method === "GET" ? NO_BODY : bodyOf(options, transport, account, request, response);
    body = reading instanceof Uint8Array ? reading : await reading;
    record.bytes = body.byteLength;
    const asked: HttpRequest = {
      method: request.method ?? route.method,
      params,
      headers: request.headers,
      query: query === "" ? NO_QUERY : new URLSearchParams(query),
      context,
      body: body.byteLength <= (options.observedBodyBytes ?? 0) ? Uint8Array.from(body) : body,
    };
    if (route.targetInBody !== undefined) {
      const target = await route.targetInBody(asked);
      context.principal = options.guard({ access: route.access, target: () => target }, asked);
    }
    const reply = await route.handle(asked);
    const timing = timed ? serverTiming(record, options.clock.now()) : undefined;
    if (transport.draining && transport.connections.isAlone(request)) response.shouldKeepAlive = false;
    const sent = sendReply({ request, response, timeoutMs: transport.limits.answerTimeoutMs, record, account, timing }, reply);
    if (sent !== undefined) await sent;
  } catch (thrown) {
    const error = ServeError.from(thrown);
    record.outcome = error.code;
    record.refusal = error.refusal;
    if (record.revision !== "" && !response.headersSent) response.setHeader(REVISION_HEADER, record.revision);
    if (error.code === "INTERNAL" && error.cause !== undefined) {
      options.onFault(error.cause as Error, request.headers.traceparent as string | undefined);
    }
    fail(route, transport, error, request, response, timed ? serverTiming(record, options.clock.now()) : undefined);
  } finally {
    account.release();
    if (route.protocol !== undefined) {
      record.finishedAt = options.clock.now();
      options.events.emit("request-finished", record);
      if (options.onExchange !== undefined) options.onExchange(exchangeOf(route, context, request, response, body));
    }
  }
}

/** A plain request's is here already. */
function bodyOf(
  options: HttpServerOptions,
  transport: Transport,
  account: BodyAccount,
  request: Request,
  response: Response,
): Uint8Array | Promise<Uint8Array> {
  let body: Uint8Array | Promise<Uint8Array>;
  if (request instanceof PlainRequest) {
    account.hold(request.body.byteLength);
    body = request.body;
  } else {
    if (request.headers.expect !== undefined) response.writeContinue();
    body = readBody(request, options.maxBodyBytes, account, (reject) => transport.connections.reading(request, reject));
  }
  const encoding = request.headers["content-encoding"];
  return encoding === undefined ? body : decoded(options, transport, account, body, encoding);
}

async function decoded(
  { maxBodyBytes }: HttpServerOptions,
  { limits }: Transport,
  account: BodyAccount,
  body: Uint8Array | Promise<Uint8Array>,
  encoding: string,
): Promise<Uint8Array> {
  const whole = await decompress(await body, encoding, { maxBytes: maxBodyBytes, maxRatio: limits.maxDecompressionRatio });
  account.hold(whole.byteLength);
  return whole;
}

function fail(route: Route, transport: Transport, error: ServeError, request: Request, response: Response, timing?: string): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  leaveBodyUnread(transport, request, response);
  if (error.code === "UNAUTHENTICATED") response.setHeader("WWW-Authenticate", 'Bearer realm="nitrous"');
  refuseWith(transport, request, response, route.fail(error), timing);
}

function refuse(options: HttpServerOptions, transport: Transport, allowed: readonly string[], request: Request, response: Response): void {
  leaveBodyUnread(transport, request, response);
  const reply = options.unknown(allowed.length > 0 ? 405 : 404);
  options.events.emit("http-refused", { status: reply.status, refusal: undefined });
  const headers = allowed.length > 0 ? { ...reply.headers, Allow: allowed.join(", ") } : reply.headers;
  refuseWith(transport, request, response, headers === undefined ? reply : { ...reply, headers });
}

/** Nobody counts these: a client that does not take its refusal has its connection ended, and that is all. */
function refuseWith({ limits }: Transport, request: Request, response: Response, reply: HttpReply, timing?: string): void {
  const { answerTimeoutMs: timeoutMs } = limits;
  sendReply({ request, response, timeoutMs, record: undefined, account: undefined, timing }, reply)?.catch(() => undefined);
}

/** A refused body is not kept: the answer goes out and the connection ends with it. */
function leaveBodyUnread({ connections }: Transport, request: Request, response: Response): void {
  if (request.complete || ((request.headers["content-length"] ?? "0") === "0" && request.headers["transfer-encoding"] === undefined))
    return;
  response.setHeader("Connection", "close");
  connections.linger(request.socket);
  request.resume();
}

function listen(server: Server, port: number, host: string, setting: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(error.code === "EADDRINUSE" ? new Error(`port ${port} of ${host} is in use; choose another with ${setting}`) : error);
    });
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}
