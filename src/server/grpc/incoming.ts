import type { Clock } from "../../core/clock.ts";
import { ServeError } from "../../core/errors.ts";
import { type FramedMessage, MessageReader } from "../../grpc-messages/index.ts";
import type { BodyMemory } from "../body-memory.ts";
import { type HttpLimits, LINGER_MS } from "../limits.ts";
import type { Call } from "./call.ts";

export interface IncomingOptions {
  readonly call: Call;
  readonly clock: Clock;
  readonly memory: BodyMemory;
  readonly maxMessageBytes: number;
  readonly limits: HttpLimits;
  /** One message must come, and in time; else any number may, whenever the client likes. */
  readonly single: boolean;
  readonly onMessage: (message: FramedMessage) => void;
  /** The client sends nothing more. */
  readonly onEnd: () => void;
  /** What it sends cannot be served, comes too slowly, or it is gone. */
  readonly onFail: (error: ServeError) => void;
}

/** The receiving side of one call, and the times that its client has. */
export class Incoming {
  readonly #options: IncomingOptions;
  readonly #reader: MessageReader;
  #stopped = false;
  #stopTimer: (() => void) | undefined;
  /** Clock milliseconds since which a message is awaited; undefined when none is. */
  #readingSince: number | undefined;
  /** Clock milliseconds at which the call was first seen to have ended. */
  #endedAt: number | undefined;

  constructor(options: IncomingOptions) {
    this.#options = options;
    const { call, clock, memory, maxMessageBytes, single } = options;
    this.#readingSince = single ? clock.now() : undefined;
    this.#reader = new MessageReader(
      maxMessageBytes,
      () => memory.open(),
      (message) => {
        this.#readingSince = undefined;
        options.onMessage(message);
      },
    );
    call.stream.on("data", (chunk: Uint8Array) => this.#push(chunk));
    call.stream.on("end", () => this.#end());
    call.stream.on("close", () => {
      this.stop();
      if (!call.ended) options.onFail(new ServeError("CANCELLED", "the client went away"));
    });
  }

  /** Gives the whole call this many milliseconds. */
  limitTime(milliseconds: number): void {
    this.#stopTimer = this.#options.clock.after(Math.max(0, milliseconds), () =>
      this.#options.onFail(new ServeError("DEADLINE_EXCEEDED", "the call's grpc-timeout is over")),
    );
  }

  /** What still comes is read into nothing: unread, it would keep the connection's other calls from sending. */
  stop(): void {
    this.#stopTimer?.();
    if (this.#stopped) return;
    this.#stopped = true;
    this.#reader.clear();
    if (this.#options.call.stream.isPaused()) this.#options.call.stream.resume();
  }

  sweep(now: number): void {
    const { call, limits, onFail } = this.#options;
    const { stream } = call;
    if (call.waitingSince !== undefined && now - call.waitingSince > limits.answerTimeoutMs) {
      call.reset();
    } else if (call.ended) {
      this.#endedAt ??= now;
      const left = now - this.#endedAt;
      if (stream.writableFinished ? left > LINGER_MS : left > limits.answerTimeoutMs) call.reset();
    } else if (this.#readingSince !== undefined && now - this.#readingSince > limits.bodyTimeoutMs) {
      onFail(new ServeError("DEADLINE_EXCEEDED", "the message did not come in time"));
    }
  }

  #push(chunk: Uint8Array): void {
    if (this.#stopped) return;
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#options.onFail(ServeError.from(error));
      return;
    }
    if (this.#reader.partial) this.#readingSince ??= this.#options.clock.now();
  }

  #end(): void {
    if (this.#stopped) return;
    if (this.#reader.partial) this.#options.onFail(new ServeError("INTERNAL", "the client ended the call within a message"));
    else this.#options.onEnd();
  }
}
