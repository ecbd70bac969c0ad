import { ServeError } from "../../../core/errors.ts";
import type { JsonValue } from "../../../core/inference.ts";
import { softmax } from "./floats.ts";
import type { Loaded, TaskMethod } from "./loaded.ts";
import { labelsOf } from "./loaded.ts";
import { names, parametersOf, toggle } from "./parameters.ts";
import { rowsOf, textOf } from "./rows.ts";
import { encode, SAMPLES, TEXT } from "./texts.ts";

const LABELS = "candidate_labels";
const TEMPLATE = "This example is {}.";

/** How well labels fit a text, by a model that tells entailment. */
export function zeroShotClassification(loaded: Loaded): Record<string, TaskMethod> {
  const { graph } = loaded;
  const output = graph.output("logits");
  const method: TaskMethod = {
    inputs: [TEXT],
    outputs: [],
    samples: [{ text: SAMPLES[0], candidate_labels: ["one", "two"] }],
    async run({ payload, parameters }) {
      const rows = rowsOf(payload, ["text", LABELS], [LABELS]);
      const options = parametersOf(parameters, { candidate_labels: names, hypothesis_template: template, multi_label: toggle });
      const asked = rows.map((row, index) => ({
        text: textOf(row, "text", index),
        labels: labelsIn(row[LABELS] ?? options.candidate_labels, index),
      }));
      const pairs = asked.flatMap(({ text, labels }) =>
        labels.map((label) => ({ text, pair: (options.hypothesis_template ?? TEMPLATE).replace("{}", () => label) })),
      );
      const logits = await graph.run(
        pairs.map((pair) => encode(loaded, pair, "first")),
        [output],
      );
      let next = 0;
      const value = asked.map(({ text, labels }): JsonValue => {
        const own = logits.slice(next, next + labels.length).map(([row]) => row?.values ?? new Float32Array());
        next += labels.length;
        const scores = fitting(loaded, own, options.multi_label === true);
        const sorted = labels.map((label, index) => ({ label, score: scores[index] ?? 0 })).sort((left, right) => right.score - left.score);
        return { sequence: text, labels: sorted.map(({ label }) => label), scores: sorted.map(({ score }) => score) };
      });
      return { kind: "json", value };
    },
  };
  const { samples: _samples, ...untried } = method;
  return { predict: method, pipeline: untried };
}

/** Each label against its own contradiction, or all labels against each other. */
function fitting(loaded: Loaded, rows: readonly Float32Array[], isMultiLabel: boolean): number[] {
  const count = rows[0]?.length ?? 0;
  const entailment = labelsOf(loaded, count).findIndex((label) => label.toLowerCase().startsWith("entail"));
  const yes = entailment < 0 ? count - 1 : entailment;
  const no = yes === 0 ? count - 1 : 0;
  const at = (row: Float32Array, index: number): number => row[index] ?? 0;
  if (isMultiLabel || rows.length === 1) return rows.map((row) => softmax([at(row, no), at(row, yes)])[1] ?? 0);
  return Array.from(softmax(rows.map((row) => at(row, yes))));
}

function labelsIn(value: unknown, index: number): readonly string[] {
  if (value === undefined || value === null)
    throw new ServeError("INVALID_ARGUMENT", `instance ${index} has no ${LABELS}: give them in each instance, or as a parameter`);
  try {
    return names(value);
  } catch (error) {
    throw new ServeError("INVALID_ARGUMENT", `instance ${index}: ${LABELS}: ${(error as Error).message}`);
  }
}

function template(value: unknown): string {
  if (typeof value !== "string" || !value.includes("{}")) throw new Error("expected a text with {} where the label goes");
  return value;
}
