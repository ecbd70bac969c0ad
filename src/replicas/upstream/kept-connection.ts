import type { Socket } from "node:net";
import { messageOf } from "../../core/errors.ts";
import { AnswerParser, type WholeAnswer } from "./answer-parser.ts";
import { ConnectionLostError } from "./connection-lost.ts";

/** The connection was one that had been used before, and it ended before a byte of the answer came: the server had closed it meanwhile. */
export class StaleConnectionError extends Error {}

/** Longer ones are written piece by piece: a copy costs more. */
const MOST_COPIED = 16 * 1024;

interface Asked {
  readonly parser: AnswerParser;
  answer(answer: WholeAnswer): void;
  fail(error: Error): void;
}

/**
 * A keep-alive HTTP/1.1 connection on a bare socket, with one question under way at most: a request of node:http costs more than all else
 * that a small call takes here.
 */
export class KeptConnection {
  readonly #socket: Socket;
  #asked: Asked | undefined;
  #isUsed = false;

  constructor(socket: Socket) {
    this.#socket = socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => this.#read(bytes));
    socket.on("error", (error) => this.#lose(messageOf(error)));
    socket.on("end", () => this.#end());
    socket.on("close", () => this.#lose("it was closed"));
  }

  /** It can carry a question now. */
  get isFree(): boolean {
    return this.#asked === undefined && !this.#socket.destroyed && this.#socket.writable;
  }

  /**
   * @param most bytes of the answer's body
   * @throws StaleConnectionError, ConnectionLostError, what the parser throws, or the signal's reason; then the connection is gone
   */
  ask(head: string, body: readonly Uint8Array[], signal: AbortSignal, most: number): Promise<WholeAnswer> {
    return new Promise((resolve, reject) => {
      const abort = (): void => this.#fail(signal.reason as Error);
      const settled = (): void => signal.removeEventListener("abort", abort);
      this.#asked = {
        parser: new AnswerParser(most),
        answer(answer) {
          settled();
          resolve(answer);
        },
        fail(error) {
          settled();
          reject(error);
        },
      };
      signal.addEventListener("abort", abort, { once: true });
      if (signal.aborted) abort();
      else this.#write(head, body);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #write(head: string, body: readonly Uint8Array[]): void {
    const start = Buffer.from(head, "latin1");
    const length = body.reduce((sum, piece) => sum + piece.byteLength, 0);
    if (length <= MOST_COPIED) {
      this.#socket.write(body.length === 0 ? start : Buffer.concat([start, ...body], start.length + length));
      return;
    }
    this.#socket.cork();
    this.#socket.write(start);
    for (const piece of body) this.#socket.write(piece);
    this.#socket.uncork();
  }

  #read(bytes: Buffer): void {
    // Nobody has asked for these.
    if (this.#asked === undefined) {
      this.#socket.destroy();
      return;
    }
    try {
      const answer = this.#asked.parser.push(bytes);
      if (answer !== undefined) this.#answered(answer);
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #answered(answer: WholeAnswer): void {
    const asked = this.#asked;
    this.#asked = undefined;
    this.#isUsed = true;
    // It answered before it had read the question.
    if (!answer.reusable || this.#socket.writableLength > 0) this.#socket.destroy();
    asked?.answer(answer);
  }

  #end(): void {
    const answer = this.#asked?.parser.end();
    if (answer === undefined) this.#lose("the server closed it");
    else this.#answered(answer);
  }

  #lose(why: string): void {
    const begun = this.#asked?.parser.begun === true;
    if (!begun && this.#isUsed) this.#fail(new StaleConnectionError(why));
    else {
      const when = begun ? "in the middle of its answer" : "before it answered";
      this.#fail(new ConnectionLostError(`the connection to the model's server ended ${when}: ${why}`));
    }
  }

  #fail(error: Error): void {
    const asked = this.#asked;
    this.#asked = undefined;
    this.#socket.destroy();
    asked?.fail(error);
  }
}
