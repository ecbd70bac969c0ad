import { ServeError } from "../../core/errors.ts";
import type { Target } from "../../core/inference.ts";
import type { EnsembleStep, ModelConfiguration } from "../../core/model-configuration.ts";
import { defaultMethodOf, type ModelDescription } from "../../core/replica.ts";
import type { Signature, TensorSpec } from "../../core/signature.ts";
import { checkFlow } from "./check-flow.ts";
import type { DescribedStep, EnsembleIdentity, EnsemblePlan, PlannedInput, PlannedOutput, PlannedStep, StepOutput } from "./plan.ts";
import { type TensorNode, TensorNodes } from "./tensor-nodes.ts";

/**
 * Checks an ensemble against the models that are loaded for its steps, in their order, as ValidateEnsembleConfig of Triton's
 * ensemble_utils.cc does.
 * @throws ServeError INVALID_ARGUMENT that says which tensor of which step does not fit
 */
export function planEnsemble({ namespace, name, configuration }: EnsembleIdentity, described: readonly DescribedStep[]): EnsemblePlan {
  const hasRows = (configuration.maxBatchSize ?? 0) > 0;
  const tensors = new TensorNodes(name);
  const own = { model: name, hasRows };
  for (const { name: tensor, datatype, dims, reshape = dims } of [...configuration.inputs, ...configuration.outputs])
    tensors.add(tensor, { ...own, datatype, dims: reshape });
  const parts = described.map((each, index) =>
    planStep({ namespace, name, configuration }, each, { index, of: described.length }, tensors),
  );
  const steps = parts.map(({ step }) => step);
  checkFlow(name, steps, configuration);
  const streaming = steps.some(({ streams }) => streams);
  checkCache(name, configuration, parts);
  const outputs = configuration.outputs.map(({ name: output, dims, reshape = dims }): PlannedOutput => ({ name: output, dims: reshape }));
  return {
    name,
    steps,
    inputs: configuration.inputs.map((input) => input.name),
    outputs,
    hasRows,
    signature: signatureOf(configuration, streaming, (tensor) => labelsOf(parts, tensor)),
  };
}

interface Part {
  readonly step: PlannedStep;
  readonly signature: Signature;
}

function planStep(
  { namespace, name: ensemble, configuration: { maxBatchSize = 0 } }: EnsembleIdentity,
  { step, description }: DescribedStep,
  { index, of }: { readonly index: number; readonly of: number },
  tensors: TensorNodes,
): Part {
  const { modelName: model } = step;
  const method = defaultMethodOf(description);
  const signature = method === undefined ? undefined : description.methods[method];
  if (signature === undefined) throw new ServeError("INVALID_ARGUMENT", `in ensemble '${ensemble}', model '${model}' has no method to ask`);
  const most = mostRows(description);
  if (most !== 0 && most < maxBatchSize) {
    throw new ServeError(
      "INVALID_ARGUMENT",
      `ensemble '${ensemble}' allows maximum batch size ${maxBatchSize}, but it contains model '${model}' which only allows maximum ` +
        `batch size to be ${most}`,
    );
  }
  const hasRows = most > 0;
  const nodeOf = ({ datatype, shape }: TensorSpec): TensorNode => ({ model, datatype, dims: dimsOf(shape, hasRows), hasRows });
  const names = { ensemble, model };
  const inputs = planInputs(names, step.inputMap, signature, (tensor, spec) => tensors.add(tensor, nodeOf(spec)), hasRows);
  const outputs = planOutputs(names, step.outputMap, signature, (tensor, spec) => tensors.add(tensor, nodeOf(spec)));
  const planned: PlannedStep = {
    index,
    title: `step ${index + 1} of ${of}, model '${model}'`,
    model,
    target: targetOf(namespace, step),
    inputs,
    outputs,
    hasRows,
    streams: signature.streaming === true,
    hearsOfSequences: signature.stateful === true || signature.together === true,
    answers: signature.outputs.filter(({ optional }) => optional !== true).map((output) => output.name),
  };
  return { step: planned, signature };
}

/** What a step asks. */
export function targetOf(namespace: string, { modelName: name, modelVersion }: EnsembleStep): Target {
  return { namespace, name, ...(modelVersion === undefined ? {} : { version: modelVersion }) };
}

interface Names {
  readonly ensemble: string;
  readonly model: string;
}

function planInputs(
  { ensemble, model }: Names,
  map: Readonly<Record<string, string>>,
  signature: Signature,
  add: (tensor: string, spec: TensorSpec) => void,
  hasRows: boolean,
): PlannedInput[] {
  // What a model has no name for, or takes as it comes, is seen when it is asked.
  const isNamed = signature.accepts !== "matrix" && signature.inputs.length > 0;
  const specs = isNamed ? signature.inputs : [];
  const unmapped = specs.find(({ name, optional }) => optional !== true && !Object.hasOwn(map, name));
  if (unmapped !== undefined) {
    throw new ServeError(
      "INVALID_ARGUMENT",
      `in ensemble '${ensemble}', input '${unmapped.name}' in model '${model}' is not mapped to any ensemble tensors`,
    );
  }
  return Object.entries(map).map(([name, tensor]): PlannedInput => {
    const spec = specs.find((each) => each.name === name);
    if (spec === undefined && isNamed) {
      throw new ServeError(
        "INVALID_ARGUMENT",
        `in ensemble '${ensemble}', ensemble tensor '${tensor}' is mapping to non-existing input '${name}' in model '${model}'; ` +
          `it has ${specs.map((each) => each.name).join(", ")}`,
      );
    }
    if (spec === undefined) return { name, tensor, dims: undefined };
    if (signature.convertsNumbers !== true) add(tensor, spec);
    return { name, tensor, dims: dimsOf(spec.shape, hasRows) };
  });
}

function planOutputs(
  { ensemble, model }: Names,
  map: Readonly<Record<string, string>>,
  { outputs: specs }: Signature,
  add: (tensor: string, spec: TensorSpec) => void,
): StepOutput[] {
  return Object.entries(map).map(([name, tensor]): StepOutput => {
    const spec = specs.find((each) => each.name === name);
    if (spec === undefined && specs.length > 0) {
      throw new ServeError(
        "INVALID_ARGUMENT",
        `in ensemble '${ensemble}', ensemble tensor '${tensor}' is mapped from non-existing output '${name}' in model '${model}'; ` +
          `it has ${specs.map((each) => each.name).join(", ")}`,
      );
    }
    if (spec !== undefined) add(tensor, spec);
    return { name, tensor };
  });
}

/** What a request of a model with a dimension of rows may have at most; 0 for all other models. */
function mostRows({ configuration }: ModelDescription): number {
  const most = configuration?.max_batch_size;
  return typeof most === "number" ? most : 0;
}

function dimsOf(shape: readonly number[], hasRows: boolean): readonly number[] {
  return hasRows ? shape.slice(1) : shape;
}

/** @throws ServeError INVALID_ARGUMENT where answers cannot be kept: the ensemble has the limits of its models */
function checkCache(name: string, { responseCache }: ModelConfiguration, parts: readonly Part[]): void {
  const limiting = responseCache
    ? parts.find(({ signature: { streaming, stateful } }) => streaming === true || stateful === true)
    : undefined;
  if (limiting === undefined) return;
  const why = limiting.step.streams ? "answers with a stream" : "keeps state between requests";
  throw new ServeError(
    "INVALID_ARGUMENT",
    `ensemble '${name}' cannot have response_cache: model '${limiting.step.model}' ${why}, so equal requests have no equal answers`,
  );
}

function signatureOf(
  { maxBatchSize = 0, inputs, outputs }: ModelConfiguration,
  streaming: boolean,
  labelsOf: (tensor: string) => readonly string[] | undefined,
): Signature {
  const shapeOf = (dims: readonly number[]): readonly number[] => (maxBatchSize > 0 ? [-1, ...dims] : dims);
  return {
    accepts: "tensors",
    inputs: inputs.map(
      ({ name, datatype, dims, reshape = dims, optional }): TensorSpec => ({
        name,
        datatype,
        shape: shapeOf(reshape),
        ...(optional ? { optional } : {}),
      }),
    ),
    outputs: outputs.map(({ name, datatype, dims, reshape = dims }): TensorSpec => {
      const labels = labelsOf(name);
      return { name, datatype, shape: shapeOf(reshape), declared: true, ...(labels === undefined ? {} : { labels }) };
    }),
    ...(maxBatchSize > 0 ? { maxRows: maxBatchSize } : {}),
    ...(streaming ? { streaming } : {}),
  };
}

/** What the model says that writes a tensor. */
function labelsOf(parts: readonly Part[], tensor: string): readonly string[] | undefined {
  for (const { step, signature } of parts) {
    const written = step.outputs.find((output) => output.tensor === tensor);
    if (written !== undefined) return signature.outputs.find(({ name }) => name === written.name)?.labels;
  }
  return undefined;
}
