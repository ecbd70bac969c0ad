import type { Tokenizer } from "@huggingface/tokenizers";
import type { JsonObject } from "../../../core/inference.ts";

/** Characters (UTF-16 units of the text) from and to. */
export type Span = readonly [start: number, end: number];

/** The text as the tokenizer sees it, and which part of the original each of its units comes from. */
interface Normalized {
  readonly text: string;
  readonly spans: readonly Span[];
}

/** How far behind where it should be a token is looked for. */
const FAR = 32;
const SPACE = /\s/u;
const SEPARATE = /[\p{P}\p{S}]/u;

/**
 * Finds tokens in the text that they come from. The tokenizer itself does not tell: its tokens are walked along the normalised text, and
 * each character of that has come from one of the original.
 */
export class TokenPlaces {
  readonly #tokenizer: Tokenizer;
  readonly #prefix: string;
  readonly #isByteLevel: boolean;

  constructor(tokenizer: Tokenizer, definition: JsonObject) {
    this.#tokenizer = tokenizer;
    const { model } = definition as { model?: { continuing_subword_prefix?: unknown; type?: unknown } };
    this.#prefix = model?.type === "WordPiece" ? String(model.continuing_subword_prefix ?? "##") : "";
    this.#isByteLevel = /"type":"ByteLevel"/.test(JSON.stringify(definition.decoder ?? {}));
  }

  spansOf(text: string, tokens: readonly string[], unknown: string | undefined): Span[] {
    const normalized = this.#normalize(text);
    let at = 0;
    return tokens.map((token) => {
      at = afterSpace(normalized.text, at);
      const length = token === unknown && !normalized.text.startsWith(token, at) ? unknownAt(normalized.text, at) : undefined;
      const [start, end] = length === undefined ? find(normalized.text, this.#surface(token), at) : [at, at + length];
      at = end;
      return original(normalized, start, end, text.length);
    });
  }

  wordsOf(text: string): Span[] {
    const normalized = this.#normalize(text);
    const split = this.#tokenizer.pre_tokenizer;
    const words: readonly string[] =
      split === null ? [normalized.text] : split(this.#isByteLevel ? this.#normalText(text) : normalized.text);
    let at = 0;
    return words.flatMap((word) => {
      const surface = this.#surface(word);
      if (surface === "") return [];
      at = afterSpace(normalized.text, at);
      const [start, end] = find(normalized.text, surface, at);
      at = end;
      return [original(normalized, start, end, text.length)];
    });
  }

  /** What a token looks like in the normalised text, without the space before it. */
  #surface(token: string): string {
    const text = this.#isByteLevel ? bytesOfToken(token) : token.replaceAll("▁", " ");
    const bare =
      this.#prefix !== "" && text.startsWith(this.#prefix) && text.length > this.#prefix.length ? text.slice(this.#prefix.length) : text;
    return bare.trimStart();
  }

  #normalText(text: string): string {
    return this.#tokenizer.normalizer === null ? text : this.#tokenizer.normalizer(text);
  }

  #normalize(text: string): Normalized {
    const units: string[] = [];
    const spans: Span[] = [];
    let place = 0;
    for (const character of text) {
      const span: Span = [place, place + character.length];
      const normal = this.#normalText(character) || (SPACE.test(character) ? " " : "");
      const written = this.#isByteLevel ? Buffer.from(normal, "utf8").toString("latin1") : normal;
      for (let unit = 0; unit < written.length; unit++) spans.push(span);
      units.push(written);
      place += character.length;
    }
    return { text: units.join(""), spans };
  }
}

function afterSpace(text: string, at: number): number {
  let next = at;
  while (next < text.length && SPACE.test(text[next] as string)) next++;
  return next;
}

/** A token that was normalised across characters may not be found: it then takes as much as it is long. */
function find(text: string, surface: string, at: number): Span {
  const found = surface === "" ? at : text.indexOf(surface, at);
  const start = found >= 0 && found - at <= FAR ? found : at;
  return [start, Math.min(text.length, start + surface.length)];
}

/** An unknown word is one token. */
function unknownAt(text: string, at: number): number {
  const first = String.fromCodePoint(text.codePointAt(at) ?? 0);
  if (SEPARATE.test(first)) return first.length;
  let end = at;
  while (end < text.length && !SPACE.test(text[end] as string) && !SEPARATE.test(text[end] as string)) end++;
  return Math.max(1, end - at);
}

function original({ spans }: Normalized, start: number, end: number, length: number): Span {
  const first = spans[start];
  if (first === undefined) return [length, length];
  return [first[0], end > start ? (spans[end - 1]?.[1] ?? length) : first[0]];
}

/** GPT-2's alphabet for bytes (openai/gpt-2, encoder.py, bytes_to_unicode). */
const BYTES = new Map<string, string>();
let spare = 0;
for (let byte = 0; byte < 256; byte++) {
  const isPrintable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  BYTES.set(String.fromCharCode(isPrintable ? byte : 256 + spare++), String.fromCharCode(byte));
}

function bytesOfToken(token: string): string {
  return Array.from(token, (character) => BYTES.get(character) ?? character).join("");
}
