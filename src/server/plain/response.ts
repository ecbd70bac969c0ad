import { STATUS_CODES, validateHeaderName, validateHeaderValue } from "node:http";
import type { Socket } from "node:net";
import type { Response, ResponseEvent } from "../message.ts";

/** Characters that end a header, or that no text of one byte a character has. Those of RFC 9110, 5.5, as Node checks them. */
const NOT_IN_A_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const NOT_IN_A_NAME = /[^!#$%&'*+.^_`|~0-9A-Za-z-]/;
const REQUEST = { httpVersion: "1.1" } as const;
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";
const LAST_CHUNK = "0\r\n\r\n";
/** A body of bytes up to this is copied behind its head: one write costs the system more than the copy. */
const COPIED_BYTES = 16 * 1024;

/** The answer to a plain request, in one write where it comes as a whole. */
export class PlainResponse implements Response {
  readonly req = REQUEST;
  readonly socket: Socket;
  statusCode = 200;
  headersSent = false;
  chunkedEncoding = false;
  destroyed = false;
  writableEnded = false;
  writableFinished = false;
  shouldKeepAlive = true;
  readonly #keepAliveSeconds: number;
  readonly #onDone: () => void;
  readonly #listeners: Array<{ readonly event: ResponseEvent; readonly listener: () => void }> = [];
  /** Names and values in turn. */
  #headers: string[] | undefined;
  /** What of the head has not been written. */
  #head = "";
  #hasBody = true;
  #waitsForDrain = false;

  /** @param onDone called when the answer has been given to the system as a whole */
  constructor(socket: Socket, keepAliveSeconds: number, onDone: () => void) {
    this.socket = socket;
    this.#keepAliveSeconds = keepAliveSeconds;
    this.#onDone = onDone;
  }

  get writableNeedDrain(): boolean {
    return this.socket.writableNeedDrain;
  }

  setHeader(name: string, value: string): void {
    if (name === "Connection") {
      this.shouldKeepAlive = value !== "close";
      return;
    }
    this.#headers = [...(this.#headers ?? []), name, value];
  }

  writeHead(status: number, headers: string[]): void {
    if (!Number.isInteger(status) || status < 200 || status > 999) throw new RangeError(`${status} is no status of an answer`);
    this.#hasBody = status !== 204 && status !== 304;
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "unknown"}\r\n`;
    if (this.#headers !== undefined) head += linesOf(this.#headers);
    head += linesOf(headers);
    this.chunkedEncoding = this.#hasBody && !headers.some((text, index) => index % 2 === 0 && text === "Content-Length");
    if (this.chunkedEncoding) head += "Transfer-Encoding: chunked\r\n";
    const connection = this.shouldKeepAlive ? `keep-alive\r\nKeep-Alive: timeout=${this.#keepAliveSeconds}` : "close";
    this.#head = `${head}Date: ${dateNow()}\r\nConnection: ${connection}\r\n\r\n`;
    this.statusCode = status;
    this.headersSent = true;
  }

  writeContinue(): void {
    this.socket.write(CONTINUE, "latin1");
  }

  write(chunk: string | Uint8Array): boolean {
    const { socket } = this;
    if (this.destroyed || socket.destroyed) return false;
    // What is written in one turn leaves in one write.
    if (socket.writableCorked === 0) {
      socket.cork();
      process.nextTick(() => socket.uncork());
    }
    this.#writeHeadIfDue();
    const length = typeof chunk === "string" ? Buffer.byteLength(chunk) : chunk.byteLength;
    if (length > 0 && this.#hasBody) {
      if (this.chunkedEncoding) socket.write(`${length.toString(16)}\r\n`, "latin1");
      socket.write(chunk);
      if (this.chunkedEncoding) socket.write("\r\n", "latin1");
    }
    if (!socket.writableNeedDrain) return true;
    if (!this.#waitsForDrain) {
      this.#waitsForDrain = true;
      socket.once("drain", () => {
        this.#waitsForDrain = false;
        this.emit("drain");
      });
    }
    return false;
  }

  end(chunk: string | Uint8Array = ""): void {
    if (this.writableEnded || this.destroyed || this.socket.destroyed) return;
    const { socket } = this;
    this.writableEnded = true;
    if (this.#head !== "" && !this.chunkedEncoding) {
      this.#writeWhole(this.#takeHead(), this.#hasBody ? chunk : "");
    } else {
      if (chunk.length > 0) this.write(chunk);
      this.#writeHeadIfDue();
      if (this.chunkedEncoding) socket.write(LAST_CHUNK, "latin1");
    }
    while (socket.writableCorked > 0) socket.uncork();
    if (socket.writableLength === 0) this.#finish();
    // Behind all that waits.
    else socket.write("", (error) => error == null && this.#finish());
  }

  cork(): void {
    this.socket.cork();
  }

  uncork(): void {
    this.socket.uncork();
  }

  destroy(): void {
    this.destroyed = true;
    this.socket.destroy();
  }

  on(event: ResponseEvent, listener: () => void): void {
    this.#listeners.push({ event, listener });
  }

  prependListener(event: ResponseEvent, listener: () => void): void {
    this.#listeners.unshift({ event, listener });
  }

  off(event: ResponseEvent, listener: () => void): void {
    const index = this.#listeners.findIndex((each) => each.event === event && each.listener === listener);
    if (index >= 0) this.#listeners.splice(index, 1);
  }

  emit(event: ResponseEvent): void {
    for (const each of this.#listeners.slice()) {
      if (each.event === event) each.listener();
    }
  }

  /** The connection has ended before the answer was sent. */
  cutOff(): void {
    this.destroyed = true;
    this.emit("close");
  }

  #writeHeadIfDue(): void {
    if (this.#head !== "") this.socket.write(this.#takeHead(), "latin1");
  }

  #takeHead(): string {
    const head = this.#head;
    this.#head = "";
    return head;
  }

  #writeWhole(head: string, body: string | Uint8Array): void {
    const { socket } = this;
    if (typeof body === "string") {
      // A text that is as long in bytes as in characters is ASCII.
      const encoding = Buffer.byteLength(body) === body.length ? "latin1" : "utf8";
      // The head may have other characters than ASCII, which are one byte each.
      if (encoding === "latin1" || !/[\x80-\xff]/.test(head)) socket.write(head + body, encoding);
      else socket.write(Buffer.concat([Buffer.from(head, "latin1"), Buffer.from(body)]));
    } else if (body.byteLength <= COPIED_BYTES) {
      const whole = Buffer.allocUnsafe(head.length + body.byteLength);
      whole.write(head, "latin1");
      whole.set(body, head.length);
      socket.write(whole);
    } else {
      socket.cork();
      socket.write(head, "latin1");
      socket.write(body);
    }
  }

  #finish(): void {
    if (this.destroyed || this.writableFinished) return;
    this.writableFinished = true;
    this.emit("finish");
    this.emit("close");
    this.#onDone();
  }
}

function linesOf(headers: readonly string[]): string {
  let lines = "";
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] as string;
    const value = headers[index + 1] as string;
    if (NOT_IN_A_NAME.test(name)) validateHeaderName(name);
    if (NOT_IN_A_VALUE.test(value)) validateHeaderValue(name, value);
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

let date = "";
let dateSecond = 0;

/** The text is the same for a second. */
function dateNow(): string {
  const now = Date.now();
  const second = Math.floor(now / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    date = new Date(now).toUTCString();
  }
  return date;
}
