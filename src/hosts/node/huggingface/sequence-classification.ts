import type { JsonValue } from "../../../core/inference.ts";
import { softmax } from "./floats.ts";
import type { Loaded, TaskMethod } from "./loaded.ts";
import { labelsOf } from "./loaded.ts";
import { oneOf, parametersOf, whole } from "./parameters.ts";
import { classScores, scoreOutputs } from "./scores.ts";
import { encode, SAMPLES, TEXT, TEXT_PAIR, textRows } from "./texts.ts";

type Activation = "softmax" | "sigmoid" | "none";

/** The class of a text, or of a pair of texts. */
export function sequenceClassification(loaded: Loaded): Record<string, TaskMethod> {
  const { graph, settings, config } = loaded;
  const output = graph.output("logits");
  const inputs = [TEXT, TEXT_PAIR];
  const count = Object.keys((config.id2label ?? { 0: "", 1: "" }) as object).length;
  const logitsOf = async (call: Parameters<TaskMethod["run"]>[0]): Promise<Float32Array[]> => {
    const rows = textRows(call).map((row) => encode(loaded, row));
    return (await graph.run(rows, [output])).map(([logits]) => logits?.values ?? new Float32Array());
  };
  return {
    predict: {
      inputs,
      outputs: scoreOutputs(settings.scores, count),
      isRowWise: true,
      samples: SAMPLES,
      async run(call) {
        parametersOf(call.parameters, {});
        return classScores(await logitsOf(call), settings.scores);
      },
    },
    pipeline: {
      inputs,
      outputs: [],
      async run(call) {
        const options = parametersOf(call.parameters, { top_k: whole(1), function_to_apply: oneOf("softmax", "sigmoid", "none") });
        const rows = await logitsOf(call);
        const labels = labelsOf(loaded, rows[0]?.length ?? 0);
        const value = rows.map((logits): JsonValue => {
          const scores = activate(logits, options.function_to_apply ?? usual(config.problem_type, labels.length));
          const sorted = labels
            .map((label, index) => ({ label, score: scores[index] ?? 0 }))
            .sort((left, right) => right.score - left.score);
          return options.top_k === undefined ? (sorted[0] ?? null) : sorted.slice(0, options.top_k);
        });
        return { kind: "json", value };
      },
    },
  };
}

/** As transformers' pipeline chooses it. */
function usual(problem: JsonValue | undefined, labels: number): Activation {
  if (problem === "regression") return "none";
  return problem === "multi_label_classification" || labels === 1 ? "sigmoid" : "softmax";
}

function activate(logits: Float32Array, activation: Activation): ArrayLike<number> {
  if (activation === "softmax") return softmax(logits);
  return activation === "none" ? logits : Float64Array.from(logits, (value) => 1 / (1 + Math.exp(-value)));
}
