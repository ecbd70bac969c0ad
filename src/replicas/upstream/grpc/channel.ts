import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2, type OutgoingHttpHeaders } from "node:http2";
import type { Socket } from "node:net";
import { messageOf, ServeError } from "../../../core/errors.ts";
import type { ConnectTo } from "../client.ts";

export interface ChannelOptions {
  readonly connect: ConnectTo;
  readonly port: number;
  readonly authority: string;
}

/** Bytes of one answer, and of all together, that a server may send before somebody has read them. */
const STREAM_WINDOW = 1024 * 1024;
const SESSION_WINDOW = 16 * 1024 * 1024;

/** One HTTP/2 connection to a server for all calls: made at the first of them, and again when it has ended. */
export class Channel {
  readonly #options: ChannelOptions;
  #session: ClientHttp2Session | undefined;
  #opening: Promise<ClientHttp2Session> | undefined;
  #closed = false;

  constructor(options: ChannelOptions) {
    this.#options = options;
  }

  /** A stream that has sent its headers. @throws ServeError UNAVAILABLE */
  async open(headers: OutgoingHttpHeaders): Promise<ClientHttp2Stream> {
    const session = await this.#opened();
    try {
      return session.request(headers);
    } catch {
      // It ended and nobody had noticed: nothing was sent.
      this.#forget(session);
    }
    try {
      return (await this.#opened()).request(headers);
    } catch (error) {
      throw unavailable(error);
    }
  }

  close(): void {
    this.#closed = true;
    this.#session?.destroy();
    this.#session = undefined;
  }

  async #opened(): Promise<ClientHttp2Session> {
    const session = this.#session;
    if (session !== undefined && !session.closed && !session.destroyed) return session;
    this.#opening ??= this.#begin().finally(() => {
      this.#opening = undefined;
    });
    return await this.#opening;
  }

  async #begin(): Promise<ClientHttp2Session> {
    const { connect, port, authority } = this.#options;
    const socket = await connect(port).catch((error: unknown) => {
      throw unavailable(error);
    });
    if (this.#closed) {
      socket.destroy();
      throw new ServeError("UNAVAILABLE", "the connection to the model's server has been closed");
    }
    socket.setNoDelay(true);
    const session = connectHttp2(`${isEncrypted(socket) ? "https" : "http"}://${authority}`, {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW },
    });
    session.once("connect", () => session.setLocalWindowSize(SESSION_WINDOW));
    const forget = (): void => this.#forget(session);
    session.on("goaway", forget);
    session.on("close", forget);
    // Its streams have it too.
    session.on("error", forget);
    this.#session = session;
    return session;
  }

  /** New calls get another one; those under way end as they may. */
  #forget(session: ClientHttp2Session): void {
    if (this.#session === session) this.#session = undefined;
  }
}

function isEncrypted(socket: Socket): boolean {
  return "encrypted" in socket && socket.encrypted === true;
}

function unavailable(error: unknown): ServeError {
  if (error instanceof ServeError) return error;
  return new ServeError("UNAVAILABLE", `the model's server cannot be reached: ${messageOf(error)}`, { cause: error, retryAfter: 1 });
}
