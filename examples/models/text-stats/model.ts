import { countWords } from "./words.ts";

interface Inputs {
  text: { datatype: "BYTES"; shape: number[]; data: string[] };
}

/** A custom model in TypeScript: `predict` takes tensors by name and gives outputs by name. */
export class Model {
  static inputs = { text: "BYTES[-1]" };
  static outputs = { words: "INT32[-1]", characters: "INT32[-1]" };
  static batchable = true;
  static example = { inputs: [{ name: "text", shape: [2], datatype: "BYTES", data: ["one two three", "serve any model"] }] };

  predict({ text }: Inputs) {
    return {
      words: Int32Array.from(text.data, countWords),
      characters: Int32Array.from(text.data, (line) => [...line].length),
    };
  }
}
