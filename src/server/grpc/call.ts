import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { ServeError } from "../../core/errors.ts";
import type { GrpcMessage } from "../../core/grpc.ts";
import { BYTES_A_TURN } from "../../core/turns.ts";
import { framed, type MessageAccount, prefixOf } from "../../grpc-messages/index.ts";
import { compress, type Encoding } from "../compression.ts";
import { REVISION_HEADER } from "../reply.ts";
import { failureTrailers } from "./status.ts";

const HEAD = { ":status": 200, "content-type": "application/grpc", "grpc-accept-encoding": "identity,deflate,gzip" };
const SUCCESS = { "grpc-status": "0" };
const WITH_TRAILERS = { waitForTrailers: true };
/** Bytes of an answer that are copied behind their prefix, and that the system takes at once. */
const SMALL_ANSWER = 64 * 1024;
/** Below this many bytes compressing costs more than it saves. */
const MIN_COMPRESSED = 1024;

/** The sending side of one call. */
export class Call {
  readonly stream: ServerHttp2Stream;
  /** Answered, or nobody is there to take an answer. */
  ended = false;
  /** Of the messages that are sent; undefined for none. */
  encoding: Encoding | undefined;
  /** Which revision answers, where there was a choice. */
  revision = "";
  /** Clock milliseconds at which the client last took something of an answer that waits; undefined when none does. */
  waitingSince: number | undefined;
  readonly #now: () => number;
  #begun = false;
  /** Settles when a message that is sent in several pieces has been sent; nothing else may come between them. */
  #pieces: Promise<void> | undefined;
  #trailers: OutgoingHttpHeaders = SUCCESS;

  constructor(stream: ServerHttp2Stream, now: () => number) {
    this.stream = stream;
    this.#now = now;
  }

  /** Settles when the client may be sent more. @throws ServeError CANCELLED when it is gone, RESOURCE_EXHAUSTED */
  async send(message: GrpcMessage, account: MessageAccount): Promise<void> {
    await this.#write(message, account, false);
  }

  /** Sends the only answer, and with it that the call has succeeded. @throws as `send` does */
  async sendLast(message: GrpcMessage, account: MessageAccount): Promise<void> {
    await this.#write(message, account, true);
    this.ended = true;
  }

  /** Ends the call with its success. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    if (this.stream.destroyed || this.stream.closed) return;
    this.#begin();
    this.stream.end();
  }

  /** Ends the call with an error as its status. */
  fail(error: ServeError): void {
    if (this.ended) return;
    this.ended = true;
    if (this.stream.destroyed || this.stream.closed) return;
    const trailers = failureTrailers(error);
    if (this.#begun) {
      this.#trailers = trailers;
      this.stream.end();
    } else {
      this.stream.respond({ ...HEAD, ...trailers }, { endStream: true });
    }
  }

  /** Answers what is no call of gRPC in plain HTTP. */
  refuse(status: number, text: string): void {
    this.ended = true;
    this.stream.respond({ ":status": status, "content-type": "text/plain; charset=utf-8" });
    this.stream.end(`${text}\n`);
  }

  /** Takes the call away from a client that still sends, or takes nothing. */
  reset(): void {
    this.ended = true;
    this.stream.close(constants.NGHTTP2_CANCEL);
  }

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.stream.respond(this.#head(), WITH_TRAILERS);
    this.stream.on("wantTrailers", () => this.stream.sendTrailers(this.#trailers));
  }

  #head(): OutgoingHttpHeaders {
    if (this.encoding === undefined && this.revision === "") return HEAD;
    return {
      ...HEAD,
      ...(this.encoding === undefined ? {} : { "grpc-encoding": this.encoding }),
      ...(this.revision === "" ? {} : { [REVISION_HEADER]: this.revision }),
    };
  }

  async #write(message: GrpcMessage, account: MessageAccount, last: boolean): Promise<void> {
    if (this.ended || this.stream.destroyed) throw gone();
    let length = 0;
    for (const piece of message) length += piece.byteLength;
    let pieces = message;
    let compressed = false;
    if (this.encoding !== undefined && length >= MIN_COMPRESSED) {
      pieces = [await compress(message.length === 1 ? (message[0] as Uint8Array) : Buffer.concat(message, length), this.encoding)];
      length = (pieces[0] as Uint8Array).byteLength;
      compressed = true;
      if (this.ended || this.stream.destroyed) throw gone();
    }
    if (length > SMALL_ANSWER) account.hold(length);
    while (this.#pieces !== undefined) await this.#pieces;
    if (this.ended || this.stream.destroyed) throw gone();
    this.#begin();
    if (length <= SMALL_ANSWER && !compressed) {
      const frame = framed(pieces, length);
      if (last) this.stream.end(frame);
      else if (!this.stream.write(frame)) await this.#until("drain");
      return;
    }
    this.#pieces = this.#writePieces(pieces, prefixOf(length, compressed)).finally(() => {
      this.#pieces = undefined;
    });
    // Whoever waits for its end is told nothing of how it ended.
    this.#pieces.catch(() => undefined);
    await this.#pieces;
    if (!last) return;
    this.stream.end();
    if (!this.stream.writableFinished) await this.#until("finish");
  }

  async #writePieces(pieces: GrpcMessage, prefix: Uint8Array): Promise<void> {
    this.stream.write(prefix);
    for (const piece of pieces) {
      for (let from = 0; from < piece.byteLength; from += BYTES_A_TURN) {
        const slice = piece.byteLength <= BYTES_A_TURN ? piece : piece.subarray(from, from + BYTES_A_TURN);
        if (!this.stream.write(slice)) await this.#until("drain");
      }
    }
  }

  #until(event: "drain" | "finish"): Promise<void> {
    const { stream } = this;
    this.waitingSince = this.#now();
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        stream.off(event, settle);
        stream.off("close", settle);
        this.waitingSince = undefined;
        if (stream.destroyed && !stream.writableFinished) reject(gone());
        else resolve();
      };
      if (stream.destroyed) return settle();
      stream.on(event, settle);
      stream.on("close", settle);
    });
  }
}

function gone(): ServeError {
  return new ServeError("CANCELLED", "the client went away");
}

/**
 * How the messages of a call are compressed, those of the client and ours: a client that compresses gets compressed answers.
 * @throws ServeError UNIMPLEMENTED for another encoding than gzip and deflate
 */
export function encodingOf(headers: IncomingHttpHeaders): Encoding | undefined {
  const name = headers["grpc-encoding"];
  if (name === undefined || name === "identity") return undefined;
  if (name === "gzip" || name === "deflate") return name;
  throw new ServeError("UNIMPLEMENTED", `grpc-encoding '${String(name).slice(0, 64)}' is not known here; send gzip, deflate or identity`);
}
