import type { IncomingHttpHeaders } from "node:http";
import type { Socket } from "node:net";

/** A request of HTTP/1.1 whose head has only what nearly all heads have. */
export interface PlainHead {
  /** The text it was read from, up to the empty line. */
  readonly text: string;
  readonly method: "GET" | "POST";
  readonly url: string;
  /** Lower-case names, each once. */
  readonly headers: IncomingHttpHeaders;
  /** Of the body; 0 without one. */
  readonly bytes: number;
}

/** A plain request, whole. */
export class PlainRequest {
  readonly method: PlainHead["method"];
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly httpVersion = "1.1";
  readonly complete = true;
  readonly socket: Socket;
  readonly body: Uint8Array;

  constructor({ method, url, headers }: PlainHead, body: Uint8Array, socket: Socket) {
    this.method = method;
    this.url = url;
    this.headers = headers;
    this.body = body;
    this.socket = socket;
  }
}
