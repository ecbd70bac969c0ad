import { ServeError } from "../../core/errors.ts";
import type { ConfiguredInput, ConfiguredOutput, ModelConfiguration, SequenceControl } from "../../core/model-configuration.ts";
import type { Signature, TensorSpec } from "../../core/signature.ts";
import type { Datatype } from "../../core/tensor.ts";

/**
 * Checks a completed configuration against the graph, with the texts of Triton's onnxruntime backend (ModelInstanceState::Validate… and
 * CompareDimsSupported in its sources), which tools match.
 * @throws ServeError INVALID_ARGUMENT for the first thing that does not fit
 */
export function checkAgainstGraph(configuration: ModelConfiguration, graph: Signature, model: string): void {
  const { inputs, outputs, sequenceBatching, maxBatchSize = 0 } = configuration;
  const controls = sequenceBatching?.controls ?? [];
  const states = sequenceBatching?.states ?? [];
  const graphInputs = byName(graph.inputs);
  const graphOutputs = byName(graph.outputs);
  for (const control of controls) checkControl(control, graphInputs, maxBatchSize, model);
  const expected = inputs.filter(({ optional }) => !optional).length + controls.length + states.length;
  if (expected !== graph.inputs.length) {
    throw refusal(model, `configuration expects ${expected} inputs, model provides ${graph.inputs.length}`);
  }
  for (const input of inputs) checkInput(input, graphInputs, maxBatchSize, model);
  for (const output of outputs) checkTensor("output", output, found("output", output.name, graphOutputs), maxBatchSize, model);
  for (const { inputName, outputName, datatype, dims } of states) {
    const state = { datatype, dims, reshape: undefined };
    checkTensor("input", { ...state, name: inputName }, found("input", inputName, graphInputs), maxBatchSize, model);
    checkTensor("output", { ...state, name: outputName }, found("output", outputName, graphOutputs), maxBatchSize, model);
  }
}

type Specs = ReadonlyMap<string, TensorSpec>;
type Side = "input" | "output";

function byName(specs: readonly TensorSpec[]): Specs {
  return new Map(specs.map((spec) => [spec.name, spec]));
}

function found(side: Side, name: string, specs: Specs, hint = ""): TensorSpec {
  const spec = specs.get(name);
  if (spec !== undefined) return spec;
  const allowed = [...specs.keys()].sort().join(", ");
  throw new ServeError("INVALID_ARGUMENT", `unexpected inference ${side} '${name}', allowed ${side}s are: ${allowed}${hint}`);
}

function checkInput(input: ConfiguredInput, specs: Specs, maxBatchSize: number, model: string): void {
  const { name, optional } = input;
  if (optional && maxBatchSize > 0) throw refusal(model, `optional input '${name}' is not supported for models that support batching`);
  const hint = optional ? ". A value that the graph has for an input cannot be replaced by a request here" : "";
  checkTensor("input", input, found("input", name, specs, hint), maxBatchSize, model);
}

/** A control has one element for each row. */
function checkControl({ name, datatype }: SequenceControl, specs: Specs, maxBatchSize: number, model: string): void {
  const spec = specs.get(name);
  if (spec === undefined) {
    throw new ServeError("INVALID_ARGUMENT", `configuration specified sequence control '${name}', but model does not provide that input`);
  }
  const dims = spec.shape.slice(maxBatchSize > 0 ? 1 : 0);
  if (dims.length !== 1 || dims[0] !== 1) {
    throw refusal(model, `sequence control '${name}' in model has dims [${dims}] but dims [1] is expected`);
  }
  if (datatype !== spec.datatype) {
    const texts = [typeName(spec.datatype), typeName(datatype)] as const;
    throw refusal(
      model,
      `sequence control '${name}', the model expects data-type ${texts[0]} but the model configuration specifies data-type ${texts[1]}`,
    );
  }
}

function checkTensor(
  side: Side,
  { name, datatype, dims, reshape }: Pick<ConfiguredOutput | ConfiguredInput, "name" | "datatype" | "dims" | "reshape">,
  spec: TensorSpec,
  maxBatchSize: number,
  model: string,
): void {
  if (datatype !== spec.datatype) {
    const provides = typeName(spec.datatype);
    throw refusal(model, `configuration expects datatype ${typeName(datatype)} for ${side} '${name}', model provides ${provides}`);
  }
  const own = reshape ?? dims;
  if (spec.shape.length === 0 && maxBatchSize === 0) {
    if (own.every((dimension) => dimension === 1)) return;
    throw refusal(
      model,
      `scalar tensor '${name}', should only provide 1 in the model configuration when the model doesn't support batching. Model configuration provided: [${own}].`,
    );
  }
  checkShape(side, name, { shape: spec.shape, dims: own, maxBatchSize }, model);
}

/** A variable dimension of a graph takes what the configuration says of an input; of an output the configuration must say the same. */
function checkShape(
  side: Side,
  name: string,
  { shape, dims, maxBatchSize }: { shape: readonly number[]; dims: readonly number[]; maxBatchSize: number },
  model: string,
): void {
  const subject = `model '${model}', tensor '${name}'`;
  if (maxBatchSize > 0 && shape[0] !== -1) {
    const rule = "for the model to support batching the shape should have at least 1 dimension and the first dimension must be -1";
    throw new ServeError("INVALID_ARGUMENT", `${subject}: ${rule}; but shape expected by the model is [${shape}]`);
  }
  const full = maxBatchSize > 0 ? [-1, ...dims] : dims;
  const fits =
    full.length === shape.length && shape.every((dimension, axis) => (side === "input" && dimension === -1) || dimension === full[axis]);
  if (fits) return;
  const specified =
    maxBatchSize > 0
      ? `(an initial batch dimension because max_batch_size > 0 followed by the explicit tensor shape, making complete shape [${full}])`
      : `(shape [${full}])`;
  throw new ServeError(
    "INVALID_ARGUMENT",
    `${subject}: the model expects ${shape.length} dimensions (shape [${shape}]) but the model configuration specifies ${full.length} dimensions ${specified}`,
  );
}

function typeName(datatype: Datatype): string {
  return datatype === "BYTES" ? "TYPE_STRING" : `TYPE_${datatype}`;
}

function refusal(model: string, text: string): ServeError {
  return new ServeError("INVALID_ARGUMENT", `unable to load model '${model}', ${text}`);
}
