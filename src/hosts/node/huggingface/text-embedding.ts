import { bytesOf } from "../../../core/tensor.ts";
import type { Loaded, TaskMethod } from "./loaded.ts";
import { parametersOf } from "./parameters.ts";
import { type Pooling, pooled } from "./pooling.ts";
import { encode, SAMPLES, TEXT, TEXT_PAIR, textRows } from "./texts.ts";

/** One vector for a text; and the vectors of its tokens. */
export function textEmbedding(loaded: Loaded, pooling: Pooling): Record<string, TaskMethod> {
  const { graph, tokenizer, config } = loaded;
  // A graph of sentence-transformers that pools by itself has only the last of these.
  const output = graph.output("last_hidden_state", "token_embeddings", "hidden_states", "output_0", "sentence_embedding");
  const isPooled = output === "sentence_embedding";
  const inputs = [TEXT, TEXT_PAIR];
  const width = typeof config.hidden_size === "number" && pooling.modes.length === 1 ? config.hidden_size : -1;
  return {
    predict: {
      inputs,
      outputs: [{ name: "output-0", datatype: "FP32", shape: [-1, width] }],
      isRowWise: true,
      samples: SAMPLES,
      async run(call) {
        parametersOf(call.parameters, {});
        const rows = textRows(call).map((row) => encode(loaded, row));
        const states = await graph.run(rows, [output]);
        const vectors = rows.map(({ ids }, row) => {
          const [values] = states[row] ?? [];
          if (values === undefined || isPooled) return values?.values ?? new Float32Array();
          return pooled(pooling, values, ids.length, tokenizer.padsLeft);
        });
        const size = vectors[0]?.length ?? 0;
        const data = new Float32Array(vectors.length * size);
        vectors.forEach((vector, row) => {
          data.set(vector, row * size);
        });
        return { kind: "tensors", tensors: [{ name: "output-0", datatype: "FP32", shape: [vectors.length, size], data: bytesOf(data) }] };
      },
    },
    pipeline: {
      inputs,
      outputs: [],
      /** As the feature-extraction pipeline: for each text one list, of one vector for each token. */
      async run(call) {
        parametersOf(call.parameters, {});
        const rows = textRows(call).map((row) => encode(loaded, row));
        const states = await graph.run(rows, [output]);
        const value = rows.map(({ ids }, row) => {
          const [found] = states[row] ?? [];
          const { values = new Float32Array(), width: size = 0, tokens = 0 } = found ?? {};
          const start = tokenizer.padsLeft ? tokens - ids.length : 0;
          return [ids.map((_, token) => Array.from(values.subarray((start + token) * size, (start + token + 1) * size)))];
        });
        return { kind: "json", value };
      },
    },
  };
}
