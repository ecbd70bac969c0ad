import { type Server, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { TLSSocket, Server as TlsServer } from "node:tls";
import type { ServeError } from "../core/errors.ts";
import type { HttpReply } from "../core/http.ts";
import { HttpError, type RefusalStatus } from "../core/http-error.ts";
import { askWhetherItReads } from "./half-closed.ts";
import { LINGER_MS, MAX_HEADER_BYTES, MAX_PIPELINED } from "./limits.ts";
import type { Request, Response } from "./message.ts";

/** The error body of what is refused before any route is known. */
export type Refusal = (status: RefusalStatus, message: string) => HttpReply;

interface Connection {
  /** Of the requests whose answers are not sent, in their order. */
  readonly responses: Response[];
  /** Why nothing more is read from it. */
  broken: HttpError | undefined;
  /** Ends the reading of the body that is under way. */
  breakBody: ((error: ServeError) => void) | undefined;
  readonly lingers: { begun: boolean };
}

/** Watches over what clients do with their connections: how many there are, what is no HTTP, and how they end. */
export class Connections {
  readonly #connections = new WeakMap<object, Connection>();
  /** Those that wait for a request, or for the rest of its headers; the one that has waited for longest is first. */
  readonly #quiet = new Set<Socket>();
  readonly #limit: number;
  readonly #refusal: Refusal;
  #open = 0;

  constructor(server: Server, limit: number, refusal: Refusal) {
    this.#limit = limit;
    this.#refusal = refusal;
    // Requests see the socket that has been decrypted.
    server.on(server instanceof TlsServer ? "secureConnection" : "connection", (socket: Socket) => this.#add(socket));
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => this.#fail(error, socket as Socket));
    server.on("timeout", endUnread);
    server.on("connect", (_request, socket) =>
      this.#write(socket as Socket, new HttpError(405, "this is no proxy: CONNECT is not allowed")),
    );
  }

  /** Takes note of a request, and says whether it is one too many. Each is followed by an {@link end}. */
  begin({ socket }: Request, response: Response): HttpError | undefined {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return undefined;
    const { responses } = connection;
    responses.push(response);
    this.#quiet.delete(socket);
    if (responses.length > MAX_PIPELINED)
      return new HttpError(429, `a connection has at most ${MAX_PIPELINED} requests that are not answered`);
    if (this.#open > this.#limit) return new HttpError(429, `there are ${this.#limit} connections already; try again later`);
    return undefined;
  }

  /** No other request of its connection waits for an answer. */
  isAlone({ socket }: Request): boolean {
    return this.#connections.get(socket)?.responses.length === 1;
  }

  /** The answer to a request has been sent, or nobody is there to take it. */
  end({ socket }: Request, response: Response): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    const { responses } = connection;
    if (responses[0] === response) responses.shift();
    else responses.splice(responses.indexOf(response), 1);
    if (responses.length > 0 || socket.destroyed) return;
    if (connection.broken !== undefined) this.#write(socket, connection.broken);
    else this.#quiet.add(socket);
  }

  /** Says who is to be told when the body that comes over the connection cannot be read on. */
  reading(request: Request, breakBody: Connection["breakBody"]): void {
    const connection = this.#connections.get(request.socket);
    if (connection !== undefined) connection.breakBody = breakBody;
  }

  /** A refused client gets to read its answer: with bytes unread, the end of the connection would overtake it. */
  linger(socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined || connection.lingers.begun) return;
    connection.lingers.begun = true;
    socket.destroySoon = () => {
      const timer = setTimeout(() => socket.destroy(), LINGER_MS);
      socket.once("close", () => clearTimeout(timer));
      socket.end();
    };
  }

  #add(socket: Socket): void {
    this.#open++;
    const connection: Connection = { responses: [], broken: undefined, breakBody: undefined, lingers: { begun: false } };
    this.#connections.set(socket, connection);
    this.#quiet.add(socket);
    socket.once("end", () => {
      if (connection.broken === undefined) askWhetherItReads(socket, () => connection.responses[0]);
    });
    socket.once("close", () => {
      this.#open--;
      this.#quiet.delete(socket);
      closeWaiting(connection.responses);
    });
    if (this.#open <= this.#limit) return;
    const [longest] = this.#quiet;
    // The new one is the last of them: when there is no other, its request will be refused.
    if (longest !== undefined && longest !== socket) longest.destroy();
  }

  #fail(error: NodeJS.ErrnoException, socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (connection?.broken !== undefined) return;
    if (connection === undefined || !socket.writable) {
      socket.destroy();
      return;
    }
    connection.broken = refused(error, connection.breakBody !== undefined);
    this.linger(socket);
    if (connection.breakBody !== undefined) connection.breakBody(connection.broken);
    else if (connection.responses.length === 0) this.#write(socket, connection.broken, isHead(error));
  }

  #write(socket: Socket, error: HttpError, withoutBody = false): void {
    if (!socket.writable) return;
    const { status, headers = {}, body } = this.#refusal(error.status, error.message);
    const lines = Object.entries({ ...headers, "Content-Length": String(Buffer.byteLength(body as string)), Connection: "close" });
    const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines.map(([name, value]) => `${name}: ${value}`)];
    this.linger(socket);
    socket.write(`${head.join("\r\n")}\r\n\r\n${withoutBody ? "" : body}`);
    socket.destroySoon();
  }
}

/** A client that takes nothing keeps what it does not take, here or in the system, until the connection is reset. */
function endUnread(socket: Socket): void {
  if (socket.writableLength > 0 && !(socket instanceof TLSSocket)) socket.resetAndDestroy();
  else socket.destroy();
}

/** Node tells only the response that is being sent of the end of its connection, and not those that wait behind it. */
function closeWaiting(responses: readonly Response[]): void {
  for (const response of [...responses]) {
    if (response.socket !== null) continue;
    response.destroyed = true;
    response.emit("close");
  }
}

/** What could not be read began like a request whose answer has no body. */
function isHead(error: NodeJS.ErrnoException & { readonly rawPacket?: Buffer }): boolean {
  return error.rawPacket?.subarray(0, 5).toString("latin1") === "HEAD ";
}

/** What Node says of a request that it cannot read, in words for the client. */
function refused(error: NodeJS.ErrnoException, inBody: boolean): HttpError {
  switch (error.code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new HttpError(408, inBody ? "the body did not come in time" : "the request did not come in time");
    case "HPE_HEADER_OVERFLOW":
      return new HttpError(431, `the request line and headers are larger than ${MAX_HEADER_BYTES} bytes`);
    case "HPE_INVALID_EOF_STATE":
      return new HttpError(400, "the client ended the connection within the request", { code: "CANCELLED" });
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return new HttpError(413, "the extensions of the body's chunks are too large");
    default:
      return new HttpError(400, "the request is not valid HTTP/1.1");
  }
}
