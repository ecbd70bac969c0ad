import { ServeError } from "../../core/errors.ts";
import type { BodyRange } from "../../core/inference.ts";
import { nextTurn } from "../../core/turns.ts";

/** What one turn of the event loop reads at most, in bytes that are looked at one by one: less than a millisecond. */
const BYTES_A_TURN = 256 * 1024;
/** What a text costs besides its bytes. */
const TEXT_COST = 32;
/** A field whose name is written with an escape for each letter has so many bytes for each of them. */
const ESCAPED_LETTER = 6;
const LONGEST_LITERAL = 1024;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * Where the values of some fields stand in a JSON object in UTF-8, texts with their quotes. Nothing else of it is read, so that bodies with
 * many megabytes of images cost little: whoever gets the body reads it, and refuses what is no JSON within its values.
 * @throws ServeError INVALID_ARGUMENT for what is no object, and for a field that is there twice: two readers might take different ones
 */
export async function findFields(body: Uint8Array, names: readonly string[]): Promise<ReadonlyMap<string, BodyRange>> {
  const reader = new ObjectReader(body, names);
  while (!reader.read(BYTES_A_TURN)) await nextTurn();
  return reader.found;
}

class ObjectReader {
  readonly found = new Map<string, BodyRange>();
  readonly #bytes: Buffer;
  readonly #names: readonly string[];
  readonly #longestName: number;
  #at = 0;
  /** Where this turn of the event loop ends. */
  #until = 0;
  /** Objects and lists that are open. */
  #depth = 0;
  /** What the outermost object expects next. */
  #expected: "object" | "name or end" | "name" | "colon" | "value" | "comma or end" | "end" = "object";
  /** The field whose value comes, when it is asked for. */
  #field: string | undefined;
  #valueFrom = 0;
  /** Where the text began that has not ended. */
  #textFrom: number | undefined;

  constructor(body: Uint8Array, names: readonly string[]) {
    this.#bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    this.#names = names;
    this.#longestName = Math.max(...names.map((name) => name.length)) * ESCAPED_LETTER;
  }

  /** True when all has been read. @throws ServeError INVALID_ARGUMENT */
  read(budget: number): boolean {
    const { byteLength } = this.#bytes;
    this.#until = Math.min(byteLength, this.#at + budget);
    while (this.#at < this.#until) {
      if (this.#textFrom !== undefined) this.#readText(this.#textFrom);
      else if (this.#depth > 1) this.#readNested();
      else this.#readOutermost();
    }
    if (this.#at < byteLength) return false;
    if (this.#textFrom !== undefined) throw notJson("a text has no end");
    if (this.#expected !== "end") throw notJson(this.#expected === "object" ? "the body is empty" : "the object has no end");
    return true;
  }

  /** On in a text that has escapes. */
  #readText(from: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    while (at < this.#until) {
      const byte = bytes[at];
      if (byte === QUOTE) {
        this.#at = at + 1;
        this.#endText(from, at);
        return;
      }
      at += byte === BACKSLASH ? 2 : 1;
    }
    this.#at = at;
  }

  /** On in a list or object that is a value of the outermost one, up to a text or its end. */
  #readNested(): void {
    const bytes = this.#bytes;
    let at = this.#at;
    let depth = this.#depth;
    let byte: number | undefined;
    while (at < this.#until) {
      byte = bytes[at];
      if (byte === QUOTE) break;
      at++;
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
      else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 1) break;
    }
    this.#at = at;
    this.#depth = depth;
    if (depth === 1) this.#endValue(at);
    else if (byte === QUOTE) this.#beginText(at);
  }

  #beginText(at: number): void {
    this.#until -= TEXT_COST;
    const end = this.#bytes.indexOf(QUOTE, at + 1);
    if (end < 0) throw notJson("a text has no end");
    // Most texts have no quote in them, images never: such are passed over without a look at their bytes.
    if (this.#bytes[end - 1] !== BACKSLASH) {
      this.#at = end + 1;
      this.#endText(at, end);
      return;
    }
    this.#textFrom = at;
    this.#at = at + 1;
  }

  #endText(from: number, end: number): void {
    this.#textFrom = undefined;
    if (this.#depth > 1) return;
    if (this.#expected === "name" || this.#expected === "name or end") {
      this.#field = this.#nameAt(from, end + 1);
      this.#expected = "colon";
    } else if (this.#expected === "value") {
      this.#valueFrom = from;
      this.#endValue(end + 1);
    } else {
      throw this.#unexpected(from);
    }
  }

  #nameAt(from: number, to: number): string | undefined {
    if (to - from - 2 > this.#longestName) return undefined;
    const text = this.#bytes.toString("utf8", from, to);
    const name = text.includes("\\") ? unescaped(text) : text.slice(1, -1);
    if (!this.#names.includes(name)) return undefined;
    if (this.found.has(name)) throw new ServeError("INVALID_ARGUMENT", `${name}: the body has it twice, expected it once`);
    return name;
  }

  /** One byte of the outermost object, or around it. */
  #readOutermost(): void {
    const at = this.#at;
    const byte = this.#bytes[at] as number;
    if (byte === QUOTE && this.#depth === 1) {
      this.#beginText(at);
      return;
    }
    this.#at = at + 1;
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) return;
    if (this.#depth === 0) {
      if (byte !== OPEN_BRACE || this.#expected !== "object") throw this.#unexpected(at);
      this.#depth = 1;
      this.#expected = "name or end";
    } else if (this.#expected === "colon" && byte === COLON) {
      this.#expected = "value";
    } else if (this.#expected === "value") {
      this.#valueFrom = at;
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#depth = 2;
      else this.#passLiteral(at);
    } else if (this.#expected === "comma or end" && byte === COMMA) {
      this.#expected = "name";
    } else if (byte === CLOSE_BRACE && (this.#expected === "comma or end" || this.#expected === "name or end")) {
      this.#depth = 0;
      this.#expected = "end";
    } else {
      throw this.#unexpected(at);
    }
  }

  /** A number, true, false or null. */
  #passLiteral(from: number): void {
    const most = Math.min(from + LONGEST_LITERAL, this.#bytes.byteLength);
    let to = from;
    while (to < most && isOfLiteral(this.#bytes[to] as number)) to++;
    // One that goes on behind that is met by the one who expects a comma.
    if (to === from) throw this.#unexpected(from);
    this.#at = to;
    this.#endValue(to);
  }

  #endValue(to: number): void {
    if (this.#field !== undefined) this.found.set(this.#field, { from: this.#valueFrom, to });
    this.#field = undefined;
    this.#expected = "comma or end";
  }

  #unexpected(at: number): ServeError {
    if (this.#expected === "object") return notJson("expected an object");
    return notJson(`byte ${at}: expected ${this.#expected === "end" ? "nothing behind the object" : this.#expected}`);
  }
}

/** Letters, digits and what else is in numbers. */
function isOfLiteral(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x7a) || byte === 0x2b || byte === 0x2d || byte === 0x2e || byte === 0x45
  );
}

function unescaped(text: string): string {
  try {
    return JSON.parse(text) as string;
  } catch {
    throw notJson(`the name of a field is no JSON text: ${text}`);
  }
}

function notJson(reason: string): ServeError {
  return new ServeError("INVALID_ARGUMENT", `the body is not a JSON object: ${reason}`);
}
