import type { InferenceSession } from "onnxruntime-node";
import { ServeError } from "../../../core/errors.ts";
import type { SizingDeclarations } from "../../../core/signature.ts";
import { runSession } from "../../../onnx/index.ts";
import { specsOf } from "../onnx.ts";
import { firstDimensionIsShared } from "../onnx-warm-up.ts";
import type { Loaded, TaskMethod } from "./loaded.ts";

/**
 * The graph's own tensors, for clients that tokenise themselves. Requests of different lengths share calls where the graph takes an
 * attention mask: shorter ones are filled up with the padding token, which the mask leaves out.
 */
export function forward({ graph, tokenizer }: Loaded, isRowWise: boolean): TaskMethod {
  const { session } = graph;
  const inputs = specsOf(session.inputMetadata);
  const outputs = specsOf(session.outputMetadata);
  const batchable = isRowWise && firstDimensionIsShared([...session.inputMetadata, ...session.outputMetadata]);
  const sizing = batchable && !tokenizer.padsLeft ? sizingOf(session, tokenizer.padId, tokenizer.padType) : undefined;
  return {
    inputs,
    outputs,
    tensors: { batchable, ...(sizing === undefined ? {} : { sizing }) },
    async run({ payload, outputs: wanted }) {
      if (payload.kind !== "tensors") throw new ServeError("INTERNAL", `method 'forward' takes tensors, not ${payload.kind}`);
      return { kind: "tensors", tensors: await runSession(session, payload.tensors, wanted) };
    },
  };
}

/** Undefined for a graph that could not tell padding from tokens, or whose outputs' lengths are not known. */
function sizingOf(session: InferenceSession, padId: number, padType: number): SizingDeclarations | undefined {
  const lengthOf = (value: InferenceSession.ValueMetadata | undefined): string | undefined => {
    const dimension = value?.isTensor === true ? value.shape[1] : undefined;
    return typeof dimension === "string" && dimension !== "" ? dimension : undefined;
  };
  const length = lengthOf(session.inputMetadata.find(({ name }) => name === "input_ids"));
  const isMasked = session.inputNames.includes("attention_mask");
  const areAlike = session.inputMetadata.every((input) => lengthOf(input) === length && input.isTensor && input.shape.length === 2);
  if (length === undefined || !isMasked || !areAlike) return undefined;
  const unpad: Record<string, string> = {};
  for (const output of session.outputMetadata) {
    if (!output.isTensor || output.shape.slice(2).some((dimension) => typeof dimension !== "number")) return undefined;
    if (lengthOf(output) === length) unpad[output.name] = "input_ids";
    else if (output.shape.length > 1 && typeof output.shape[1] !== "number") return undefined;
  }
  const fills: Readonly<Record<string, number>> = { input_ids: padId, token_type_ids: padType };
  const padding = Object.fromEntries(session.inputNames.map((name) => [name, fills[name] ?? 0]));
  return { padding, cost: "input_ids", ...(Object.keys(unpad).length === 0 ? {} : { unpad }) };
}
