const HEAD_END = "\r\n\r\n";
const LENGTH = /\r\ncontent-length:\s*(\d+)/i;
const CHUNKED = /\r\ntransfer-encoding:\s*chunked/i;
const CLOSE = /\r\nconnection:\s*close/i;
/** What ends the last chunk; trailers, which nitrous never sends, are not understood. */
const LAST_CHUNK = "\r\n0\r\n\r\n";

export interface Answer {
  readonly status: number;
  /** The server will take nothing more on this connection. */
  readonly last: boolean;
}

/**
 * Finds the end of one HTTP/1.1 answer after the other, and looks at nothing of it but the status: a client that understood its answers
 * would use as much processor as the server that is measured.
 */
export class AnswerReader {
  #head = "";
  #answer: Answer | undefined;
  /** Bytes of the body that have not come; NaN for a body in chunks. */
  #left = 0;
  #tail = "";

  /** The next bytes of the connection. @returns the answer that they complete; @throws RangeError for what is no answer */
  push(chunk: Buffer): Answer | undefined {
    if (this.#answer !== undefined) return this.#body(chunk.length, () => chunk.toString("latin1"));
    const text = this.#head === "" ? chunk.toString("latin1") : this.#head + chunk.toString("latin1");
    const end = text.indexOf(HEAD_END);
    if (end < 0) {
      this.#head = text;
      return undefined;
    }
    this.#head = "";
    if (!text.startsWith("HTTP/1.1 ")) throw new RangeError("what answers does not speak HTTP/1.1");
    const head = text.slice(0, end);
    const status = Number(head.slice(9, 12));
    const rest = end + HEAD_END.length;
    if (status === 100) return rest < text.length ? this.push(chunk.subarray(chunk.length - (text.length - rest))) : undefined;
    const length = LENGTH.exec(head)?.[1];
    if (length === undefined && !CHUNKED.test(head)) throw new RangeError("an answer says neither its length nor that it comes in chunks");
    this.#answer = { status, last: CLOSE.test(head) };
    this.#left = length === undefined ? Number.NaN : Number(length);
    // A body of no chunks at all begins with the last one.
    this.#tail = "\r\n";
    return this.#body(text.length - rest, () => text.slice(rest));
  }

  #body(bytes: number, text: () => string): Answer | undefined {
    if (Number.isNaN(this.#left)) {
      this.#tail = (this.#tail + text()).slice(-LAST_CHUNK.length);
      if (this.#tail !== LAST_CHUNK) return undefined;
    } else {
      this.#left -= bytes;
      if (this.#left > 0) return undefined;
    }
    const answer = this.#answer;
    this.#answer = undefined;
    return answer;
  }
}
