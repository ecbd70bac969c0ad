import type { Duplex } from "node:stream";
import { CODES, type Code, ServeError } from "../../core/errors.ts";
import type { Payload } from "../../core/inference.ts";
import type { ReplicaResult } from "../../core/replica.ts";
import {
  decodePayload,
  encodeFrame,
  FRAME_TYPES,
  type Frame,
  FrameDecoder,
  type FrameMetadata,
  type FrameName,
} from "../../frames/index.ts";

/** Who waits for the frames of one stream. Each stream ends with exactly one of result, end, ready, pong or error. */
export interface StreamListener {
  onProgress?(step: string): void;
  onReady?(description: FrameMetadata["ready"]["description"]): void;
  onResult?(result: ReplicaResult): void;
  onChunk?(payload: Payload): void;
  onEnd?(): void;
  onError(error: ServeError): void;
}

/** One host process at the other end of a socket: frames out, frames in, each handed to whoever waits for its stream. */
export class HostConnection {
  readonly #socket: Duplex;
  readonly #decoder = new FrameDecoder();
  readonly #listeners = new Map<number, StreamListener>();
  readonly #onLog: (level: string, message: string) => void;
  #nextStream = 1;
  #lost: ServeError | undefined;
  #resolveHello!: (hello: FrameMetadata["hello"]) => void;
  #rejectHello!: (error: Error) => void;
  /** Settles when the host has introduced itself; rejects when it ends before that or speaks another protocol. */
  readonly hello: Promise<FrameMetadata["hello"]>;

  constructor(socket: Duplex, onLog: (level: string, message: string) => void) {
    this.#socket = socket;
    this.#onLog = onLog;
    this.hello = new Promise((resolve, reject) => {
      this.#resolveHello = resolve;
      this.#rejectHello = reject;
    });
    this.hello.catch(() => undefined);
    socket.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    socket.on("close", () => this.fail(new ServeError("UNAVAILABLE", "the model's host process ended", { retryAfter: 1 })));
  }

  /** Starts a stream and returns its id. When the connection is already lost, the listener hears of it at once. */
  open<Name extends FrameName>(name: Name, meta: FrameMetadata[Name], blobs: readonly Uint8Array[], listener: StreamListener): number {
    const stream = this.#nextStream++;
    this.ask(stream, name, meta, blobs, listener);
    return stream;
  }

  /** Sends a frame on a stream that exists, and waits on it again. */
  ask<Name extends FrameName>(
    stream: number,
    name: Name,
    meta: FrameMetadata[Name],
    blobs: readonly Uint8Array[],
    listener: StreamListener,
  ): void {
    if (this.#lost !== undefined) {
      listener.onError(this.#lost);
      return;
    }
    this.#listeners.set(stream, listener);
    try {
      this.send(name, stream, meta, blobs);
    } catch (error) {
      this.#listeners.delete(stream);
      listener.onError(ServeError.from(error));
    }
  }

  send<Name extends FrameName>(name: Name, stream: number, meta: FrameMetadata[Name], blobs: readonly Uint8Array[] = []): void {
    if (this.#lost !== undefined) return;
    const buffers = encodeFrame(FRAME_TYPES[name], stream, meta, blobs);
    if (buffers.length === 1) {
      this.#socket.write(buffers[0]);
      return;
    }
    this.#socket.cork();
    for (const buffer of buffers) this.#socket.write(buffer);
    this.#socket.uncork();
  }

  /** Everybody who waits hears the reason, and the connection ends. */
  fail(reason: ServeError): void {
    if (this.#lost !== undefined) return;
    this.#lost = reason;
    this.#rejectHello(reason);
    const listeners = [...this.#listeners.values()];
    this.#listeners.clear();
    for (const listener of listeners) listener.onError(reason);
    this.#socket.destroy();
  }

  #receive(chunk: Uint8Array): void {
    try {
      for (const frame of this.#decoder.push(chunk)) this.#handle(frame);
    } catch (error) {
      this.fail(ServeError.from(error, "DATA_LOSS", "the model's host process sent a broken frame"));
    }
  }

  #handle({ type, stream, meta, blobs }: Frame): void {
    if (type === FRAME_TYPES.hello) this.#greet(meta as unknown as FrameMetadata["hello"]);
    else if (type === FRAME_TYPES.log) this.#onLog(String(meta.level), String(meta.message));
    else {
      const listener = this.#listeners.get(stream);
      // Nobody may wait any more: the answer of a call that was given up.
      if (listener !== undefined) this.#tell(listener, { type, stream, meta, blobs });
    }
  }

  #tell(listener: StreamListener, { type, stream, meta, blobs }: Frame): void {
    if (type === FRAME_TYPES.progress) {
      listener.onProgress?.(String(meta.step));
      return;
    }
    if (type === FRAME_TYPES.chunk) {
      listener.onChunk?.(decodePayload(meta, blobs));
      return;
    }
    this.#listeners.delete(stream);
    if (type === FRAME_TYPES.result) listener.onResult?.({ payload: decodePayload(meta, blobs), computeMs: Number(meta.computeMs) });
    else if (type === FRAME_TYPES.ready) listener.onReady?.((meta as unknown as FrameMetadata["ready"]).description);
    else if (type === FRAME_TYPES.end || type === FRAME_TYPES.pong) listener.onEnd?.();
    else listener.onError(errorOf(meta as unknown as FrameMetadata["error"]));
  }

  #greet(hello: FrameMetadata["hello"]): void {
    if (hello.protocol === 1) this.#resolveHello(hello);
    else this.fail(new ServeError("FAILED_PRECONDITION", `the host speaks frame protocol ${hello.protocol}, and this server speaks 1`));
  }
}

function errorOf({ code, message, detail }: FrameMetadata["error"]): ServeError {
  const known: Code = CODES.includes(code) ? code : "INTERNAL";
  return new ServeError(known, String(message), detail === undefined ? {} : { cause: new Error(detail) });
}
