import type { RequestContext } from "../../core/context.ts";
import { ServeError } from "../../core/errors.ts";
import type { HttpReply, HttpRequest } from "../../core/http.ts";
import type { Payload } from "../../core/inference.ts";
import { errorBody } from "./errors.ts";

const SERVER_SENT_EVENTS = { "Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache" };
const JSON_LINES = { "Content-Type": "application/x-ndjson" };

export interface StreamOptions {
  readonly context: RequestContext;
  readonly payloads: AsyncIterable<Payload>;
  /** One payload as JSON text without line breaks. */
  readonly encode: (payload: Payload) => string;
  /** Server-sent events, else one JSON text a line. */
  readonly asEvents: boolean;
}

export function wantsEvents(headers: HttpRequest["headers"]): boolean {
  return headers.accept?.includes("text/event-stream") ?? false;
}

/** A reply in pieces. An error before the first piece is thrown, a later one is the last piece, with the status 200 sent long ago. */
export function streamReply(options: StreamOptions): HttpReply {
  return { status: 200, headers: options.asEvents ? SERVER_SENT_EVENTS : JSON_LINES, body: pieces(options) };
}

async function* pieces({ context, payloads, encode, asEvents }: StreamOptions): AsyncGenerator<string> {
  const frame = (text: string): string => (asEvents ? `data: ${text}\n\n` : `${text}\n`);
  let started = false;
  try {
    for await (const payload of payloads) {
      const piece = frame(encode(payload));
      started = true;
      yield piece;
    }
  } catch (thrown) {
    if (!started) throw thrown;
    const error = ServeError.from(thrown);
    context.record.outcome = error.code;
    yield frame(errorBody(error));
  }
}
