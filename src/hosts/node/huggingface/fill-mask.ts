import { ServeError } from "../../../core/errors.ts";
import type { JsonValue } from "../../../core/inference.ts";
import type { ModelCall } from "../hosted-model.ts";
import { largest, softmax } from "./floats.ts";
import type { Loaded, TaskMethod } from "./loaded.ts";
import { names, parametersOf, whole } from "./parameters.ts";
import { scoresOf, texts } from "./scores.ts";
import { encode, SAMPLES, TEXT, textRows } from "./texts.ts";
import type { Encoding } from "./tokenizer.ts";

/** Words that the pipeline offers for a mask unless a request says otherwise. */
const TOP = 5;

/** The words that a text lacks. */
export function fillMask(loaded: Loaded): Record<string, TaskMethod> {
  const { graph, tokenizer, settings } = loaded;
  const { maskId, maskToken } = tokenizer;
  if (maskId === undefined || maskToken === undefined)
    throw new ServeError("INVALID_ARGUMENT", "the tokenizer has no mask token, which task fill_mask needs");
  const output = graph.output("logits");
  const masked = async (call: ModelCall): Promise<Masked[]> => {
    const rows = textRows(call, false);
    const encodings = rows.map((row, index) => {
      if (!row.text.includes(maskToken))
        throw new ServeError("INVALID_ARGUMENT", `instance ${index} has no ${maskToken}, which says where a word is missing`);
      const encoding = encode(loaded, row);
      if (encoding.ids.includes(maskId)) return encoding;
      const message = `instance ${index}: its ${maskToken} is behind the ${loaded.maxLength} tokens that the model reads`;
      throw new ServeError("INVALID_ARGUMENT", message);
    });
    const outputs = await graph.run(encodings, [output]);
    return encodings.map((encoding, row) => {
      const logits = outputs[row]?.[0];
      const { values = new Float32Array(), width = 0, tokens = 0 } = logits ?? {};
      const shift = tokenizer.padsLeft ? tokens - encoding.ids.length : 0;
      const places = encoding.ids.flatMap((id, place) => (id === maskId ? [place] : []));
      return { encoding, places, logits: places.map((place) => values.subarray((place + shift) * width, (place + shift + 1) * width)) };
    });
  };
  const { scores } = settings;
  return {
    predict: {
      inputs: [TEXT],
      outputs: scores === "indices" ? [{ name: "output-0", datatype: "BYTES", shape: [-1] }] : [],
      isRowWise: true,
      samples: SAMPLES.map((sample) => `${sample} ${maskToken}`),
      async run(call) {
        parametersOf(call.parameters, {});
        const rows = await masked(call);
        if (scores === "indices") return texts(rows.map(({ logits }) => tokenizer.decode(logits.map(largest))));
        // Of every token of the vocabulary, as huggingfaceserver has it: probabilities as text, logits as numbers.
        const written = (score: number): JsonValue => (scores === "probabilities" ? score.toFixed(4) : score);
        const value = rows.map(({ logits }) =>
          logits.map((values) => scoresOf(values, scores).map((score, token) => ({ [String(token)]: written(score) }))),
        );
        return { kind: "json", value };
      },
    },
    pipeline: {
      inputs: [TEXT],
      outputs: [],
      async run(call) {
        const { top_k: top = TOP, targets } = parametersOf(call.parameters, { top_k: whole(1), targets: names });
        const allowed = targets?.map((target) => {
          const id = tokenizer.idOf(target) ?? tokenizer.tokensOf(target).ids[0];
          if (id === undefined) throw new ServeError("INVALID_ARGUMENT", `the target '${target}' is not in the vocabulary`);
          return id;
        });
        const value = (await masked(call)).map((row) => objectsOf(loaded, row, top, allowed));
        return { kind: "json", value };
      },
    },
  };
}

interface Masked {
  readonly encoding: Encoding;
  readonly places: readonly number[];
  /** For each mask, of every token of the vocabulary. */
  readonly logits: readonly Float32Array[];
}

/** One list of words for a row with one mask, else a list of them. */
function objectsOf(
  { tokenizer }: Loaded,
  { encoding, places, logits }: Masked,
  top: number,
  allowed: readonly number[] | undefined,
): JsonValue {
  const isSingle = places.length === 1;
  const lists = logits.map((values, mask) => {
    const probabilities = softmax(values);
    const candidates = allowed === undefined ? [...probabilities.keys()] : [...new Set(allowed)];
    return candidates
      .sort((left, right) => (probabilities[right] ?? 0) - (probabilities[left] ?? 0))
      .slice(0, top)
      .map((token) => {
        const ids = encoding.ids.map((id, place) => (place === places[mask] ? token : id)).filter((id) => id !== tokenizer.padId);
        return {
          score: probabilities[token] ?? 0,
          token,
          token_str: tokenizer.decode([token]),
          sequence: tokenizer.decode(ids, isSingle),
        };
      });
  });
  return isSingle ? (lists[0] ?? []) : lists;
}
