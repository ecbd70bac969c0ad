import type { RequestContext } from "../../core/context.ts";
import { ServeError } from "../../core/errors.ts";
import type { HttpReply } from "../../core/http.ts";
import type { Payload } from "../../core/inference.ts";
import { encodePredictions } from "./predictions.ts";
import { jsonReply } from "./reply.ts";

const LINE_FEED = 0x0a;

/** What a model's own server has answered, as it is. */
export function rawReply(payload: Payload): HttpReply {
  if (payload.kind !== "raw") return jsonReply(encodePredictions(payload));
  return { status: 200, headers: { "Content-Type": payload.contentType }, body: payload.body };
}

export interface RawStreamOptions {
  readonly context: RequestContext;
  readonly payloads: AsyncIterable<Payload>;
  /** What ends a stream of events that fails. */
  readonly errorBody: (error: ServeError) => string;
}

/**
 * The same in pieces, each sent as it comes. An error before the first piece is thrown; a later one is the last event of a stream of events,
 * and cuts off what is none.
 */
export async function rawStreamReply({ context, payloads, errorBody }: RawStreamOptions): Promise<HttpReply> {
  const iterator = payloads[Symbol.asyncIterator]();
  const first = await iterator.next();
  const type = first.done !== true && first.value.kind === "raw" ? first.value.contentType : "text/event-stream; charset=utf-8";
  const isEvents = /^text\/event-stream\b/i.test(type);
  return {
    status: 200,
    headers: { "Content-Type": type, ...(isEvents ? { "Cache-Control": "no-cache" } : {}) },
    body: pieces(iterator, first, (error) => {
      if (!isEvents) throw error;
      context.record.outcome = error.code;
      return `data: ${errorBody(error)}\n\n`;
    }),
  };
}

async function* pieces(
  iterator: AsyncIterator<Payload>,
  first: IteratorResult<Payload>,
  lastPiece: (error: ServeError) => string,
): AsyncGenerator<string | Uint8Array> {
  let last: Uint8Array | undefined;
  try {
    for (let piece = first; piece.done !== true; piece = await iterator.next()) {
      last = bytesOf(piece.value);
      yield last;
    }
  } catch (thrown) {
    const text = lastPiece(ServeError.from(thrown));
    // An event that broke off is not to take the error into itself.
    yield last === undefined || last.at(-1) === LINE_FEED ? text : `\n\n${text}`;
  } finally {
    await iterator.return?.();
  }
}

function bytesOf(payload: Payload): Uint8Array {
  return payload.kind === "raw" ? payload.body : Buffer.from(`${encodePredictions(payload)}\n`);
}
