import type { ConfiguredInput, ConfiguredOutput, ModelConfiguration } from "../../core/model-configuration.ts";
import type { Signature, TensorSpec } from "../../core/signature.ts";

type Labels = ReadonlyMap<string, readonly string[]>;

/**
 * What clients see of a method: the tensors of its (completed) configuration, with rows in front of their dims where there are any.
 * `model` is the method as the model itself has it, perhaps with sequences around it.
 * @param declared the configuration says that the first dimension is rows; otherwise the model must have shown it, or said it itself
 */
export function configuredSignature(
  model: Signature,
  configuration: Pick<ModelConfiguration, "inputs" | "outputs" | "maxBatchSize">,
  labels: Labels,
  declared: boolean,
): Signature {
  const { inputs, outputs, maxBatchSize = 0 } = configuration;
  const hasRows = maxBatchSize > 0;
  const { columns: _columns, convertsNumbers: _converts, maxRows: _maxRows, ...kept } = model;
  return {
    ...kept,
    accepts: "tensors",
    inputs: inputs.map((input) => inputSpec(input, hasRows)),
    outputs: outputs.map((output) => outputSpec(output, hasRows, labels.get(output.name) ?? labelsOf(model, output.name))),
    batchable: hasRows && (declared || model.batchable === true),
    ...(hasRows ? { maxRows: maxBatchSize } : {}),
  };
}

function inputSpec({ name, datatype, dims, optional, ragged }: ConfiguredInput, hasRows: boolean): TensorSpec {
  return { name, datatype, shape: hasRows ? [-1, ...dims] : dims, ...(optional ? { optional } : {}), ...(ragged ? { ragged } : {}) };
}

function outputSpec({ name, datatype, dims }: ConfiguredOutput, hasRows: boolean, labels: readonly string[] | undefined): TensorSpec {
  return { name, datatype, shape: hasRows ? [-1, ...dims] : dims, ...(labels === undefined ? {} : { labels }) };
}

/** Of an ensemble: those of the model that answers this output. */
function labelsOf({ outputs }: Signature, wanted: string): readonly string[] | undefined {
  return outputs.find(({ name }) => name === wanted)?.labels;
}
