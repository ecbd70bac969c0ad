import type { Payload } from "../../core/inference.ts";
import type { ModelConfiguration } from "../../core/model-configuration.ts";
import type { ReplicaCall } from "../../core/replica.ts";
import type { Signature, TensorSpec } from "../../core/signature.ts";
import { type Reshape, reshaped } from "./reshape.ts";

/** What differs between the calls of clients and those of their model; undefined is nothing. */
export interface Translation {
  readonly hasRows: boolean;
  readonly inputs: ReadonlyMap<string, Reshape>;
  readonly outputs: ReadonlyMap<string, Reshape>;
  /** What a call that asks for no outputs gets, where the model has others besides. */
  readonly answered: readonly string[] | undefined;
}

/** @param model the method as the model itself has it */
export function translationOf(
  { inputs, outputs, maxBatchSize = 0 }: Pick<ModelConfiguration, "inputs" | "outputs" | "maxBatchSize">,
  model: Signature,
): Translation | undefined {
  const hasRows = maxBatchSize > 0;
  const inward = new Map(
    inputs.flatMap(({ name, dims, reshape }) => {
      const to = scalarOf(name, dims, model.inputs, hasRows) ?? reshape;
      return to === undefined ? [] : [[name, { from: dims, to }] as const];
    }),
  );
  const outward = new Map(
    outputs.flatMap(({ name, dims, reshape }) => {
      const from = scalarOf(name, dims, model.outputs, hasRows) ?? reshape;
      return from === undefined ? [] : [[name, { from, to: dims }] as const];
    }),
  );
  const names = outputs.map(({ name }) => name);
  const hasOthers = names.length > 0 && model.outputs.some(({ name }) => !names.includes(name));
  if (inward.size === 0 && outward.size === 0 && !hasOthers) return undefined;
  return { hasRows, inputs: inward, outputs: outward, answered: hasOthers ? names : undefined };
}

/** A configuration cannot have a tensor without dimensions, so one of a single element stands for a model's scalar. */
function scalarOf(name: string, dims: readonly number[], specs: readonly TensorSpec[], hasRows: boolean): readonly number[] | undefined {
  const spec = specs.find((each) => each.name === name);
  return !hasRows && spec?.shape.length === 0 && dims.length > 0 ? [] : undefined;
}

/** A client's call as the model takes it. */
export function toModel(call: ReplicaCall, { hasRows, inputs, answered }: Translation): ReplicaCall {
  const payload = withShapes(call.payload, inputs, hasRows);
  return { ...call, payload, ...(call.outputs === undefined && answered !== undefined ? { outputs: answered } : {}) };
}

/** The model's answer as its clients see it. @throws ServeError INTERNAL for an output that has another shape than its reshape says */
export function toClient(payload: Payload, { hasRows, outputs }: Translation): Payload {
  return withShapes(payload, outputs, hasRows);
}

function withShapes(payload: Payload, shapes: ReadonlyMap<string, Reshape>, hasRows: boolean): Payload {
  if (payload.kind !== "tensors" || shapes.size === 0) return payload;
  const tensors = payload.tensors.map((tensor) => {
    const reshape = shapes.get(tensor.name);
    return reshape === undefined ? tensor : reshaped(tensor, reshape, hasRows);
  });
  return { ...payload, tensors };
}
