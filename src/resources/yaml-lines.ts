import { type Document, isAlias, isMap, isNode, isScalar, isSeq, type LineCounter } from "yaml";
import type { FieldPath } from "./field-path.ts";

/** Where the fields of one YAML document are in its text. */
export class YamlLines {
  readonly #document: Document;
  readonly #counter: LineCounter;

  constructor(document: Document, counter: LineCounter) {
    this.#document = document;
    this.#counter = counter;
  }

  /** Line of the field, or of the nearest field around it that is in the text; from 1. */
  lineOf(path: FieldPath): number {
    let line = this.at(this.#document.contents);
    let node: unknown = this.#document.contents;
    for (const segment of path) {
      const entry = this.#entry(node, segment);
      if (entry === undefined) break;
      line = this.at(entry.begins);
      node = entry.value;
    }
    return line;
  }

  at(node: unknown): number {
    const offset = isNode(node) ? node.range?.[0] : undefined;
    return offset === undefined ? 1 : this.#counter.linePos(offset).line;
  }

  #entry(parent: unknown, segment: string | number): { begins: unknown; value: unknown } | undefined {
    const node = isAlias(parent) ? parent.resolve(this.#document) : parent;
    if (isSeq(node)) {
      const item = node.items[Number(segment)];
      return item === undefined ? undefined : { begins: item, value: item };
    }
    if (!isMap(node)) return undefined;
    const pair = node.items.find(({ key }) => keyText(key) === String(segment));
    return pair === undefined ? undefined : { begins: pair.key, value: pair.value };
  }
}

/** The key as it is in JSON; undefined for keys that JSON cannot have. */
export function keyText(key: unknown): string | undefined {
  if (!isScalar(key) || key.value === null || key.value === undefined) return undefined;
  // The key of a merge is a symbol.
  if (typeof key.value === "symbol") return key.value.description;
  return typeof key.value === "object" ? undefined : String(key.value);
}
