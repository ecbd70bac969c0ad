import { constants, type Http2SecureServer, type Http2Server, type Http2Session, type ServerHttp2Session } from "node:http2";
import type { Clock } from "../../core/clock.ts";

/** Bytes that a client may send on one connection before it hears that they have been read. */
const SESSION_WINDOW = 16 * 1024 * 1024;
/** Milliseconds without a word after which a connection is asked whether anybody is there, and for its answer. */
const QUIET_MS = 60_000;
const ANSWER_MS = 20_000;

interface Connection {
  streams: number;
  /** Clock milliseconds of the last sign of life. */
  heardAt: number;
  asked: boolean;
}

/** Watches over what clients do with their connections: how many there are, whether they speak HTTP/2, and whether they are still there. */
export class Sessions {
  /** The oldest first. */
  readonly #sessions = new Map<Http2Session, Connection>();
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #greetingMs: number;
  #closing = false;
  #empty: (() => void) | undefined;

  constructor(server: Http2Server | Http2SecureServer, clock: Clock, limits: { readonly sessions: number; readonly greetingMs: number }) {
    this.#clock = clock;
    this.#limit = limits.sessions;
    this.#greetingMs = limits.greetingMs;
    server.on("session", (session) => this.#add(session));
    // What is wrong with a connection ends it; its calls hear of that by themselves.
    server.on("sessionError", () => undefined);
  }

  begin(session: Http2Session | undefined): void {
    const connection = session && this.#sessions.get(session);
    if (connection === undefined) return;
    connection.streams++;
    connection.heardAt = this.#clock.now();
  }

  end(session: Http2Session | undefined): void {
    const connection = session && this.#sessions.get(session);
    if (connection !== undefined) connection.streams--;
  }

  /** To be called every now and then: ends connections whose other side is gone without a word. */
  sweep(now: number): void {
    for (const [session, connection] of this.#sessions) {
      const quiet = now - connection.heardAt;
      if (connection.asked && quiet > QUIET_MS + ANSWER_MS) {
        session.destroy();
      } else if (!connection.asked && quiet > QUIET_MS) {
        connection.asked = true;
        session.ping((error) => {
          if (error !== null) return;
          connection.asked = false;
          connection.heardAt = this.#clock.now();
        });
      }
    }
  }

  /** Tells every client to begin nothing more, and settles when all connections have ended. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const session of this.#sessions.keys()) session.close();
    if (this.#sessions.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#empty = resolve;
    });
  }

  destroy(): void {
    for (const session of this.#sessions.keys()) session.destroy();
  }

  #add(session: ServerHttp2Session): void {
    this.#sessions.set(session, { streams: 0, heardAt: this.#clock.now(), asked: false });
    const stopWaiting = this.#clock.after(this.#greetingMs, () => session.destroy());
    session.once("remoteSettings", stopWaiting);
    session.on("error", () => undefined);
    session.once("close", () => {
      stopWaiting();
      this.#sessions.delete(session);
      if (this.#sessions.size === 0) this.#empty?.();
    });
    if (this.#closing) {
      session.close();
      return;
    }
    // Without it a message of megabytes stops and goes by 64 KiB.
    session.setLocalWindowSize(SESSION_WINDOW);
    if (this.#sessions.size > this.#limit) this.#makeRoom(session);
  }

  /** The oldest connection without a call goes; when all are busy, the new one. */
  #makeRoom(added: ServerHttp2Session): void {
    for (const [session, { streams }] of this.#sessions) {
      if (streams > 0 || session === added) continue;
      session.close();
      return;
    }
    added.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    added.destroy();
  }
}
