import type { JsonObject, Payload } from "../../../core/inference.ts";
import type { SizingDeclarations, TensorSpec } from "../../../core/signature.ts";
import type { ModelCall } from "../hosted-model.ts";
import type { TextGraph } from "./graph.ts";
import type { HuggingFaceSettings } from "./settings.ts";
import type { TextTask } from "./task.ts";
import type { TextTokenizer } from "./tokenizer.ts";

/** What was read of a folder for a task on text. */
export interface Loaded {
  readonly task: TextTask;
  readonly directory: string;
  readonly config: JsonObject;
  readonly settings: HuggingFaceSettings;
  readonly tokenizer: TextTokenizer;
  readonly graph: TextGraph;
  /** In tokens, those around the texts included. */
  readonly maxLength: number;
}

/** A method as its task makes it. */
export interface TaskMethod {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly run: (call: ModelCall) => Promise<Payload>;
  /** V1 rows that it must answer at the warm-up; two that differ where rows do not depend on each other. */
  readonly samples?: readonly JsonObject[string][];
  /** Rows do not depend on each other, so the warm-up may prove that requests can share a call. */
  readonly isRowWise?: boolean;
  /** Of a method that takes the graph's own tensors. */
  readonly tensors?: { readonly batchable: boolean; readonly sizing?: SizingDeclarations };
}

/** The names of the classes, by index, as config.json has them. */
export function labelsOf({ config }: Pick<Loaded, "config">, count: number): readonly string[] {
  const given = config.id2label;
  const named = typeof given === "object" && given !== null && !Array.isArray(given) ? given : {};
  return Array.from({ length: count }, (_, index) => String(named[String(index)] ?? `LABEL_${index}`));
}
