import type { JsonValue, Payload } from "../../../core/inference.ts";
import { largest, softmax } from "./floats.ts";
import type { RowOutput } from "./graph.ts";
import { type Loaded, labelsOf, type TaskMethod } from "./loaded.ts";
import { oneOf, parametersOf } from "./parameters.ts";
import { indices, objectOf, scoresOf } from "./scores.ts";
import { encode, SAMPLES, TEXT, type TextRow, textRows } from "./texts.ts";
import type { Span } from "./token-places.ts";
import type { Encoding } from "./tokenizer.ts";

interface Entity {
  readonly entity: string;
  readonly score: number;
  readonly index: number;
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

/** The class of each token, or of each entity. */
export function tokenClassification(loaded: Loaded): Record<string, TaskMethod> {
  const { graph, tokenizer } = loaded;
  const output = graph.output("logits");
  return {
    predict: {
      inputs: [TEXT],
      outputs: [{ name: "output-0", datatype: "INT64", shape: [-1, 1, -1] }],
      samples: SAMPLES.slice(0, 1),
      async run(call) {
        parametersOf(call.parameters, {});
        const rows = textRows(call, false);
        const encodings = rows.map((row) => encode(loaded, row));
        const logits = (await graph.run(encodings, [output], true)).map(([first]) => first as RowOutput);
        return answer(loaded, rows, encodings, logits, call.payload.kind === "tensors");
      },
    },
    pipeline: {
      inputs: [TEXT],
      outputs: [],
      async run(call) {
        const { aggregation_strategy: strategy = "none" } = parametersOf(call.parameters, {
          aggregation_strategy: oneOf("none", "simple"),
        });
        const rows = textRows(call, false);
        const encodings = rows.map((row) => encode(loaded, row));
        const logits = await graph.run(encodings, [output]);
        const value = rows.map(({ text }, row): JsonValue => {
          const entities = entitiesOf(loaded, text, encodings[row] as Encoding, logits[row]?.[0] as RowOutput);
          if (strategy === "none") return entities.filter(({ entity }) => entity !== "O").map((each) => ({ ...each }));
          const groups = grouped(entities).map((group) => ({
            entity_group: (group[0] as Entity).entity.replace(/^[^-]*-/, ""),
            score: group.reduce((sum, { score }) => sum + score, 0) / group.length,
            word: tokenizer.joined(group.map(({ word }) => word)),
            start: (group[0] as Entity).start,
            end: (group.at(-1) as Entity).end,
          }));
          return groups.filter((group) => group.entity_group !== "O");
        });
        return { kind: "json", value };
      },
    },
  };
}

/** As huggingfaceserver: [rows, 1, tokens] of indices, or a list of objects for each row; offsets [rows, tokens, 2] beside them. */
function answer(
  loaded: Loaded,
  rows: readonly TextRow[],
  encodings: readonly Encoding[],
  logits: readonly RowOutput[],
  isTensors: boolean,
): Payload {
  const { scores, returnsOffsets } = loaded.settings;
  const tokens = logits[0]?.tokens ?? 0;
  const places = returnsOffsets ? rows.flatMap(({ text }, row) => offsetsOf(loaded, text, encodings[row] as Encoding, tokens)) : [];
  const offsets = indices(places, [rows.length, tokens, 2], "offset_mapping").tensors;
  if (scores === "indices") {
    const found = logits.map((output) => eachToken(output, tokens, largest));
    if (!returnsOffsets) return indices(found.flat(), [rows.length, 1, tokens]);
    if (isTensors) return { kind: "tensors", tensors: [...indices(found.flat(), [rows.length, 1, tokens]).tensors, ...offsets] };
    return withOffsets(
      found.map((row) => [row]),
      places,
      [rows.length, tokens, 2],
    );
  }
  const value = logits.map((output) => eachToken(output, tokens, (values) => objectOf(scoresOf(values, scores))));
  return returnsOffsets ? withOffsets(value, places, [rows.length, tokens, 2]) : { kind: "json", value };
}

function withOffsets(predictions: JsonValue, data: number[], shape: number[]): Payload {
  const output = { name: "offset_mapping", datatype: "INT64", shape, data };
  return { kind: "json", value: { predictions, outputs: [output] } };
}

function eachToken<Value>({ values, width }: RowOutput, tokens: number, read: (values: Float32Array) => Value): Value[] {
  return Array.from({ length: tokens }, (_, token) => read(values.subarray(token * width, (token + 1) * width)));
}

function offsetsOf({ tokenizer }: Loaded, text: string, encoding: Encoding, tokens: number): number[] {
  const spans = tokenizer.placesOf(tokenizer.tokensOf(text));
  const own = encoding.places.flatMap((place) => (place < 0 ? [0, 0] : [...(spans[place] ?? [0, 0])]));
  const filling = new Array<number>(2 * (tokens - encoding.ids.length)).fill(0);
  return tokenizer.padsLeft ? [...filling, ...own] : [...own, ...filling];
}

function entitiesOf(loaded: Loaded, text: string, encoding: Encoding, logits: RowOutput): Entity[] {
  const { tokenizer } = loaded;
  const labels = labelsOf(loaded, logits.width);
  const tokens = tokenizer.tokensOf(text);
  const spans = tokenizer.placesOf(tokens);
  const entities: Entity[] = [];
  // Groups of rows are padded at the end or at the beginning, as the tokenizer says.
  const shift = tokenizer.padsLeft ? logits.tokens - encoding.ids.length : 0;
  encoding.places.forEach((place, index) => {
    const id = encoding.ids[index] ?? 0;
    if (place < 0 || (tokenizer.isSpecial(id) && id !== tokenizer.unknownId)) return;
    const scores = softmax(logits.values.subarray((index + shift) * logits.width, (index + shift + 1) * logits.width));
    const best = largest(scores);
    const [start, end] = (spans[place] ?? [0, 0]) as Span;
    const word = id === tokenizer.unknownId ? text.slice(start, end) : tokenizer.token(id);
    entities.push({ entity: labels[best] ?? "", score: scores[best] ?? 0, index, word, start, end });
  });
  return entities;
}

/** Neighbours of one kind, of which none but the first begins one (`B-`), as transformers' `group_entities`. */
function grouped(entities: readonly Entity[]): Entity[][] {
  const groups: Entity[][] = [];
  let last: string | undefined;
  for (const entity of entities) {
    const [, mark = "I", kind = entity.entity] = /^([BI])-(.*)$/s.exec(entity.entity) ?? [];
    const group = groups.at(-1);
    if (group !== undefined && kind === last && mark !== "B") group.push(entity);
    else groups.push([entity]);
    last = kind;
  }
  return groups;
}
