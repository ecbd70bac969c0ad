import type { Socket } from "node:net";
import type { Clock } from "../../core/clock.ts";
import { readPlainHead } from "./read-head.ts";
import { type PlainHead, PlainRequest } from "./request.ts";
import { PlainResponse } from "./response.ts";

/** Milliseconds that the rest of a small body may take to come after its head. */
const WAIT_MS = 50;
/** Bytes of a body that is waited for. */
const MAX_WAITED_BYTES = 16 * 1024;
/** Reads in which such a request may come. */
const MAX_READS = 4;
/** Bytes that are kept of what comes while an answer is under way. */
const MAX_BEHIND_BYTES = 256 * 1024;

export interface PlainConnectionOptions {
  readonly clock: Clock;
  readonly keepAliveSeconds: number;
  readonly onRequest: (request: PlainRequest, response: PlainResponse) => void;
  /** From now on the connection is Node's. */
  readonly handOver: (socket: Socket) => void;
  /** The client has taken nothing for as long as the socket was told to wait. */
  readonly onTimeout: (socket: Socket) => void;
}

/**
 * A connection over which only plain requests have come, each whole and none before the last was answered. With the first other thing it
 * is Node's, for good.
 */
export class PlainConnection {
  /** Whether it has ever had a request. */
  used = false;
  /** Sweeps since it was last busy. */
  quietSweeps = 0;
  readonly #socket: Socket;
  readonly #options: PlainConnectionOptions;
  #last: PlainHead | undefined;
  #response: PlainResponse | undefined;
  /** The beginning of a request, or what has come behind one that is not answered. */
  #held: Buffer | undefined;
  #reads = 0;
  #stopWaiting: (() => void) | undefined;
  #isEnded = false;

  constructor(socket: Socket, options: PlainConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on("data", this.#onData);
    socket.on("end", this.#onEnd);
    socket.on("close", this.#onClose);
    socket.on("timeout", this.#onTimeout);
    // What has failed is closed next.
    socket.on("error", ignore);
  }

  get isBusy(): boolean {
    return this.#response !== undefined;
  }

  readonly #onData = (chunk: Buffer): void => {
    const bytes = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk]);
    if (this.#response !== undefined) {
      // With more the connection ends after the answer: without reading on, nobody would hear that the client has gone.
      if (bytes.byteLength > MAX_BEHIND_BYTES) this.#response.shouldKeepAlive = false;
      this.#held = this.#response.shouldKeepAlive ? bytes : undefined;
      return;
    }
    const head = readPlainHead(bytes, this.#last);
    if (head === undefined) {
      this.#handOver(bytes);
      return;
    }
    this.#last = head;
    const from = head.text.length;
    const missing = from + head.bytes - bytes.byteLength;
    if (missing === 0) this.#begin(head, bytes.subarray(from));
    else if (missing > 0 && head.bytes <= MAX_WAITED_BYTES && ++this.#reads < MAX_READS) this.#wait(bytes);
    else this.#handOver(bytes);
  };

  readonly #onEnd = (): void => {
    this.#isEnded = true;
    if (this.#held !== undefined) {
      if (this.#response === undefined) this.#handOver(this.#held, "end");
    } else if (this.#response !== undefined) this.#response.shouldKeepAlive = false;
    else this.#socket.end();
  };

  readonly #onClose = (): void => {
    this.#response?.cutOff();
    if (this.#held !== undefined) this.#handOver(this.#held, "close");
    else this.#stopWaiting?.();
  };

  readonly #onTimeout = (): void => this.#options.onTimeout(this.#socket);

  #wait(bytes: Buffer): void {
    this.#held = bytes;
    this.#stopWaiting ??= this.#options.clock.after(WAIT_MS, () => this.#held !== undefined && this.#handOver(this.#held));
  }

  #begin(head: PlainHead, body: Buffer): void {
    this.#held = undefined;
    this.#reads = 0;
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
    this.used = true;
    this.quietSweeps = 0;
    const response = new PlainResponse(this.#socket, this.#options.keepAliveSeconds, this.#onAnswered);
    this.#response = response;
    this.#options.onRequest(new PlainRequest(head, body, this.#socket), response);
  }

  readonly #onAnswered = (): void => {
    const staysOpen = this.#response?.shouldKeepAlive === true;
    this.#response = undefined;
    if (!staysOpen) this.#socket.destroySoon();
    // Not within the answer to the one before. Who sends requests before their answers are there goes on doing so.
    else if (this.#held !== undefined) setImmediate(() => this.#goOn());
    else if (this.#isEnded) this.#socket.destroySoon();
  };

  /** What has come since may have made a plain request of it, which is under way then. */
  #goOn(): void {
    if (this.#held !== undefined && this.#response === undefined) this.#handOver(this.#held, this.#isEnded ? "end" : undefined);
  }

  /** Gives the connection to Node, with what has been read and has not been answered, and how it has ended if it has. */
  #handOver(read: Buffer, ending?: "end" | "close"): void {
    const socket = this.#socket;
    this.#held = undefined;
    this.#stopWaiting?.();
    socket.off("data", this.#onData);
    socket.off("end", this.#onEnd);
    socket.off("close", this.#onClose);
    socket.off("timeout", this.#onTimeout);
    socket.off("error", ignore);
    const told = ending === undefined ? [] : socket.listeners(ending);
    this.#options.handOver(socket);
    socket.emit("data", read);
    if (ending === undefined) {
      socket.resume();
      return;
    }
    // The others hear of it from the socket itself, after Node as always.
    for (const listener of socket.listeners(ending)) {
      if (!told.includes(listener)) listener.call(socket);
    }
  }
}

function ignore(): void {}
