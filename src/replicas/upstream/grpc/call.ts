import type { ClientHttp2Stream, Http2Session, IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { ServeError } from "../../../core/errors.ts";
import type { GrpcMessage } from "../../../core/grpc.ts";
import { BYTES_A_TURN } from "../../../core/turns.ts";
import { framed, type MessageAccount, MessageReader, prefixOf } from "../../../grpc-messages/index.ts";
import type { Channel } from "./channel.ts";
import { RefusedCallError, resetError, statusError } from "./status.ts";

export interface CallOptions {
  /** Such as "/inference.GRPCInferenceService/ModelInfer". */
  readonly path: string;
  readonly message: GrpcMessage;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** What is left of the call's time; undefined for no limit but the signal's. */
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal;
}

export interface CallListener {
  onMessage(bytes: Uint8Array): void;
  /** Once, at the end; `error` is undefined when the server says that the call has succeeded. */
  onEnd(error: unknown): void;
}

/** Bytes of one message of an answer. */
const MAX_MESSAGE_BYTES = 1024 * 1024 * 1024;
/** A message of at most so many bytes is copied behind its prefix. */
const SMALL_MESSAGE = 64 * 1024;
/** Eight digits are all that gRPC has for a time-out. */
const MAX_TIMEOUT = 99_999_999;
/** The limit of a message is the only one. */
const NO_ACCOUNT: MessageAccount = { hold: () => undefined, release: () => undefined };

/**
 * Sends one message and hears the answers. When the signal aborts, the call is cancelled at the server and its reason is the error. Source: gRPC over HTTP/2.
 * @throws ServeError UNAVAILABLE when there is no connection, or the signal's reason
 */
async function beginCall(channel: Channel, options: CallOptions, listener: CallListener): Promise<ClientHttp2Stream> {
  const { signal, message } = options;
  signal.throwIfAborted();
  const stream = await channel.open(headersOf(options));
  const { session } = stream;
  let isAnswer = true;
  let status: IncomingHttpHeaders | undefined;
  let cause: unknown;
  let over = false;
  const end = (error: unknown): void => {
    if (over) return;
    over = true;
    signal.removeEventListener("abort", onAbort);
    listener.onEnd(error);
  };
  // Nobody waits for the server to confirm it, which may not be reading.
  const giveUp = (error: unknown): void => {
    end(error);
    stream.close(CANCEL);
  };
  const onAbort = (): void => giveUp(signal.reason);
  const reader = new MessageReader(
    MAX_MESSAGE_BYTES,
    () => NO_ACCOUNT,
    ({ bytes, compressed }) => {
      if (compressed) throw new ServeError("INTERNAL", "the model's server compressed its answer, and nobody had told it that it may");
      listener.onMessage(bytes);
    },
  );
  stream.on("response", (headers) => {
    isAnswer = headers[":status"] === 200 && String(headers["content-type"]).startsWith("application/grpc");
    if (!isAnswer || headers["grpc-status"] !== undefined) status = headers;
  });
  // They may come before the last of the body has been read.
  stream.on("trailers", (headers) => {
    status ??= { ...headers, "content-type": "application/grpc" };
  });
  stream.on("data", (chunk: Uint8Array) => {
    if (over || !isAnswer) return;
    try {
      reader.push(chunk);
    } catch (error) {
      giveUp(error);
    }
  });
  stream.on("error", (error) => {
    cause = error;
  });
  stream.on("close", () => {
    if (status !== undefined) end(statusError(status) ?? (reader.partial ? new ServeError("INTERNAL", WITHIN_MESSAGE) : undefined));
    else end(resetError(isConnected(session) ? (stream.rstCode ?? 0) : undefined, cause));
  });
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  else void send(stream, message);
  return stream;
}

const WITHIN_MESSAGE = "the model's server ended its answer within a message";

/** Streams of a connection that has ended look as if the server had cancelled them. */
function isConnected(session: Http2Session | undefined): boolean {
  return session !== undefined && !session.closed && !session.destroyed;
}

/** NGHTTP2_CANCEL. */
const CANCEL = 8;

function headersOf({ path, headers, timeoutMs }: CallOptions): OutgoingHttpHeaders {
  const limit = timeoutMs === undefined ? {} : { "grpc-timeout": `${Math.min(MAX_TIMEOUT, Math.max(1, Math.ceil(timeoutMs)))}m` };
  return {
    ...headers,
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    "grpc-accept-encoding": "identity",
    ...limit,
  };
}

/** No more at once than the server takes. */
async function send(stream: ClientHttp2Stream, message: GrpcMessage): Promise<void> {
  let length = 0;
  for (const piece of message) length += piece.byteLength;
  if (length <= SMALL_MESSAGE) {
    stream.end(framed(message, length));
    return;
  }
  stream.write(prefixOf(length, false));
  for (const piece of message) {
    for (let from = 0; from < piece.byteLength; from += BYTES_A_TURN) {
      const slice = piece.byteLength <= BYTES_A_TURN ? piece : piece.subarray(from, from + BYTES_A_TURN);
      if (stream.destroyed || stream.closed) return;
      if (!stream.write(slice)) await takes(stream);
    }
  }
  if (!stream.destroyed && !stream.closed) stream.end();
}

function takes(stream: ClientHttp2Stream): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      stream.off("drain", settle);
      stream.off("close", settle);
      resolve();
    };
    stream.on("drain", settle);
    stream.on("close", settle);
  });
}

/** The answer of a call that has one. @throws ServeError as the server says; the signal's reason */
export async function callOnce(channel: Channel, options: CallOptions): Promise<Uint8Array> {
  try {
    return await answerOf(channel, options);
  } catch (error) {
    if (!(error instanceof RefusedCallError)) throw error;
    return await answerOf(channel, options);
  }
}

function answerOf(channel: Channel, options: CallOptions): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let answer: Uint8Array | undefined;
    beginCall(channel, options, {
      onMessage(bytes) {
        answer = bytes;
      },
      onEnd(error) {
        if (error !== undefined) reject(error);
        else if (answer === undefined) reject(new ServeError("INTERNAL", "the model's server answered with success and no message"));
        else resolve(answer);
      },
    }).catch(reject);
  });
}

/** The answers of a call as they come. While nobody takes one the server is not read. @throws as {@link callOnce} does */
export async function* callStream(channel: Channel, options: CallOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const waiting: Uint8Array[] = [];
  let stream: ClientHttp2Stream | undefined;
  const state: { end: { readonly error: unknown } | undefined } = { end: undefined };
  let wake = (): void => undefined;
  stream = await beginCall(channel, options, {
    onMessage(bytes) {
      waiting.push(bytes);
      stream?.pause();
      wake();
    },
    onEnd(error) {
      state.end = { error };
      wake();
    },
  });
  try {
    for (;;) {
      const next = waiting.shift();
      if (next !== undefined) {
        yield next;
        continue;
      }
      if (state.end !== undefined) break;
      stream.resume();
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    if (state.end.error !== undefined) throw state.end.error;
  } finally {
    if (state.end === undefined) stream.close(CANCEL);
  }
}
