import { createSecureServer, createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import type { SecureContextOptions } from "node:tls";
import { ServeError } from "../../core/errors.ts";
import type { GrpcMethod } from "../../core/grpc.ts";
import type { BodyMemory } from "../body-memory.ts";
import { DEFAULT_LIMITS, MAX_HEADER_BYTES, MAX_HEADERS } from "../limits.ts";
import { Call, encodingOf } from "./call.ts";
import type { GrpcServerOptions } from "./options.ts";
import { failureOf, type OpenCall, type Served, sharedMemory } from "./serve-call.ts";
import { Sessions } from "./sessions.ts";
import { httpStatusOf } from "./status.ts";
import { serveStream } from "./stream.ts";
import { serveUnary } from "./unary.ts";

export interface GrpcServer {
  /** Settles with the port when the socket is bound. @throws PortInUse */
  listen(port: number, host: string): Promise<number>;
  /** From now on new connections see this certificate. */
  setCertificate(options: SecureContextOptions): void;
  /** Ends what is open-ended, whose clients then have to ask again. */
  endStreams(): void;
  /** Drain: tells clients to begin nothing more, ends streams when they have been answered, and settles when nothing is under way. */
  close(): Promise<void>;
  /** Ends every connection now. */
  destroy(): void;
}

/** Somebody else has the port. */
export class PortInUse extends Error {}

/** Bytes that a client may send of one message before it hears that they have been read. */
const STREAM_WINDOW = 4 * 1024 * 1024;
/** Calls at once on one connection; clients wait with more. */
const MAX_CALLS = 1000;
const SWEEP_MS = 1000;
const CONTENT_TYPE = /^application\/grpc(?:\+proto)?(?:;|$)/;

/** What all calls share besides the options. */
interface Transport {
  readonly methods: ReadonlyMap<string, GrpcMethod>;
  readonly memory: BodyMemory;
  readonly open: Set<Served>;
  draining: boolean;
}

/** gRPC over HTTP/2 (PROTOCOL-HTTP2.md of grpc/grpc) for a fixed set of methods. */
export function createGrpcServer(options: GrpcServerOptions): GrpcServer {
  const { tls, clock, limits = DEFAULT_LIMITS } = options;
  const settings = {
    initialWindowSize: STREAM_WINDOW,
    maxConcurrentStreams: MAX_CALLS,
    maxHeaderListSize: MAX_HEADER_BYTES,
    enablePush: false,
  };
  // Bytes of messages are counted over all connections, and each connection's calls are limited in number.
  const transportOptions = { settings, maxHeaderListPairs: MAX_HEADERS, maxSessionMemory: Number.MAX_SAFE_INTEGER };
  const secure =
    tls === undefined ? undefined : createSecureServer({ ...transportOptions, ...tls, handshakeTimeout: limits.headerTimeoutMs });
  const server = secure ?? createServer(transportOptions);
  const sessions = new Sessions(server, clock, { sessions: limits.maxConnections, greetingMs: limits.headerTimeoutMs });
  const transport: Transport = {
    methods: new Map(options.methods.map((method) => [method.path, method])),
    memory: sharedMemory(options),
    open: new Set(),
    draining: false,
  };
  server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    const { session } = stream;
    sessions.begin(session);
    stream.on("error", () => undefined);
    stream.once("close", () => sessions.end(session));
    begin(options, transport, stream, headers);
  });
  let stopSweeping: (() => void) | undefined;
  const sweep = (): void => {
    const now = clock.now();
    for (const served of transport.open) served.sweep(now);
    sessions.sweep(now);
    stopSweeping = clock.after(SWEEP_MS, sweep);
  };
  return {
    async listen(port, host) {
      const bound = await listen(server, port, host);
      stopSweeping = clock.after(SWEEP_MS, sweep);
      return bound;
    },
    setCertificate: (context) => secure?.setSecureContext(context),
    endStreams() {
      for (const served of transport.open) served.endOpenEnded(new ServeError("UNAUTHENTICATED", "who may do what has changed; ask again"));
    },
    async close() {
      transport.draining = true;
      server.close();
      for (const served of transport.open) {
        served.endOpenEnded(closing());
        served.drain();
      }
      await sessions.close();
      stopSweeping?.();
    },
    destroy() {
      stopSweeping?.();
      server.close();
      sessions.destroy();
    },
  };
}

function begin(options: GrpcServerOptions, transport: Transport, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  const call = new Call(stream, () => options.clock.now());
  if (headers[":method"] !== "POST" || !CONTENT_TYPE.test(headers["content-type"] ?? "")) {
    stream.resume();
    const isGrpc = headers[":method"] === "POST";
    options.events.emit("http-refused", { status: isGrpc ? 415 : 405, refusal: undefined });
    call.refuse(isGrpc ? 415 : 405, "this port speaks gRPC: POST with the content type application/grpc");
    return;
  }
  headers.host ??= headers[":authority"];
  try {
    const method = methodOf(transport, headers[":path"] ?? "");
    const { access, aboutModel } = method;
    const principal = options.guard(aboutModel === true ? { access, targetLater: true } : { access }, { params: {}, headers });
    if (transport.draining && access !== "public") throw closing();
    const encoding = encodingOf(headers);
    call.encoding = encoding;
    const open: OpenCall = { call, method, headers, encoding, startedAt: options.clock.now(), contexts: new Set(), principal };
    const serveCall = method.streaming === true || method.openEnded === true ? serveStream : serveUnary;
    const served = serveCall(options, transport.memory, open);
    transport.open.add(served);
    stream.once("close", () => transport.open.delete(served));
  } catch (thrown) {
    const error = failureOf(options, headers, undefined, thrown);
    options.events.emit("http-refused", { status: httpStatusOf(error.code), refusal: error.refusal });
    stream.resume();
    call.fail(error);
  }
}

function methodOf({ methods }: Transport, path: string): GrpcMethod {
  const method = methods.get(path);
  if (method !== undefined) return method;
  throw new ServeError("UNIMPLEMENTED", `there is no method ${path.slice(0, 200)}; reflection lists those that there are`);
}

function closing(): ServeError {
  return new ServeError("UNAVAILABLE", "the server is shutting down", { retryAfter: 1, refusal: "shutting_down" });
}

function listen(
  server: ReturnType<typeof createServer> | ReturnType<typeof createSecureServer>,
  port: number,
  host: string,
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const text = `port ${port} of ${host} is in use; choose another for gRPC with --grpc-port, or --grpc-port off`;
      reject(error.code === "EADDRINUSE" ? new PortInUse(text) : error);
    });
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}
