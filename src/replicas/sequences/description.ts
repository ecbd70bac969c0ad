import { ServeError } from "../../core/errors.ts";
import type { SequenceBatching } from "../../core/model-configuration.ts";
import type { ModelDescription } from "../../core/replica.ts";
import type { Signature, TensorSpec } from "../../core/signature.ts";

/** What the sequence replica is told of the model's configuration, completed. */
export interface SequenceConfiguration {
  readonly maxBatchSize: number;
  readonly sequenceBatching: SequenceBatching;
  /** A state that is listed here as well is shown to clients. */
  readonly outputs: ReadonlyArray<{ readonly name: string }>;
}

/**
 * The model as its clients see it: without controls and states.
 * @throws ServeError INVALID_ARGUMENT when the model has no such inputs or outputs
 */
export function describeSequences(inner: ModelDescription, configuration: SequenceConfiguration): ModelDescription {
  const { example: _, ...description } = inner;
  const example = exampleOf(inner.example, configuration.sequenceBatching);
  const methods = Object.fromEntries(
    Object.entries(inner.methods).map(([name, signature]) => [name, withoutHidden(signature, configuration)]),
  );
  return { ...description, methods, ...(example === undefined ? {} : { example }) };
}

/** A request that the model has answered, as a sequence of its own. */
function exampleOf(example: unknown, { controls, states }: SequenceBatching): unknown {
  const inputs: unknown = typeof example === "object" && example !== null && "inputs" in example ? example.inputs : undefined;
  if (!Array.isArray(inputs)) return undefined;
  const hidden = new Set<unknown>([...controls.map(({ name }) => name), ...states.map(({ inputName }) => inputName)]);
  const shown = inputs.filter(({ name }: { readonly name?: unknown }) => !hidden.has(name));
  return { parameters: { sequence_id: 1, sequence_start: true, sequence_end: true }, inputs: shown };
}

function withoutHidden(signature: Signature, { maxBatchSize, sequenceBatching, outputs }: SequenceConfiguration): Signature {
  const { controls, states } = sequenceBatching;
  if (signature.accepts !== "tensors") {
    throw new ServeError(
      "INVALID_ARGUMENT",
      `sequence_batching needs a model that takes tensors by name; this one takes ${signature.accepts}`,
    );
  }
  if (signature.streaming === true && states.length > 0) {
    throw new ServeError("INVALID_ARGUMENT", "a decoupled model has no implicit states; keep them in the model and remove 'state'");
  }
  // What only its code says, a model need not have declared.
  if (signature.together !== true && signature.streaming !== true) {
    for (const { name, datatype } of controls) requireTensor("input", name, datatype, "control", signature.inputs);
    for (const { inputName, datatype } of states) requireTensor("input", inputName, datatype, "state", signature.inputs);
    for (const { outputName, datatype } of states) requireTensor("output", outputName, datatype, "state", signature.outputs);
  }
  const hiddenInputs = new Set([...controls.map(({ name }) => name), ...states.map(({ inputName }) => inputName)]);
  const shown = new Set(outputs.map(({ name }) => name));
  const hiddenOutputs = new Set(states.map(({ outputName }) => outputName).filter((name) => !shown.has(name)));
  const { sizing: _, ...rest } = signature;
  return {
    ...rest,
    inputs: signature.inputs.filter(({ name }) => !hiddenInputs.has(name)),
    outputs: signature.outputs.filter(({ name }) => !hiddenOutputs.has(name)),
    stateful: true,
    ...(signature.streaming === true ? {} : { together: true, batchable: maxBatchSize > 0 }),
    ...(maxBatchSize > 0 ? { maxRows: 1 } : {}),
  };
}

function requireTensor(
  side: "input" | "output",
  name: string,
  datatype: string,
  role: "control" | "state",
  specs: readonly TensorSpec[],
): void {
  const spec = specs.find((each) => each.name === name);
  const has = specs.map((each) => `'${each.name}'`).join(", ");
  const subject = `sequence_batching names ${side} '${name}' as a ${role}`;
  if (spec === undefined) throw new ServeError("INVALID_ARGUMENT", `${subject}, but the model's ${side}s are ${has || "none"}`);
  if (spec.datatype !== datatype) {
    throw new ServeError("INVALID_ARGUMENT", `${subject} of ${datatype}, but the model has it as ${spec.datatype}`);
  }
}
