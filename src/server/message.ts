import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { PlainRequest } from "./plain/request.ts";

/** A request, read by Node or, when it is a plain one, here. */
export type Request = IncomingMessage | PlainRequest;

/** What this server uses of Node's ServerResponse, which is one. */
export interface Response {
  readonly req: { readonly httpVersion: string };
  readonly socket: Socket | null;
  readonly statusCode: number;
  readonly headersSent: boolean;
  readonly chunkedEncoding: boolean;
  destroyed: boolean;
  readonly writableEnded: boolean;
  /** All of it has been given to the system. */
  readonly writableFinished: boolean;
  readonly writableNeedDrain: boolean;
  shouldKeepAlive: boolean;
  setHeader(name: string, value: string): unknown;
  /** @param headers names and values in turn */
  writeHead(status: number, headers: string[]): unknown;
  writeContinue(): void;
  /** False when the client should take what is there before more is written; `drain` tells when it has. */
  write(chunk: string | Uint8Array): boolean;
  end(chunk?: string | Uint8Array): unknown;
  cork(): void;
  uncork(): void;
  /** Ends the connection now. */
  destroy(): unknown;
  on(event: ResponseEvent, listener: () => void): unknown;
  prependListener(event: ResponseEvent, listener: () => void): unknown;
  off(event: ResponseEvent, listener: () => void): unknown;
  emit(event: ResponseEvent): unknown;
}

/** `socket` comes when a response has waited behind others; `close` at the end, whichever it is. */
export type ResponseEvent = "socket" | "drain" | "finish" | "close";
