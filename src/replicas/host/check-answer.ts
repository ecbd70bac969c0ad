import { ServeError } from "../../core/errors.ts";
import type { Payload } from "../../core/inference.ts";
import type { ModelDescription, ReplicaCall } from "../../core/replica.ts";
import type { TensorSpec } from "../../core/signature.ts";
import type { Tensor } from "../../core/tensor.ts";

/**
 * Whether a model answered what it declares: the datatype and the shape of each output that it declares, and of a batchable method
 * one row for each row that it was given. JSON is free, and so are outputs that no code declares: files of models often say them wrong.
 * @throws ServeError INTERNAL naming the output, what was declared and what came
 */
export function checkAnswer(call: ReplicaCall, payload: Payload, description: ModelDescription): void {
  checkChunk(call, payload, description);
  if (payload.kind !== "tensors" || call.payload.kind !== "tensors") return;
  if (description.methods[call.method]?.batchable !== true) return;
  const rows = call.payload.tensors[0]?.shape[0];
  if (rows === undefined) return;
  for (const { name, shape } of payload.tensors) {
    if (shape[0] !== rows) {
      throw new ServeError(
        "INTERNAL",
        `the model answered output '${name}' with shape [${shape}] for ${rows} rows; its first dimension must be ${rows}`,
      );
    }
  }
}

/** The same of one answer of a stream, whose rows nobody counts. @throws ServeError INTERNAL */
export function checkChunk({ method }: ReplicaCall, payload: Payload, { methods }: ModelDescription): void {
  if (payload.kind !== "tensors") return;
  const specs = methods[method]?.outputs ?? [];
  for (const tensor of payload.tensors) {
    const spec = specs.find(({ name }) => name === tensor.name);
    if (spec === undefined || spec.declared !== true || (spec.datatype === tensor.datatype && fits(tensor, spec))) continue;
    throw new ServeError(
      "INTERNAL",
      `the model answered output '${tensor.name}' as ${tensor.datatype} [${tensor.shape}]; it declares ${spec.datatype} [${spec.shape}]`,
    );
  }
}

function fits({ shape }: Tensor, spec: TensorSpec): boolean {
  return shape.length === spec.shape.length && spec.shape.every((dimension, axis) => dimension === -1 || dimension === shape[axis]);
}
