import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

/** An HTTP server on a loopback port of its own that does what a test says, and remembers what it was asked. */
export class LoopbackServer {
  readonly requests: IncomingMessage[] = [];
  readonly #server;

  private constructor(handle: Handler) {
    this.#server = createServer((request, response) => {
      this.requests.push(request);
      handle(request, response, this.requests.length);
    });
  }

  static async start(handle: Handler): Promise<LoopbackServer> {
    const server = new LoopbackServer(handle);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  get connections(): Promise<number> {
    return new Promise((resolve, reject) => this.#server.getConnections((error, count) => (error ? reject(error) : resolve(count))));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** Serves one file with an ETag, whole, in part or not at all, as RFC 9110 has it. */
export function fileHandler(content: Buffer, etag = '"one"'): Handler {
  return (request, response) => {
    const from = /^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1];
    if (request.headers["if-none-match"] === etag) response.writeHead(304, { etag }).end();
    else if (from === undefined || request.headers["if-range"] !== etag) {
      response.writeHead(200, { etag, "content-length": content.length }).end(content);
    } else if (Number(from) >= content.length) {
      response.writeHead(416, { etag, "content-range": `bytes */${content.length}` }).end();
    } else {
      const rest = content.subarray(Number(from));
      const range = `bytes ${from}-${content.length - 1}/${content.length}`;
      response.writeHead(206, { etag, "content-length": rest.length, "content-range": range }).end(rest);
    }
  };
}
