import {
  BatchInput_KindSchema,
  BatchOutput_KindSchema,
  DataType,
  type ModelConfig,
  type ModelInput,
  ModelInput_Format,
  type ModelOutput,
} from "../../grpc-messages/index.ts";
import { refusal } from "../refusal.ts";

const TENSORRT = "tensorrt_plan";
const VARIABLE = -1n;
/** Dimensions of a tensor, as in numpy. */
const MOST_DIMENSIONS = 64;
const DIMENSION_RULE = "must be integer >= 1, or -1 to indicate a variable-size dimension";

/**
 * Checks inputs and outputs, what batches add to them, and that no two have one name.
 * @param complete false while the model may still say what a tensor does not
 * @throws ServeError INVALID_ARGUMENT
 */
export function checkTensors(config: ModelConfig, complete: boolean): void {
  for (const [kind, tensors] of [
    ["input", config.input],
    ["output", config.output],
  ] as const) {
    const names = new Set<string>();
    for (const tensor of tensors) {
      const problem = tensorProblem(tensor, `model ${kind} `, config, complete) ?? twice(names, tensor.name, kind);
      if (problem !== undefined) throw refusal(`${problem} for ${config.name}`);
    }
  }
  const problem = batchProblem(config);
  if (problem !== undefined) throw refusal(`${problem} for ${config.name}`);
}

function twice(names: Set<string>, name: string, kind: string): string | undefined {
  if (names.has(name)) return `model ${kind} '${name}' is specified more than once`;
  names.add(name);
  return undefined;
}

function tensorProblem(
  tensor: ModelInput | ModelOutput,
  prefix: string,
  { maxBatchSize, platform }: ModelConfig,
  complete: boolean,
): string | undefined {
  if (tensor.name === "") return `${prefix}must specify 'name'`;
  const named = `${prefix}'${tensor.name}' `;
  if (complete && tensor.dataType === DataType.TYPE_INVALID) return `${named}must specify 'data_type'`;
  if (complete && tensor.dims.length === 0) return `${named}must specify 'dims'`;
  // While the model may still say that it has rows, nothing is known of scalars.
  if (complete && tensor.reshape?.shape.length === 0 && maxBatchSize === 0) {
    return `${named}cannot have empty reshape for non-batching model as scalar tensors are not supported`;
  }
  const rank = Math.max(tensor.dims.length, tensor.reshape?.shape.length ?? 0);
  if (rank > MOST_DIMENSIONS) return `${named}has ${rank} dimensions, and may have ${MOST_DIMENSIONS}`;
  if (!tensor.dims.every(isDimension)) return `${named}dimension ${DIMENSION_RULE}`;
  if (tensor.reshape !== undefined) {
    if (!tensor.reshape.shape.every(isDimension)) return `${named}reshape dimensions ${DIMENSION_RULE}`;
    if (tensor.dims.length > 0) {
      const problem = reshapeProblem(tensor.dims, tensor.reshape.shape);
      if (problem !== undefined) return `${named}${problem}`;
    }
  }
  if ("format" in tensor && tensor.format !== ModelInput_Format.NONE && tensor.dims.length !== 3 && (complete || tensor.dims.length > 0)) {
    return "model input NHWC/NCHW require 3 dims";
  }
  if (platform === TENSORRT) {
    if (tensor.isNonLinearFormatIo && tensor.dims.length !== 3) return `Non-linear IO format ${prefix.slice(6)}requires 3 dims`;
    return undefined;
  }
  if (tensor.isShapeTensor) return "shape tensors are only supported for TensorRT platform";
  if (tensor.isNonLinearFormatIo) return "Non-linear IO format is only supported for the TensorRT platform";
  return undefined;
}

function isDimension(dimension: bigint): boolean {
  return dimension === VARIABLE || (dimension >= 1n && dimension <= BigInt(Number.MAX_SAFE_INTEGER));
}

/** Between variable dimensions, and before the first and behind the last, both must have the same number of elements. */
function reshapeProblem(dims: readonly bigint[], shape: readonly bigint[]): string | undefined {
  const before = elementsBetweenVariables(dims);
  const after = elementsBetweenVariables(shape);
  const isVariable = before.length > 1;
  if (isVariable && after.length > 1 && before.length !== after.length) {
    return "has different number of variable-size dimensions for dims and reshape";
  }
  if (before.length !== after.length || before.some((count, index) => count !== after[index])) {
    return "has different size for dims and reshape";
  }
  return undefined;
}

function elementsBetweenVariables(dims: readonly bigint[]): readonly bigint[] {
  const counts = [1n];
  for (const dimension of dims) {
    if (dimension === VARIABLE) counts.push(1n);
    else counts[counts.length - 1] = (counts.at(-1) as bigint) * dimension;
  }
  return counts;
}

function batchProblem({ input, output, batchInput, batchOutput }: ModelConfig): string | undefined {
  const inputs = new Set(input.map(({ name }) => name));
  const outputs = new Set(output.map(({ name }) => name));
  for (const { kind, dataType, sourceInput } of batchInput) {
    const name = BatchInput_KindSchema.values.find(({ number }) => number === kind)?.name ?? String(kind);
    if (sourceInput.length !== 1) return `batch input kind '${name}' expects 1 source input, got ${sourceInput.length}`;
    if (dataType !== DataType.TYPE_INT32 && dataType !== DataType.TYPE_FP32) {
      return "batch input data type must be TYPE_INT32 or TYPE_FP32";
    }
    const unknown = sourceInput.find((source) => !inputs.has(source));
    if (unknown !== undefined) return `unknown source input name '${unknown}'`;
  }
  for (const { kind, targetName, sourceInput } of batchOutput) {
    const name = BatchOutput_KindSchema.values.find(({ number }) => number === kind)?.name ?? String(kind);
    if (sourceInput.length !== 1) return `batch output kind '${name}' expects 1 source input, got ${sourceInput.length}`;
    const unknown = sourceInput.find((source) => !inputs.has(source));
    if (unknown !== undefined) return `unknown source input name '${unknown}'`;
    const targets = new Set<string>();
    for (const target of targetName) {
      if (!outputs.has(target)) return `unknown target output name '${target}'`;
      if (targets.has(target)) return `target output name '${target}' can only be specified once`;
      targets.add(target);
    }
  }
  return undefined;
}
