import { Agent, type ClientRequest, type ClientRequestArgs, type IncomingMessage, request as openRequest } from "node:http";
import type { Duplex } from "node:stream";
import { messageOf, ServeError } from "../../core/errors.ts";
import type { UpstreamClientOptions } from "./client.ts";
import { ConnectionLostError } from "./connection-lost.ts";

export interface HttpQuestion {
  readonly method: "GET" | "POST";
  /** Behind the prefix. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Pieces that follow each other. */
  readonly body?: readonly Uint8Array[];
}

/** The connection was one that had been used before, and it ended before a byte of the answer came: the server had closed it meanwhile. */
class StaleConnectionError extends Error {}

const EMPTY: readonly Uint8Array[] = [];

/**
 * HTTP/1.1 connections to one port of a model's server, kept between calls. Nothing here has a time-out: whoever waits says when to give up.
 * Source: RFC 9112; RFC 9110 section 9.2.2 for the one repetition on a new connection.
 */
export class HttpConnections {
  readonly #options: UpstreamClientOptions;
  readonly #agent: Agent;

  constructor(options: UpstreamClientOptions) {
    this.#options = options;
    this.#agent = new ConnectingAgent(options);
  }

  /**
   * Settles with the head of the answer.
   * @throws ConnectionLostError, ServeError UNAVAILABLE when nobody listens, INTERNAL for what is not HTTP, or the signal's reason
   */
  async ask(question: HttpQuestion, signal: AbortSignal): Promise<IncomingMessage> {
    try {
      return await send(this.#options, question, signal, this.#agent);
    } catch (error) {
      if (!(error instanceof StaleConnectionError)) throw error;
      return await send(this.#options, question, signal);
    }
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** How a server is reached, without what is asked there. */
export type Reach = Pick<UpstreamClientOptions, "connect" | "port" | "authority" | "prefix">;

/**
 * One question; without an agent on a connection of its own, which ends with the answer. Settles with the head of the answer.
 * @throws as {@link HttpConnections.ask} does
 */
export function send(
  reach: Reach,
  { method, path, headers, body = EMPTY }: HttpQuestion,
  signal: AbortSignal,
  agent?: Agent,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    // A list is written as it is, which costs Node less than an object.
    const list = ["Host", reach.authority];
    for (const name in headers) list.push(name, headers[name] as string);
    if (method === "POST") list.push("Content-Length", String(lengthOf(body)));
    const target = { method, path: `${reach.prefix}${path}`, setHost: false, headers: list };
    const request =
      agent === undefined
        ? openRequest({ ...target, createConnection: (_, connected) => connectFor(reach, connected) })
        : openRequest({ ...target, agent });
    const abort = (): void => {
      request.destroy();
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    // After the head too: who reads the body hears of it from the answer.
    request.once("close", () => signal.removeEventListener("abort", abort));
    request.once("response", resolve);
    request.on("error", (error) => reject(failureOf(error, request)));
    for (let index = 0; index < body.length - 1; index++) request.write(body[index]);
    request.end(body.at(-1));
  });
}

function lengthOf(body: readonly Uint8Array[]): number {
  let length = 0;
  for (const piece of body) length += piece.byteLength;
  return length;
}

type Connected = (error: Error | null, socket: Duplex) => void;

class ConnectingAgent extends Agent {
  readonly #options: UpstreamClientOptions;

  constructor(options: UpstreamClientOptions) {
    // How many run at once is the scheduler's to say; streams run beside the calls.
    super({ keepAlive: true, maxFreeSockets: options.concurrency });
    this.#options = options;
  }

  override createConnection(_: ClientRequestArgs, connected: Connected = () => undefined): undefined {
    return connectFor(this.#options, connected);
  }
}

function connectFor({ connect, port }: Reach, connected: Connected): undefined {
  connect(port).then(
    (socket) => {
      socket.setNoDelay(true);
      connected(null, socket);
    },
    (error: Error) => connected(error, undefined as never),
  );
  return undefined;
}

/** Before the head of the answer. */
function failureOf(error: Error & { readonly code?: unknown }, request: ClientRequest): Error {
  if (error instanceof ServeError) return error;
  const code = typeof error.code === "string" ? error.code : "";
  if (code.startsWith("HPE_")) {
    return new ServeError("INTERNAL", `the model's server answered something that is not HTTP/1.1: ${messageOf(error)}`, { cause: error });
  }
  if (request.reusedSocket) return new StaleConnectionError(messageOf(error), { cause: error });
  return new ConnectionLostError(`the connection to the model's server ended before it answered: ${messageOf(error)}`, { cause: error });
}
