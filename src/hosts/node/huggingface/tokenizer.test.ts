import { describe, expect, it } from "vitest";
import { TextTokenizer } from "./tokenizer.ts";

/** Words and their parts, as BERT has them. */
function wordPieces(words: readonly string[], lowercase = true): TextTokenizer {
  const vocab = Object.fromEntries(["[PAD]", "[UNK]", "[CLS]", "[SEP]", ...words].map((word, index) => [word, index]));
  const special = (id: number, content: string) => ({
    id,
    content,
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  });
  const sequence = (id: "A" | "B", type: number) => ({ Sequence: { id, type_id: type } });
  const around = (id: string, type: number) => ({ SpecialToken: { id, type_id: type } });
  return new TextTokenizer(
    {
      added_tokens: ["[PAD]", "[UNK]", "[CLS]", "[SEP]"].map((content, id) => special(id, content)),
      normalizer: { type: "BertNormalizer", clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase },
      pre_tokenizer: { type: "BertPreTokenizer" },
      post_processor: {
        type: "TemplateProcessing",
        single: [around("[CLS]", 0), sequence("A", 0), around("[SEP]", 0)],
        pair: [around("[CLS]", 0), sequence("A", 0), around("[SEP]", 0), sequence("B", 1), around("[SEP]", 1)],
        special_tokens: {},
      },
      decoder: { type: "WordPiece", prefix: "##", cleanup: true },
      model: { type: "WordPiece", unk_token: "[UNK]", continuing_subword_prefix: "##", max_input_chars_per_word: 100, vocab },
    },
    { pad_token: "[PAD]", cls_token: { content: "[CLS]" }, model_max_length: 16 },
    {},
  );
}

const tokenizer = wordPieces(["cafe", "in", "par", "##is", ",", "the", "東"]);
const options = { maxLength: 100, specialTokens: true, cut: "longest" } as const;

describe("tokens", () => {
  it("know where in the text they are, whatever was done to it", () => {
    const text = "Café in  PARIS, 東京 the ☃!";
    const tokens = tokenizer.tokensOf(text);
    expect(tokens.tokens).toEqual(["cafe", "in", "par", "##is", ",", "東", "[UNK]", "the", "[UNK]", "[UNK]"]);
    const places = tokenizer.placesOf(tokens).map(([start, end]) => text.slice(start, end));
    expect(places).toEqual(["Café", "in", "PAR", "IS", ",", "東", "京", "the", "☃", "!"]);
    expect(tokenizer.wordsOf(text).map(([start, end]) => text.slice(start, end))).toEqual([
      "Café",
      "in",
      "PARIS",
      ",",
      "東",
      "京",
      "the",
      "☃",
      "!",
    ]);
  });

  it("are put together with those around them, and cut off as the tokenizers library does", () => {
    const [first, second] = [tokenizer.tokensOf("the the the"), tokenizer.tokensOf("in in in in in in")];
    const whole = tokenizer.encode(first, second, options);
    expect(whole.types).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1]);
    expect(whole.texts).toEqual([-1, 0, 0, 0, -1, 1, 1, 1, 1, 1, 1, -1]);
    const kept = (maxLength: number, cut: "longest" | "first" | "second"): number[] => {
      const { texts } = tokenizer.encode(first, second, { ...options, maxLength, cut });
      return [0, 1].map((text) => texts.filter((each) => each === text).length);
    };
    expect(kept(10, "longest")).toEqual([3, 4]);
    expect(kept(8, "longest")).toEqual([2, 3]);
    expect(kept(10, "first")).toEqual([1, 6]);
    expect(kept(10, "second")).toEqual([3, 4]);
    expect(() => kept(9, "first")).toThrow("leaves none of the 6 tokens");
    expect(tokenizer.encode(first, undefined, { ...options, specialTokens: false }).ids).toEqual(first.ids);
  });

  it("keep their case where the tokenizer does, and come back as text", () => {
    expect(wordPieces(["Cafe", "cafe"], false).tokensOf("Cafe cafe").tokens).toEqual(["Cafe", "cafe"]);
    const { ids } = tokenizer.encode(tokenizer.tokensOf("in paris, the"), undefined, options);
    expect(tokenizer.decode(ids, true)).toBe("in paris, the");
    expect([tokenizer.padId, tokenizer.clsId, tokenizer.maskId, tokenizer.longest]).toEqual([0, 2, undefined, 16]);
  });
});
