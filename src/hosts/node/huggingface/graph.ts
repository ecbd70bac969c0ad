import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { messageOf, ServeError } from "../../../core/errors.ts";
import { openSession, type SessionSettings } from "../../../onnx/index.ts";
import { floatsOf } from "./floats.ts";
import type { Encoding } from "./tokenizer.ts";

/** What one row's tokens gave: [tokens, width] in row-major order; tokens is 1 for outputs without that dimension. */
export interface RowOutput {
  readonly values: Float32Array;
  readonly tokens: number;
  readonly width: number;
}

export interface Padding {
  readonly id: number;
  readonly type: number;
  readonly isLeft: boolean;
}

/** Rows whose length is below this share of the longest run apart: padding costs as much as tokens do. */
const LEAST_FILLED = 0.7;
const INTEGERS: readonly string[] = ["int64", "int32"];

/** The graph of an exported model, run on rows of tokens. */
export class TextGraph {
  readonly session: InferenceSession;
  readonly warnings: readonly string[];
  readonly #padding: Padding;
  readonly #inputs: ReadonlyArray<{ readonly name: string; readonly isWide: boolean }>;

  private constructor(session: InferenceSession, warnings: readonly string[], padding: Padding) {
    this.session = session;
    this.warnings = warnings;
    this.#padding = padding;
    this.#inputs = session.inputMetadata.map((input) => {
      const known = ["input_ids", "attention_mask", "token_type_ids", "position_ids"];
      if (!input.isTensor || !known.includes(input.name) || !INTEGERS.includes(input.type)) {
        const hint = `a graph for text takes ${known.join(", ")}, whole numbers`;
        throw new ServeError("INVALID_ARGUMENT", `the graph has an input '${input.name}' that no text gives; ${hint}`);
      }
      return { name: input.name, isWide: input.type === "int64" };
    });
    if (!session.inputNames.includes("input_ids")) throw new ServeError("INVALID_ARGUMENT", "the graph has no input 'input_ids'");
  }

  /** @throws ServeError as openSession, and INVALID_ARGUMENT for a graph that is not one for text */
  static async open(file: string, settings: SessionSettings, padding: Padding): Promise<TextGraph> {
    const { session, warnings } = await openSession(file, settings);
    return new TextGraph(session, warnings, padding);
  }

  get inputNames(): readonly string[] {
    return this.session.inputNames;
  }

  /** The first of some outputs that the graph has. @throws ServeError INVALID_ARGUMENT when it has none of them */
  output(...names: readonly string[]): string {
    const name = names.find((each) => this.session.outputNames.includes(each));
    if (name !== undefined) return name;
    const has = this.session.outputNames.join(", ");
    throw new ServeError("INVALID_ARGUMENT", `the graph has no output ${names.join(" or ")}; it has ${has}: is the task another one?`);
  }

  /**
   * Outputs by name for each row. Rows of about the same length run together, padded to the longest of them; with `together` all do,
   * where what the model says of padding is a part of the answer.
   */
  async run(rows: readonly Encoding[], outputs: readonly string[], together = false): Promise<ReadonlyArray<readonly RowOutput[]>> {
    const answers: RowOutput[][] = rows.map(() => []);
    for (const group of together ? [rows.map((_, index) => index)] : groupsOf(rows)) {
      const results = await this.#call(
        group.map((index) => rows[index] as Encoding),
        outputs,
      );
      for (const tensor of results) {
        const { values, tokens, width } = await floatsOf(tensor, group.length);
        group.forEach((index, place) => {
          const size = tokens * width;
          answers[index]?.push({ values: values.subarray(place * size, (place + 1) * size), tokens, width });
        });
      }
    }
    return answers;
  }

  async #call(rows: readonly Encoding[], outputs: readonly string[]): Promise<OrtTensor[]> {
    const { Tensor } = await import("onnxruntime-node");
    const longest = Math.max(1, ...rows.map(({ ids }) => ids.length));
    const feeds: Record<string, OrtTensor> = {};
    for (const { name, isWide } of this.#inputs) {
      const values = isWide ? new BigInt64Array(rows.length * longest) : new Int32Array(rows.length * longest);
      const fill = name === "input_ids" ? this.#padding.id : name === "token_type_ids" ? this.#padding.type : 0;
      if (fill !== 0) values.fill((isWide ? BigInt(fill) : fill) as never);
      rows.forEach(({ ids, types }, row) => {
        const start = row * longest + (this.#padding.isLeft ? longest - ids.length : 0);
        for (let place = 0; place < ids.length; place++) {
          const value =
            name === "input_ids" ? ids[place] : name === "token_type_ids" ? types[place] : name === "attention_mask" ? 1 : place;
          values[start + place] = (isWide ? BigInt(value ?? 0) : value) as never;
        }
      });
      feeds[name] = new Tensor(isWide ? "int64" : "int32", values as never, [rows.length, longest]);
    }
    try {
      const results = await this.session.run(feeds, [...outputs]);
      return outputs.map((name) => results[name] as OrtTensor);
    } catch (error) {
      throw new ServeError("INVALID_ARGUMENT", `the model refused the input: ${messageOf(error)}`);
    }
  }
}

function groupsOf(rows: readonly Encoding[]): number[][] {
  const order = rows.map((_, index) => index).sort((left, right) => lengthOf(rows, right) - lengthOf(rows, left));
  const groups: number[][] = [];
  let longest = 0;
  for (const index of order) {
    const length = lengthOf(rows, index);
    if (groups.length === 0 || length < LEAST_FILLED * longest) {
      groups.push([]);
      longest = length;
    }
    groups.at(-1)?.push(index);
  }
  return groups;
}

function lengthOf(rows: readonly Encoding[], index: number): number {
  return rows[index]?.ids.length ?? 0;
}
