import { Agent, type ClientRequest, type ClientRequestArgs, type IncomingMessage, request as openRequest } from "node:http";
import type { Duplex } from "node:stream";
import { messageOf, ServeError } from "../../core/errors.ts";
import { untilAborted } from "../../core/until-aborted.ts";
import type { WholeAnswer } from "./answer-parser.ts";
import type { UpstreamClientOptions } from "./client.ts";
import { ConnectionLostError } from "./connection-lost.ts";
import { KeptConnection, StaleConnectionError } from "./kept-connection.ts";

export interface HttpQuestion {
  readonly method: "GET" | "POST";
  /** Behind the prefix. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Pieces that follow each other. */
  readonly body?: readonly Uint8Array[];
}

const EMPTY: readonly Uint8Array[] = [];

/**
 * HTTP/1.1 connections to one port of a model's server, kept between calls. Nothing here has a time-out: whoever waits says when to give up.
 * Source: RFC 9112; RFC 9110 section 9.2.2 for the one repetition on a new connection.
 */
export class HttpConnections {
  readonly #options: UpstreamClientOptions;
  readonly #agent: Agent;
  /** Those that have nothing to do; the last one is the warmest. */
  readonly #free: KeptConnection[] = [];
  #closed = false;

  constructor(options: UpstreamClientOptions) {
    this.#options = options;
    this.#agent = new ConnectingAgent(options);
  }

  /**
   * Settles with the whole answer, whatever its status.
   * @param most bytes of its body
   * @throws as {@link ask} does, and ServeError RESOURCE_EXHAUSTED for a longer answer
   */
  async exchange(question: HttpQuestion, signal: AbortSignal, most: number): Promise<WholeAnswer> {
    if (signal.aborted) throw signal.reason;
    const head = headOf(this.#options, question);
    const body = question.body ?? EMPTY;
    const kept = this.#takeFree();
    if (kept !== undefined) {
      try {
        return this.#keep(kept, await kept.ask(head, body, signal, most));
      } catch (error) {
        if (!(error instanceof StaleConnectionError)) throw error;
      }
    }
    const fresh = await this.#open(signal);
    return this.#keep(fresh, await fresh.ask(head, body, signal, most));
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
    this.#closed = true;
    this.#agent.destroy();
    for (const connection of this.#free.splice(0)) connection.close();
  }

  #takeFree(): KeptConnection | undefined {
    for (;;) {
      const connection = this.#free.pop();
      if (connection === undefined || connection.isFree) return connection;
    }
  }

  #keep<Answer>(connection: KeptConnection, answer: Answer): Answer {
    if (this.#closed || this.#free.length >= this.#options.concurrency) connection.close();
    else if (connection.isFree) this.#free.push(connection);
    return answer;
  }

  async #open(signal: AbortSignal): Promise<KeptConnection> {
    const { connect, port } = this.#options;
    const connecting = connect(port);
    try {
      return new KeptConnection(await untilAborted(connecting, signal));
    } catch (error) {
      // One that comes all the same is nobody's.
      connecting.then(
        (socket) => socket.destroy(),
        () => undefined,
      );
      throw error;
    }
  }
}

/** @throws ServeError INTERNAL for what would be read as more than it is, which the edge lets nobody send */
function headOf({ authority, prefix }: Reach, { method, path, headers, body = EMPTY }: HttpQuestion): string {
  const target = `${prefix}${path}`;
  let values = authority;
  let head = `${method} ${target} HTTP/1.1\r\nHost: ${authority}\r\n`;
  for (const name in headers) {
    const value = headers[name] as string;
    values += value;
    head += `${name}: ${value}\r\n`;
  }
  if (NO_TARGET.test(target) || NO_VALUE.test(values))
    throw new ServeError("INTERNAL", "a path or header for the model's server has characters that these cannot have");
  return method === "POST" ? `${head}Content-Length: ${lengthOf(body)}\r\n\r\n` : `${head}\r\n`;
}

/** Anything but visible ASCII. */
const NO_TARGET = /[^\x21-\x7e]/;
/** Control characters, and what is no Latin letter. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const NO_VALUE = /[\x00-\x08\x0a-\x1f\x7f\u0100-\uffff]/;

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
