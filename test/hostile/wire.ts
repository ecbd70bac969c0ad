import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface Reply {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

type Pieces = Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>;

/** One connection that says what a test wants, HTTP or not, and collects what comes back. */
export class Wire {
  readonly socket: Socket;
  readonly replies: Reply[] = [];
  readonly closed: Promise<void>;
  #rest = Buffer.alloc(0);
  #listeners: Array<() => void> = [];

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    // What is sent after the server has ended the connection breaks it: that is no failure of a test.
    this.socket.on("error", () => undefined);
    this.socket.on("data", (data: Buffer) => this.#take(data));
    this.socket.on("end", () => this.socket.end());
    this.closed = new Promise((resolve) => this.socket.once("close", () => resolve()));
    void this.closed.then(() => this.#tell());
  }

  async send(pieces: Pieces): Promise<void> {
    for await (const piece of pieces) {
      if (this.socket.destroyed || this.socket.writableEnded) return;
      if (!this.socket.write(piece)) await Promise.race([once(this.socket, "drain").catch(() => undefined), this.closed]);
    }
  }

  /** Settles with as many replies, or with fewer when the connection ends before. */
  async received(count: number): Promise<readonly Reply[]> {
    while (this.replies.length < count && !this.socket.destroyed) await new Promise<void>((resolve) => this.#listeners.push(resolve));
    return this.replies;
  }

  #take(data: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, data]);
    for (;;) {
      const end = this.#rest.indexOf("\r\n\r\n");
      if (end < 0) return;
      const [first = "", ...lines] = this.#rest.subarray(0, end).toString("latin1").split("\r\n");
      const headers = new Map(
        lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
      );
      const start = end + 4;
      const length = Number(headers.get("content-length") ?? 0);
      if (this.#rest.byteLength < start + length) return;
      this.replies.push({ status: Number(first.split(" ")[1]), headers, body: this.#rest.subarray(start, start + length).toString() });
      this.#rest = this.#rest.subarray(start + length);
      this.#tell();
    }
  }

  #tell(): void {
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener();
  }
}

/** Sends the pieces on a connection of its own; the first `count` replies to them. */
export async function exchange(url: string, pieces: Pieces, count = 1): Promise<readonly Reply[]> {
  const wire = new Wire(url);
  void wire.send(pieces);
  const replies = await wire.received(count);
  wire.socket.destroy();
  return replies;
}

/** The head of a request. */
export function head(method: string, path: string, headers: Readonly<Record<string, string | number>> = {}): string {
  const lines = Object.entries({ Host: "localhost", ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/** A whole request with the length of its body, unless a header says another. */
export function whole(
  path: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string | number>> = {},
  method = "POST",
): Uint8Array {
  const bytes = Buffer.from(body as Uint8Array);
  return Buffer.concat([Buffer.from(head(method, path, { "Content-Length": bytes.byteLength, ...headers })), bytes]);
}
