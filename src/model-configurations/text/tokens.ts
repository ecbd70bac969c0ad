import { errorAt, type NamedText } from "./position.ts";

/** `float` has a fraction, an exponent or an `f`; `integer` is decimal, octal or hexadecimal; `text` is with its quotes. */
export interface Token {
  readonly kind: "name" | "integer" | "float" | "text" | "symbol" | "end";
  readonly text: string;
  /** In UTF-16 units. */
  readonly offset: number;
}

const SPACE = /[ \t\r\n\v\f]+|#[^\n]*/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /0[xX][0-9A-Fa-f]+|(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?[fF]?/y;
const SYMBOL = /[{}<>[\]:;,.\-/]/y;
const UNQUOTED = /[^"'\\\n\0]+|\\[^\n\0]/y;
const WORD_CHARACTER = /[A-Za-z0-9_.]/;

/** Reads the tokens of a text in protocol buffers' text format, one at a time. */
export class Tokens {
  readonly source: NamedText;
  #next: Token;
  #end = 0;

  constructor(source: NamedText) {
    this.source = source;
    // An editor's mark at the beginning is none of the text.
    if (source.text.startsWith("\uFEFF")) this.#end = 1;
    this.#next = this.#read();
  }

  /** The token that comes next. */
  get next(): Token {
    return this.#next;
  }

  /** The next token, which is then behind. */
  take(): Token {
    const token = this.#next;
    if (token.kind !== "end") this.#next = this.#read();
    return token;
  }

  /** Whether the next token is this symbol, which is then behind. */
  takes(symbol: string): boolean {
    if (!this.is(symbol)) return false;
    this.take();
    return true;
  }

  is(symbol: string): boolean {
    return this.#next.kind === "symbol" && this.#next.text === symbol;
  }

  /** What is found, for messages. */
  found(token: Token = this.#next): string {
    if (token.kind === "end") return "the end of the file";
    return token.text.length > 40 ? `${token.text.slice(0, 37)}...` : token.text;
  }

  /** @param expected such as `a name of a field` */
  unexpected(expected: string, token: Token = this.#next): Error {
    return errorAt(this.source, token.offset, `found ${this.found(token)}, expected ${expected}`);
  }

  error(token: Token, message: string): Error {
    return errorAt(this.source, token.offset, message);
  }

  #read(): Token {
    const { text } = this.source;
    const offset = endOfAll(SPACE, text, this.#end);
    if (offset >= text.length) return this.#token("end", "", offset);
    const name = matchAt(NAME, text, offset);
    if (name !== undefined) return this.#token("name", name, offset);
    const number = matchAt(NUMBER, text, offset);
    if (number !== undefined) return this.#number(number, offset);
    const symbol = matchAt(SYMBOL, text, offset);
    if (symbol !== undefined) return this.#token("symbol", symbol, offset);
    const character = String.fromCodePoint(text.codePointAt(offset) as number);
    if (character === '"' || character === "'") return this.#literal(character, offset);
    throw errorAt(this.source, offset, `found ${JSON.stringify(character)}, which has no meaning outside of texts and comments`);
  }

  #literal(quote: string, offset: number): Token {
    const { text } = this.source;
    const other = quote === '"' ? "'" : '"';
    let end = endOfAll(UNQUOTED, text, offset + 1);
    while (text[end] === other) end = endOfAll(UNQUOTED, text, end + 1);
    if (text[end] === quote) return this.#token("text", text.slice(offset, end + 1), offset);
    throw errorAt(this.source, offset, `a text begins here with ${quote} that does not end in its line`);
  }

  #number(text: string, offset: number): Token {
    const behind = this.source.text[offset + text.length];
    if (behind !== undefined && WORD_CHARACTER.test(behind)) {
      throw errorAt(this.source, offset, `found ${text}${behind}, expected a number with a space or a separator behind it`);
    }
    const isHexadecimal = /^0[xX]/.test(text);
    const kind = !isHexadecimal && /[.eEfF]/.test(text) ? "float" : "integer";
    if (kind === "integer" && /^0\d*[89]/.test(text)) {
      throw errorAt(this.source, offset, `found ${text}; a number that begins with 0 is octal, and has no digits 8 and 9`);
    }
    return this.#token(kind, text, offset);
  }

  #token(kind: Token["kind"], text: string, offset: number): Token {
    this.#end = offset + text.length;
    return { kind, text, offset };
  }
}

/** Where what matches one time after the other ends. */
function endOfAll(pattern: RegExp, text: string, offset: number): number {
  let end = offset;
  pattern.lastIndex = end;
  while (pattern.test(text)) end = pattern.lastIndex;
  return end;
}

function matchAt(pattern: RegExp, text: string, offset: number): string | undefined {
  pattern.lastIndex = offset;
  return pattern.exec(text)?.[0];
}
