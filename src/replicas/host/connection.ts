import type { Duplex } from "node:stream";
import { messageOf, ServeError } from "../../core/errors.ts";
import { ReplicaLostError } from "../../core/replica.ts";
import {
  encodeFrame,
  FRAME_TYPES,
  type Frame,
  FrameDecoder,
  type FrameMetadata,
  type FrameName,
  type JsonText,
} from "../../frames/index.ts";
import { handOver, type StreamListener } from "./answers.ts";

const LAST_STREAM = 2 ** 32 - 1;
/** Frames that a host sends on streams that it has begun itself. */
const ASKED: ReadonlySet<number> = new Set([FRAME_TYPES.call, FRAME_TYPES.cancel, FRAME_TYPES.credit]);

/** One host process at the other end of a socket: frames out, frames in, each handed to whoever waits for its stream. */
export class HostConnection {
  readonly #socket: Duplex;
  readonly #decoder = new FrameDecoder();
  readonly #listeners = new Map<number, StreamListener>();
  /** Streams of loads: their ids are handles, which no other stream may have. */
  readonly #handles = new Set<number>();
  readonly #onLog: (level: string, message: string) => void;
  #onAsked: ((frame: Frame) => void) | undefined;
  #onCounted: ((change: Frame["meta"]) => void) | undefined;
  #nextStream = 1;
  #lost: ReplicaLostError | undefined;
  #cut: string | undefined;
  #warned = false;
  #resolveHello!: (hello: FrameMetadata["hello"]) => void;
  #rejectHello!: (error: Error) => void;
  #resolveLost!: () => void;
  /** Settles when the host has introduced itself; rejects when it ends before that or speaks another protocol. */
  readonly hello: Promise<FrameMetadata["hello"]>;
  /** Settles when the connection has ended. The process may still run. */
  readonly lost: Promise<void>;

  constructor(socket: Duplex, onLog: (level: string, message: string) => void) {
    this.#socket = socket;
    this.#onLog = onLog;
    this.hello = new Promise((resolve, reject) => {
      this.#resolveHello = resolve;
      this.#rejectHello = reject;
    });
    this.hello.catch(() => undefined);
    this.lost = new Promise((resolve) => {
      this.#resolveLost = resolve;
    });
    socket.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    socket.on("close", () => this.#end("ended", true));
  }

  /** What the host did for which this side ended the connection, as in "its host …"; undefined when it did not. */
  get cut(): string | undefined {
    return this.#cut;
  }

  /** Who answers what the host asks: gets frames of streams that the host has begun. */
  answerWith(onAsked: (frame: Frame) => void): void {
    this.#onAsked = onAsked;
  }

  /** Who counts what models in the host count for themselves. */
  countWith(onCounted: (change: Frame["meta"]) => void): void {
    this.#onCounted = onCounted;
  }

  /** Starts a stream and returns its id. When the connection is already lost, the listener hears of it at once. */
  open<Name extends FrameName>(
    name: Name,
    meta: FrameMetadata[Name] | JsonText,
    blobs: readonly Uint8Array[],
    listener: StreamListener,
  ): number {
    const stream = this.#freeStream();
    if (name === "load") this.#handles.add(stream);
    this.ask(stream, name, meta, blobs, listener);
    return stream;
  }

  /** Sends a frame on a stream that exists, and waits on it again. */
  ask<Name extends FrameName>(
    stream: number,
    name: Name,
    meta: FrameMetadata[Name] | JsonText,
    blobs: readonly Uint8Array[],
    listener: StreamListener,
  ): void {
    if (this.#lost !== undefined) {
      // It was not in there when the host ended.
      listener.onError(new ReplicaLostError(this.#lost.message));
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

  send<Name extends FrameName>(name: Name, stream: number, meta: FrameMetadata[Name] | JsonText, blobs: readonly Uint8Array[] = []): void {
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

  /**
   * Everybody who waits hears that the host is gone, and the connection ends. `how` goes on after "its host"; `blame`: a call that was
   * alone in there may be why.
   */
  fail(how: string, blame: boolean): void {
    if (this.#lost === undefined) this.#cut = how;
    this.#end(how, blame);
  }

  #end(how: string, blame: boolean): void {
    if (this.#lost !== undefined) return;
    const listeners = [...this.#listeners.values()];
    this.#listeners.clear();
    this.#lost = new ReplicaLostError(`the model's host process ${how}`, blame && listeners.length === 1);
    this.#rejectHello(this.#lost);
    for (const listener of listeners) listener.onError(this.#lost);
    this.#socket.destroy();
    this.#resolveLost();
  }

  #receive(chunk: Uint8Array): void {
    if (this.#lost !== undefined) return;
    try {
      for (const frame of this.#decoder.push(chunk)) this.#handle(frame);
    } catch (error) {
      const what = error instanceof ServeError ? error.message : `frame that cannot be read: ${messageOf(error)}`;
      this.fail(`sent a ${what}`, true);
    }
  }

  #handle(frame: Frame): void {
    const { type, stream, meta } = frame;
    if (type === FRAME_TYPES.hello) this.#greet(meta as unknown as FrameMetadata["hello"]);
    else if (type === FRAME_TYPES.log) this.#onLog(String(meta.level), String(meta.message));
    else if (type === FRAME_TYPES.stats) this.#onCounted?.(meta);
    else if (this.#onAsked !== undefined && ASKED.has(type)) this.#onAsked(frame);
    else {
      const listener = this.#listeners.get(stream);
      if (listener === undefined) this.#warnOfUnasked(stream);
      else this.#tell(stream, listener, frame);
    }
  }

  /** An answer that cannot be read fails its own call and no other: where the next frame begins is known. */
  #tell(stream: number, listener: StreamListener, frame: Frame): void {
    try {
      if (handOver(listener, frame)) this.#listeners.delete(stream);
    } catch (error) {
      this.#listeners.delete(stream);
      listener.onError(ServeError.from(error));
      this.send("cancel", stream, {});
    }
  }

  /** Once: a host that answers everything twice would fill the log. */
  #warnOfUnasked(stream: number): void {
    if (this.#warned) return;
    this.#warned = true;
    this.#onLog(
      "warning",
      `the host answered on stream ${stream}, where nothing is asked or all has been answered; such answers are ignored`,
    );
  }

  #greet(hello: FrameMetadata["hello"]): void {
    const { protocol, credit } = hello;
    if (protocol === 1 && Number.isSafeInteger(credit) && credit > 0) {
      this.#resolveHello(hello);
      return;
    }
    const how = protocol === 1 ? `takes ${credit} calls at once, expected at least 1` : `speaks frame protocol ${protocol}, expected 1`;
    this.#rejectHello(new ServeError("FAILED_PRECONDITION", `the host ${how}`));
    this.fail(how, false);
  }

  /** After four billion streams the ids begin again, without those that are in use. */
  #freeStream(): number {
    while (this.#handles.has(this.#nextStream) || this.#listeners.has(this.#nextStream)) this.#skip();
    const stream = this.#nextStream;
    this.#skip();
    return stream;
  }

  #skip(): void {
    this.#nextStream = this.#nextStream === LAST_STREAM ? 1 : this.#nextStream + 1;
  }
}
