import type { RequestRecord } from "../core/context.ts";
import type { HttpReply } from "../core/http.ts";
import { BYTES_A_TURN } from "../core/turns.ts";
import type { BodyAccount } from "./body-memory.ts";
import { chooseEncoding, compress } from "./compression.ts";
import type { Request, Response } from "./message.ts";
import { untilSent, untilTaken } from "./unread.ts";

/** Which revision has answered, where there was a choice. */
export const REVISION_HEADER = "nitrous-revision";

type Pieces = AsyncIterable<string | Uint8Array>;

/** How the answer to one request is sent. */
export interface Sending {
  readonly request: Request;
  readonly response: Response;
  /** Milliseconds for which the client may take nothing of it. */
  readonly timeoutMs: number;
  /** Told when the answer begins; undefined where nobody counts. */
  readonly record: RequestRecord | undefined;
  /** Where the bytes of the request are held; undefined for what is always small. */
  readonly account: BodyAccount | undefined;
  /** Value of `Server-Timing`. A stream goes without: its head is sent long before anybody knows. */
  readonly timing: string | undefined;
}

/** Bytes of an answer that the system takes at once. */
const SMALL_ANSWER = 64 * 1024;

/**
 * Writes a reply. Undefined when it has left as a whole, which most do at once; else settles when it has.
 * @throws ServeError RESOURCE_EXHAUSTED, before anything is sent, when the clients of other requests take their answers too slowly,
 * CANCELLED when this one's goes away, or what the stream throws
 */
export function sendReply(sending: Sending, reply: HttpReply): Promise<void> | undefined {
  const { body } = reply;
  if (typeof body === "string" && (body.length < 1024 || sending.request.headers["accept-encoding"] === undefined)) {
    return sendWhole(sending, reply, body, Buffer.byteLength(body));
  }
  if (typeof body === "object" && Symbol.asyncIterator in body) return sendPieces(sending, reply, body);
  return sendBytes(sending, reply, typeof body === "string" ? Buffer.from(body) : body);
}

async function sendBytes(sending: Sending, reply: HttpReply, body: Uint8Array | readonly Uint8Array[]): Promise<void> {
  const { request, response, timeoutMs, account } = sending;
  const parts = body instanceof Uint8Array ? [body] : body;
  const length = parts.reduce((sum, part) => sum + part.byteLength, 0);
  const encoding = chooseEncoding(request.headers["accept-encoding"] as string | undefined, length);
  if (encoding !== undefined) {
    const compressed = await compress(parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts, length), encoding);
    const headers = { ...reply.headers, "Content-Encoding": encoding, Vary: "Accept-Encoding" };
    return sendWhole(sending, { ...reply, headers }, compressed, compressed.byteLength);
  }
  if (length > SMALL_ANSWER) account?.hold(length);
  if (length > BYTES_A_TURN) {
    return sendPieces(sending, { ...reply, headers: { ...reply.headers, "Content-Length": String(length) } }, slices(parts));
  }
  writeHead(sending, reply, length);
  if (request.method !== "HEAD") {
    response.cork();
    for (const part of parts) response.write(part);
    response.uncork();
  }
  response.end();
  return untilSent(response, timeoutMs);
}

/** The kernel copies what it is given in one turn of the event loop. */
async function* slices(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    for (let from = 0; from < part.byteLength; from += BYTES_A_TURN) yield part.subarray(from, from + BYTES_A_TURN);
  }
}

function sendWhole(sending: Sending, reply: HttpReply, body: string | Uint8Array, length: number): Promise<void> | undefined {
  const { request, response, timeoutMs, account } = sending;
  if (length > SMALL_ANSWER) account?.hold(length);
  writeHead(sending, reply, length);
  response.end(request.method === "HEAD" ? undefined : body);
  return untilSent(response, timeoutMs);
}

async function sendPieces(sending: Sending, reply: HttpReply, pieces: Pieces): Promise<void> {
  const { request, response, timeoutMs } = sending;
  const iterator = pieces[Symbol.asyncIterator]();
  // The first piece decides between an error status and a stream, so nothing is sent before it is there.
  let piece = await iterator.next();
  try {
    writeHead(sending, reply, undefined);
    while (piece.done !== true && !response.destroyed && request.method !== "HEAD") {
      if (!response.write(piece.value)) await untilTaken(response, timeoutMs);
      piece = await iterator.next();
    }
  } finally {
    await iterator.return?.();
  }
  // Not after a failure: a client must see that what it got is not the whole.
  response.end();
  await untilSent(response, timeoutMs);
}

/** `length` in bytes; undefined for what is sent in chunks. */
function writeHead({ response, record, timing }: Sending, { status, headers }: HttpReply, length: number | undefined): void {
  // A list of names and values: Node goes through an object twice.
  const list: string[] = [];
  for (const name in headers) list.push(name, headers[name] as string);
  if (record !== undefined) {
    record.stage = "answering";
    if (record.revision !== "") list.push(REVISION_HEADER, record.revision);
  }
  if (length !== undefined) {
    list.push("Content-Length", String(length));
    if (timing !== undefined) list.push("Server-Timing", timing);
  }
  response.writeHead(status, list);
}
