import type { JsonObject } from "./frame.ts";
import { parseJson } from "./json.ts";

/** Where the only part begins in which the metadata of one answer usually differs from that of the next. */
const TIME = ',"computeMs":';
/** The rest of such metadata, with its padding. */
const REST = /^((?:0|[1-9]\d{0,14})(?:\.\d+)?)\} *$/;
/** Texts that are remembered: a model has one for each size of a batch. */
const MOST_TEXTS = 64;
const LONGEST_TEXT = 8 * 1024;

/** Reads the metadata of one connection's frames. That of answers with the same tensors is read once, and must not be changed by anybody. */
export class MetadataReader {
  /** By the text before the time. */
  readonly #known = new Map<string, JsonObject>();

  /** The value of a JSON text. @throws SyntaxError */
  read(text: string): unknown {
    const end = text.length > LONGEST_TEXT ? -1 : text.lastIndexOf(TIME);
    // What is in a string has its quotes escaped, so this can only be the last key of the whole.
    const computeMs = end < 0 ? undefined : REST.exec(text.slice(end + TIME.length))?.[1];
    if (computeMs === undefined) return parseJson(text);
    const head = text.slice(0, end);
    const known = this.#known.get(head);
    if (known !== undefined) return { ...known, computeMs: Number(computeMs) };
    const meta = parseJson(text) as JsonObject;
    if (Array.isArray(meta.tensors)) this.#remember(head, meta);
    return meta;
  }

  #remember(head: string, meta: JsonObject): void {
    if (this.#known.size >= MOST_TEXTS) this.#known.clear();
    this.#known.set(head, meta);
  }
}
