import type { IncomingMessage, ServerResponse } from "node:http";
import type { HttpReply } from "../core/http.ts";
import { chooseEncoding, compress } from "./compression.ts";

type Pieces = AsyncIterable<string | Uint8Array>;

/** Writes a reply; settles when it has been handed to the socket, or the client has gone. */
export function sendReply(request: IncomingMessage, response: ServerResponse, reply: HttpReply): Promise<void> | undefined {
  const { body } = reply;
  if (typeof body === "string" && (body.length < 1024 || request.headers["accept-encoding"] === undefined)) {
    sendWhole(request, response, reply, body, Buffer.byteLength(body));
    return undefined;
  }
  if (typeof body === "object" && Symbol.asyncIterator in body) return sendPieces(request, response, reply, body);
  return sendBytes(request, response, reply, typeof body === "string" ? Buffer.from(body) : body);
}

async function sendBytes(
  request: IncomingMessage,
  response: ServerResponse,
  reply: HttpReply,
  body: Uint8Array | readonly Uint8Array[],
): Promise<void> {
  const parts = body instanceof Uint8Array ? [body] : body;
  const length = parts.reduce((sum, part) => sum + part.byteLength, 0);
  const encoding = chooseEncoding(request.headers["accept-encoding"] as string | undefined, length);
  if (encoding !== undefined) {
    const compressed = await compress(Buffer.concat(parts, length), encoding);
    const headers = { ...reply.headers, "Content-Encoding": encoding, Vary: "Accept-Encoding" };
    sendWhole(request, response, { ...reply, headers }, compressed, compressed.byteLength);
    return;
  }
  writeHead(response, reply, { "Content-Length": length });
  if (request.method !== "HEAD") {
    response.cork();
    for (const part of parts) response.write(part);
    response.uncork();
  }
  response.end();
}

function sendWhole(request: IncomingMessage, response: ServerResponse, reply: HttpReply, body: string | Uint8Array, length: number): void {
  writeHead(response, reply, { "Content-Length": length });
  response.end(request.method === "HEAD" ? undefined : body);
}

async function sendPieces(request: IncomingMessage, response: ServerResponse, reply: HttpReply, pieces: Pieces): Promise<void> {
  const iterator = pieces[Symbol.asyncIterator]();
  // The first piece decides between an error status and a stream, so nothing is sent before it is there.
  let piece = await iterator.next();
  writeHead(response, reply, {});
  try {
    while (piece.done !== true && !response.destroyed && request.method !== "HEAD") {
      if (!response.write(piece.value)) await drained(response);
      piece = await iterator.next();
    }
  } finally {
    await iterator.return?.();
  }
  // Not after a failure: a client must see that what it got is not the whole.
  response.end();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
}

function writeHead(response: ServerResponse, reply: HttpReply, extra: Record<string, string | number>): void {
  response.writeHead(reply.status, { ...reply.headers, ...extra });
}
