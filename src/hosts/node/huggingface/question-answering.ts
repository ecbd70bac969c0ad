import { ServeError } from "../../../core/errors.ts";
import type { JsonValue } from "../../../core/inference.ts";
import type { TensorSpec } from "../../../core/signature.ts";
import type { RowOutput } from "./graph.ts";
import type { Loaded, TaskMethod } from "./loaded.ts";
import { parametersOf, whole } from "./parameters.ts";
import { rowsOf, textOf } from "./rows.ts";
import type { Span } from "./token-places.ts";
import type { Encoding, Tokens } from "./tokenizer.ts";

const INPUTS: readonly TensorSpec[] = ["question", "context"].map((name) => ({ name, datatype: "BYTES", shape: [-1] }));
const MOST_TOKENS_OF_ANSWER = 15;
/** Tokens that neighbouring pieces of a long context share. */
const STRIDE = 128;
const LONGEST_PIECE = 384;
/** A handful of the best is all that anybody asks for. */
const MOST_SPANS = 100;

type Answer = { readonly score: number; readonly start: number; readonly end: number; readonly answer: string };

/** The part of a text that answers a question, found as transformers' pipeline of version 4 found it. */
export function questionAnswering(loaded: Loaded): Record<string, TaskMethod> {
  loaded.graph.output("start_logits");
  loaded.graph.output("end_logits");
  const method: TaskMethod = {
    inputs: INPUTS,
    outputs: [],
    samples: [{ question: "what is it?", context: "it is a text with an answer" }],
    async run({ payload, parameters }) {
      const rows = rowsOf(payload, ["question", "context"]);
      const options = parametersOf(parameters, { top_k: whole(1), max_answer_len: whole(1) });
      const value: JsonValue[] = [];
      for (const [index, row] of rows.entries()) {
        const [question, context] = [textOf(row, "question", index), textOf(row, "context", index)];
        if (question.trim() === "" || context.trim() === "")
          throw new ServeError("INVALID_ARGUMENT", `instance ${index}: question and context must not be empty`);
        const found = await answers(loaded, question, context, options.max_answer_len ?? MOST_TOKENS_OF_ANSWER);
        const top = options.top_k ?? 1;
        value.push(top === 1 ? { ...(found[0] as Answer) } : found.slice(0, top).map((each) => ({ ...each })));
      }
      return { kind: "json", value };
    },
  };
  const { samples: _samples, ...untried } = method;
  return { predict: method, pipeline: untried };
}

/** The most probable first. `start` and `end` count characters of the context. */
async function answers(loaded: Loaded, question: string, context: string, longest: number): Promise<Answer[]> {
  const { tokenizer, graph } = loaded;
  const tokens = tokenizer.tokensOf(context);
  const spans = tokenizer.placesOf(tokens);
  const words = tokenizer.wordsOf(context);
  const pieces = piecesOf(loaded, tokenizer.tokensOf(question), tokens);
  const outputs = await graph.run(
    pieces.map(({ encoding }) => encoding),
    ["start_logits", "end_logits"],
    true,
  );
  const found = pieces.flatMap(({ encoding, from }, piece) => {
    const [starts, ends] = outputs[piece] as readonly [RowOutput, RowOutput];
    const shift = tokenizer.padsLeft ? starts.width - encoding.ids.length : 0;
    const [start, end] = [probabilities(loaded, encoding, starts, shift), probabilities(loaded, encoding, ends, shift)];
    return spansOf(start, end, longest).map(({ score, first, last }): Answer => {
      const place = (index: number): Span => wordAround(words, spans[from + (encoding.places[index] ?? 0)] ?? [0, 0]);
      const [begin, stop] = [place(first)[0], place(last)[1]];
      return { score, start: begin, end: stop, answer: context.slice(begin, stop) };
    });
  });
  if (found.length === 0) throw new ServeError("INVALID_ARGUMENT", "the context leaves no tokens to answer with");
  const best = new Map<string, Answer>();
  for (const answer of found.sort((left, right) => right.score - left.score)) {
    const key = `${answer.start} ${answer.end}`;
    if (!best.has(key)) best.set(key, answer);
  }
  return [...best.values()];
}

/** A context that is too long comes in pieces, whose neighbours share tokens. */
function piecesOf(loaded: Loaded, question: Tokens, context: Tokens): Array<{ readonly encoding: Encoding; readonly from: number }> {
  const { tokenizer, maxLength, settings } = loaded;
  const limit = Math.min(maxLength, LONGEST_PIECE);
  const room = limit - question.ids.length - (settings.specialTokens ? tokenizer.around(true) : 0);
  const stride = Math.min(STRIDE, Math.floor(limit / 4));
  if (room <= stride) throw new ServeError("INVALID_ARGUMENT", `the question is too long for the ${limit} tokens that the model reads`);
  const pieces: Array<{ encoding: Encoding; from: number }> = [];
  for (let from = 0; ; from += room - stride) {
    const part = { ...context, ids: context.ids.slice(from, from + room), tokens: context.tokens.slice(from, from + room) };
    pieces.push({
      encoding: tokenizer.encode(question, part, { maxLength: limit, specialTokens: settings.specialTokens, cut: "second" }),
      from,
    });
    if (from + room >= context.ids.length) return pieces;
  }
}

/** Over the tokens of the context, and the one that stands for no answer; 0 for all others. */
function probabilities({ tokenizer }: Loaded, { ids, texts }: Encoding, logits: RowOutput, shift: number): Float64Array {
  const isUsable = texts.map((text) => text === 1);
  const value = (index: number): number => logits.values[index + shift] ?? 0;
  let most = Number.NEGATIVE_INFINITY;
  ids.forEach((id, index) => {
    if (isUsable[index] === true || id === tokenizer.clsId) most = Math.max(most, value(index));
  });
  let sum = 0;
  const raised = Float64Array.from(ids, (id, index) => {
    const each = isUsable[index] === true || id === tokenizer.clsId ? Math.exp(value(index) - most) : 0;
    sum += each;
    return isUsable[index] === true ? each : 0;
  });
  return raised.map((each) => each / sum);
}

function spansOf(start: Float64Array, end: Float64Array, longest: number): Array<{ score: number; first: number; last: number }> {
  const spans: Array<{ score: number; first: number; last: number }> = [];
  for (let first = 0; first < start.length; first++) {
    for (let last = first; last < Math.min(end.length, first + longest); last++) {
      const score = (start[first] as number) * (end[last] as number);
      if (score > 0) spans.push({ score, first, last });
    }
  }
  return spans.sort((left, right) => right.score - left.score).slice(0, MOST_SPANS);
}

/** The word that a token is a part of; the token alone where it is in none. */
function wordAround(words: readonly Span[], [start, end]: Span): Span {
  return words.find(([from, to]) => from <= start && start < to) ?? [start, end];
}
