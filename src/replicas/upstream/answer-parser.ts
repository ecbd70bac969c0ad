import { ServeError } from "../../core/errors.ts";

/** One answer of an HTTP/1.1 server. */
export interface WholeAnswer {
  readonly status: number;
  /** By names in lower case; of a name that came more than once, its values with commas between them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The connection can carry another question. */
  readonly reusable: boolean;
}

const HEAD_END = "\r\n\r\n";
const LINE_END = "\r\n";
/** Bytes of a head, and of the line before a chunk. */
const MOST_LINES = 64 * 1024;
/** Bytes after which nothing more of a refusal is read: what it says is cut to a line anyway. */
const ENOUGH_OF_A_REFUSAL = 64 * 1024;
const NOTHING: Buffer = Buffer.alloc(0);
const BEGINNING = "HTTP/1.";
const STATUS_LINE = /^HTTP\/1\.([01]) (\d{3})(?: |$)/;
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const CHUNK_SIZE = /^([0-9a-fA-F]{1,12})[ \t]*(?:;|$)/;
/** Statuses whose answers have no body, whatever their heads say. */
const BODILESS = new Set([204, 304]);

type State = "head" | "length" | "chunk size" | "chunk" | "chunk end" | "trailer" | "until the end";

/**
 * Reads one answer as its bytes come. Strict, because what is misread here would be the answer of somebody else's question.
 * Source: RFC 9112, sections 4 to 7.
 */
export class AnswerParser {
  readonly #most: number;
  #state: State = "head";
  /** What has come of a head or line. */
  #line = NOTHING;
  #status = 0;
  #headers: Record<string, string> = {};
  #reusable = false;
  /** Bytes of the body or chunk that are still to come. */
  #left = 0;
  readonly #pieces: Buffer[] = [];
  #length = 0;
  #begun = false;
  #isWhole = false;

  /** @param most bytes of a body */
  constructor(most: number) {
    this.#most = most;
  }

  /** A byte has come. */
  get begun(): boolean {
    return this.#begun;
  }

  /** The next bytes of the connection. @returns the answer that they complete; @throws ServeError INTERNAL for what is not HTTP/1.1, RESOURCE_EXHAUSTED for too much */
  push(bytes: Buffer): WholeAnswer | undefined {
    this.#begun = true;
    let rest: Buffer | undefined = bytes;
    while (rest !== undefined && rest.length > 0) {
      if (this.#state === "length" || this.#state === "chunk") rest = this.#body(rest);
      else if (this.#state === "until the end") {
        this.#keep(rest);
        rest = NOTHING;
      } else rest = this.#lines(rest);
      if (rest !== undefined && this.#isWhole) return this.#finish(rest.length === 0);
    }
    return undefined;
  }

  /** The connection has ended. @returns the answer, if that is how it says its length */
  end(): WholeAnswer | undefined {
    return this.#state === "until the end" ? this.#finish(false) : undefined;
  }

  #body(bytes: Buffer): Buffer {
    const piece = bytes.subarray(0, this.#left);
    this.#keep(piece);
    this.#left -= piece.length;
    if (this.#left === 0) {
      if (this.#state === "length") this.#isWhole = true;
      else this.#state = "chunk end";
    }
    return bytes.subarray(piece.length);
  }

  /** Undefined when the head or line goes on. */
  #lines(bytes: Buffer): Buffer | undefined {
    const end = this.#state === "head" ? HEAD_END : LINE_END;
    const begun = this.#line.length;
    const all = begun === 0 ? bytes : Buffer.concat([this.#line, bytes]);
    if (this.#state === "head" && !BEGINNING.startsWith(all.toString("latin1", 0, BEGINNING.length))) {
      throw notHttp(`it begins with ${JSON.stringify(all.toString("latin1", 0, 40))}`);
    }
    // It may have begun in the earlier bytes.
    const at = all.indexOf(end, Math.max(0, begun - end.length), "latin1");
    if ((at < 0 ? all.length : at) > MOST_LINES) throw notHttp(`its head or a line of it has more than ${MOST_LINES} bytes`);
    this.#line = at < 0 ? all : NOTHING;
    if (at < 0) return undefined;
    this.#read(all.toString("latin1", 0, at));
    return all.subarray(at + end.length);
  }

  #read(text: string): void {
    switch (this.#state) {
      case "head":
        this.#readHead(text);
        return;
      case "chunk end":
        if (text !== "") throw notHttp("a chunk is longer than it says");
        this.#state = "chunk size";
        return;
      case "chunk size": {
        const size = CHUNK_SIZE.exec(text)?.[1];
        if (size === undefined) throw notHttp("a chunk does not say its size");
        this.#left = Number.parseInt(size, 16);
        this.#state = this.#left === 0 ? "trailer" : "chunk";
        return;
      }
      default:
        if (text === "") this.#isWhole = true;
    }
  }

  #readHead(text: string): void {
    const [first = "", ...lines] = text.split(LINE_END);
    const [, minor, digits] = STATUS_LINE.exec(first) ?? [];
    if (digits === undefined) throw notHttp(`it begins with ${JSON.stringify(first.slice(0, 40))}`);
    this.#status = Number(digits);
    this.#headers = headersOf(lines);
    if (this.#status === 101) throw notHttp("it wants to speak another protocol");
    // Others come before the answer.
    if (this.#status < 200) return;
    const { "transfer-encoding": coding, "content-length": length, connection = "" } = this.#headers;
    this.#reusable = minor === "1" ? !/\bclose\b/i.test(connection) : /\bkeep-alive\b/i.test(connection);
    if (BODILESS.has(this.#status)) this.#isWhole = true;
    else if (coding !== undefined) {
      if (coding.trim().toLowerCase() !== "chunked") throw notHttp(`its transfer coding is ${JSON.stringify(coding.slice(0, 40))}`);
      // Of both one is wrong, and others may have believed the other.
      if (length !== undefined) this.#reusable = false;
      this.#state = "chunk size";
    } else if (length === undefined) {
      this.#state = "until the end";
      this.#reusable = false;
    } else {
      this.#left = lengthOf(length);
      this.#state = "length";
      this.#isWhole = this.#left === 0;
    }
  }

  #keep(piece: Buffer): void {
    this.#length += piece.length;
    if (this.#length > this.#most) {
      const message = `the model's server answered more than the ${this.#most} bytes that are read of an answer`;
      throw new ServeError("RESOURCE_EXHAUSTED", message);
    }
    this.#pieces.push(piece);
    if (this.#status < 300 || this.#length < ENOUGH_OF_A_REFUSAL) return;
    this.#isWhole = true;
    this.#reusable = false;
  }

  #finish(isAll: boolean): WholeAnswer {
    const [only = NOTHING, second] = this.#pieces;
    const body = second === undefined ? only : Buffer.concat(this.#pieces, this.#length);
    return { status: this.#status, headers: this.#headers, body, reusable: this.#reusable && isAll };
  }
}

function headersOf(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon));
    if (!NAME.test(name)) throw notHttp(`${JSON.stringify(line.slice(0, 40))} is no header`);
    const key = name.toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = headers[key];
    headers[key] = before === undefined ? value : `${before}, ${value}`;
  }
  return headers;
}

/** The same length may be said twice. */
function lengthOf(text: string): number {
  const [first = "", ...others] = text.split(/\s*,\s*/);
  if (!/^\d{1,15}$/.test(first) || others.some((other) => other !== first))
    throw notHttp(`its length is ${JSON.stringify(text.slice(0, 40))}`);
  return Number(first);
}

function notHttp(why: string): ServeError {
  return new ServeError("INTERNAL", `the model's server answered something that is not HTTP/1.1: ${why}`);
}
