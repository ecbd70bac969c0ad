import { Tokenizer } from "@huggingface/tokenizers";
import { messageOf, ServeError } from "../../../core/errors.ts";
import type { JsonObject, JsonValue } from "../../../core/inference.ts";
import { readObject } from "./folder.ts";
import { type Span, TokenPlaces } from "./token-places.ts";

/** The tokens of one text, without those that a model wants around it. */
export interface Tokens {
  readonly text: string;
  readonly ids: readonly number[];
  readonly tokens: readonly string[];
}

/** One row as the model gets it. All lists are as long as the row has tokens. */
export interface Encoding {
  readonly ids: readonly number[];
  readonly types: readonly number[];
  /** Which text a token is of: 0, 1 for the second of a pair, -1 for tokens around them. */
  readonly texts: readonly number[];
  /** Its place among the tokens of its text; -1 for tokens around them. */
  readonly places: readonly number[];
}

/** A place in the pattern that a row is put together by: a token, or the tokens of a text. */
type Part = { readonly type: number } & ({ readonly id: number } | { readonly text: 0 | 1 });

/** What a post-processor makes of the tokens of one text or two. */
interface Template {
  readonly tokens: readonly string[];
  readonly token_type_ids?: readonly number[];
}

export interface EncodeOptions {
  /** In tokens, those around the texts included. */
  readonly maxLength: number;
  readonly specialTokens: boolean;
  /** Which text is cut where a row is too long. */
  readonly cut: "longest" | "first" | "second";
}

/** Texts to tokens and back, as tokenizer.json says. */
export class TextTokenizer {
  readonly padId: number;
  readonly padType: number;
  readonly maskId: number | undefined;
  readonly maskToken: string | undefined;
  readonly clsId: number | undefined;
  readonly unknownId: number | undefined;
  /** Tokens that its own settings allow; undefined when they say nothing. */
  readonly longest: number | undefined;
  readonly padsLeft: boolean;
  readonly #cutsLeft: boolean;
  readonly #tokenizer: Tokenizer;
  readonly #places: TokenPlaces;
  readonly #single: readonly Part[];
  readonly #pair: readonly Part[];
  readonly #specialIds: ReadonlySet<number>;
  readonly #cleansUp: boolean;

  constructor(definition: JsonObject, config: JsonObject, special: JsonObject) {
    const tokenizer = new Tokenizer(definition, { ...config, clean_up_tokenization_spaces: false });
    const named = (name: string): string | undefined => textOf(config[name]) ?? textOf(special[name]);
    const id = (token: string | undefined): number | undefined => (token === undefined ? undefined : tokenizer.token_to_id(token));
    this.#tokenizer = tokenizer;
    this.maskToken = named("mask_token");
    this.maskId = id(this.maskToken);
    this.clsId = id(named("cls_token"));
    this.unknownId = tokenizer.model?.unk_token_id;
    this.padId = id(named("pad_token")) ?? 0;
    this.padType = typeof config.pad_token_type_id === "number" ? config.pad_token_type_id : 0;
    const most = config.model_max_length;
    this.longest = typeof most === "number" && most < 1e9 ? most : undefined;
    this.padsLeft = config.padding_side === "left";
    this.#cutsLeft = config.truncation_side === "left";
    this.#cleansUp = config.clean_up_tokenization_spaces === true;
    this.#single = this.#pattern(["a"], undefined);
    this.#pair = this.#pattern(["a"], ["b"]);
    const added = [...tokenizer.get_added_tokens_decoder().values()];
    this.#specialIds = new Set(added.filter((token) => token.special).map((token) => token.id));
    this.#places = new TokenPlaces(tokenizer, definition);
  }

  tokensOf(text: string): Tokens {
    if (text === "") return { text, ids: [], tokens: [] };
    const { ids, tokens }: { ids: Array<number | undefined>; tokens: string[] } = this.#tokenizer.encode(text, {
      add_special_tokens: false,
    });
    return { text, ids: ids.map((id) => id ?? this.unknownId ?? 0), tokens };
  }

  /** How many tokens a row has besides those of its texts. */
  around(isPair: boolean): number {
    return (isPair ? this.#pair : this.#single).filter((part) => "id" in part).length;
  }

  /** @throws ServeError INVALID_ARGUMENT when the text that is not cut leaves no room */
  encode(first: Tokens, second: Tokens | undefined, { maxLength, specialTokens, cut }: EncodeOptions): Encoding {
    const room = maxLength - (specialTokens ? this.around(second !== undefined) : 0);
    const [most, mostOfSecond] = lengthsWithin(first.ids.length, second?.ids.length ?? 0, Math.max(0, room), cut);
    const from = this.#cutsLeft ? [first.ids.length - most, (second?.ids.length ?? 0) - mostOfSecond] : [0, 0];
    const kept = [most, mostOfSecond];
    const ids: number[] = [];
    const types: number[] = [];
    const texts: number[] = [];
    const places: number[] = [];
    for (const part of second === undefined ? this.#single : this.#pair) {
      if ("id" in part) {
        if (!specialTokens) continue;
        ids.push(part.id);
        types.push(part.type);
        texts.push(-1);
        places.push(-1);
        continue;
      }
      const source = part.text === 0 ? first : (second ?? first);
      const start = from[part.text] ?? 0;
      for (let place = start; place < start + (kept[part.text] ?? 0); place++) {
        ids.push(source.ids[place] ?? 0);
        types.push(part.type);
        texts.push(part.text);
        places.push(place);
      }
    }
    return { ids, types, texts, places };
  }

  /** Characters from and to of each token of a text. */
  placesOf(tokens: Tokens): Span[] {
    return this.#places.spansOf(tokens.text, tokens.tokens, this.#tokenizer.model?.unk_token);
  }

  /** Characters from and to of the words that a text was split into before it became tokens. */
  wordsOf(text: string): Span[] {
    return this.#places.wordsOf(text);
  }

  isSpecial(id: number): boolean {
    return this.#specialIds.has(id);
  }

  token(id: number): string {
    return this.#tokenizer.id_to_token(id) ?? "";
  }

  idOf(token: string): number | undefined {
    return this.#tokenizer.token_to_id(token);
  }

  decode(ids: readonly number[], skipsSpecial = false): string {
    const kept = skipsSpecial ? ids.filter((id) => !this.#specialIds.has(id)) : [...ids];
    return kept.length === 0 ? "" : this.#tokenizer.decode(kept, { clean_up_tokenization_spaces: this.#cleansUp });
  }

  /** The text of tokens that stand behind each other, unknown words among them as they are. */
  joined(tokens: readonly string[]): string {
    return this.#tokenizer.decoder === null ? tokens.join(" ") : this.#tokenizer.decoder([...tokens]);
  }

  /** Learnt from what the tokenizer puts around stand-ins. */
  #pattern(first: string[], second: string[] | undefined): Part[] {
    const post = this.#tokenizer.post_processor;
    const both = [{ type: 0, text: 0 } as const, ...(second === undefined ? [] : [{ type: 0, text: 1 } as const])];
    if (post === null) return both;
    const stand = (names: string[] | undefined): string[] | null => names?.map((name) => `\u0000${name}`) ?? null;
    const { tokens, token_type_ids: types }: Template = post(stand(first) ?? [], stand(second), true);
    return tokens.map((token, index) => {
      const type = types?.[index] ?? 0;
      if (token === "\u0000a") return { type, text: 0 };
      if (token === "\u0000b") return { type, text: 1 };
      return { type, id: this.#tokenizer.token_to_id(token) ?? 0 };
    });
  }
}

/** How long two texts may be for a room of tokens (huggingface/tokenizers, truncate_encodings). */
function lengthsWithin(first: number, second: number, room: number, cut: EncodeOptions["cut"]): readonly [number, number] {
  if (first + second <= room) return [first, second];
  if (cut !== "longest") {
    const kept = room - (cut === "first" ? second : first);
    if (kept < 1)
      throw new ServeError("INVALID_ARGUMENT", `the text that is not cut leaves none of the ${room} tokens that the model reads`);
    return cut === "first" ? [kept, second] : [first, kept];
  }
  const [short, long] = [Math.min(first, second), Math.max(first, second)];
  let kept: readonly [number, number] = [short, Math.min(long, short > room ? short : Math.max(short, room - short))];
  if (kept[0] + kept[1] > room) kept = [Math.floor(room / 2), Math.floor(room / 2) + (room % 2)];
  return first > second ? [kept[1], kept[0]] : kept;
}

/** A token's text: written as it is, or as an object with its `content`. */
function textOf(value: JsonValue | undefined): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return typeof value.content === "string" ? value.content : undefined;
}

/** @throws ServeError INVALID_ARGUMENT when the folder has no tokenizer.json, or one that cannot be read */
export async function readTokenizer(directory: string, lowerCase: boolean): Promise<TextTokenizer> {
  const definition = await readObject(directory, "tokenizer.json");
  if (definition === undefined) {
    const hint = "save it with tokenizer.save_pretrained of a fast tokenizer (transformers: AutoTokenizer.from_pretrained)";
    throw new ServeError("INVALID_ARGUMENT", `it has no tokenizer.json; ${hint}`);
  }
  const config = (await readObject(directory, "tokenizer_config.json")) ?? {};
  const special = (await readObject(directory, "special_tokens_map.json")) ?? {};
  try {
    return new TextTokenizer(lowerCase ? definition : keepingCase(definition), config, special);
  } catch (error) {
    throw ServeError.from(error, "INVALID_ARGUMENT", `its tokenizer.json cannot be read: ${messageOf(error)}`);
  }
}

/** KServe's --disable_lower_case is the tokenizers' do_lower_case, which only those of BERT's kind have. */
function keepingCase(definition: JsonObject): JsonObject {
  const { normalizer } = definition;
  if (typeof normalizer !== "object" || normalizer === null || Array.isArray(normalizer) || normalizer.type !== "BertNormalizer")
    return definition;
  return { ...definition, normalizer: { ...normalizer, lowercase: false } };
}
