import { ServeError } from "../../../core/errors.ts";
import type { Parameters } from "../../../core/inference.ts";
import { DATATYPE_SIZES, type Datatype, elementCount, isDatatype, type Tensor } from "../../../core/tensor.ts";
import { readBinary } from "../../../encodings/index.ts";
import { type InferMessage, parsed, readContents, type TensorMessage } from "../../../grpc-messages/index.ts";
import { unexpected } from "../../shared/index.ts";
import { classesOf } from "../extensions/classification.ts";
import type { PlacedInput, PlacedOutputs } from "../extensions/request-regions.ts";
import { regionUse } from "../rest/decode.ts";

export interface DecodedMessage {
  readonly tensors: readonly Tensor[];
  /** Inputs that are in shared memory of the client, and where outputs are to be written; undefined when there are none. */
  readonly placed: { readonly inputs: readonly PlacedInput[]; readonly outputs: PlacedOutputs } | undefined;
  /** Names of the outputs wanted; undefined when the client named none. */
  readonly outputs: readonly string[] | undefined;
  /** Outputs of which so many largest elements are wanted as text; undefined when there are none. */
  readonly classes: ReadonlyMap<string, number> | undefined;
  /** The request's own, without those that a stream uses up; undefined when there are none. */
  readonly parameters: Parameters | undefined;
  /** The tensors came as raw contents. */
  readonly raw: boolean;
  /** A stream is to tell when a request has been answered, even if with nothing more. */
  readonly emptyFinal: boolean;
}

/** Characters of a tensor's name. */
const MAX_NAME = 1024;
/** Product of the dimensions of an empty tensor besides the empty ones: no byte of the request stands for them. */
const MAX_EMPTY = 2 ** 24;
const EMPTY_FINAL = "triton_enable_empty_final_response";

/** @throws ServeError INVALID_ARGUMENT naming the input, what was expected and what came */
export function decodeMessage(message: InferMessage): DecodedMessage {
  const { modelName, inputs, raw } = message;
  const placedInputs: PlacedInput[] = [];
  let taken = 0;
  const tensors = inputs.map((input, index): Tensor => {
    const { name, contents, parameters } = input;
    const hasContents = contents !== undefined && contents.byteLength > 0;
    if (raw.length > 0 && hasContents) {
      throw new ServeError(
        "INVALID_ARGUMENT",
        `contents field must not be specified when using raw_input_contents for '${name}' for model '${modelName}'`,
      );
    }
    const { datatype, shape, count } = headOf(input, index);
    const use = regionUse(parameters, `inputs[${index}].parameters`);
    if (use === undefined) {
      if (raw.length === 0) return parsed("InferTensorContents", () => readContents(name, datatype, shape, count, contents ?? NOTHING));
      const bytes = raw[taken++];
      if (bytes === undefined) throw wrongRaw(message);
      return readBinary(name, datatype, shape, bytes, modelName);
    }
    if (hasContents) {
      throw new ServeError("INVALID_ARGUMENT", `unexpected 'contents' for input '${name}', which is in the region '${use.region}'`);
    }
    placedInputs.push({ index, name, datatype, shape, use });
    return datatype === "BYTES" ? { name, datatype, shape, data: [] } : { name, datatype, shape, data: NOTHING };
  });
  if (taken < raw.length) throw wrongRaw(message);
  const { [EMPTY_FINAL]: emptyFinal, ...parameters } = message.parameters;
  const { outputs, placedOutputs, classes } = readOutputs(message);
  const isPlaced = placedInputs.length > 0 || Object.keys(placedOutputs).length > 0;
  return {
    tensors,
    placed: isPlaced ? { inputs: placedInputs, outputs: placedOutputs } : undefined,
    outputs,
    classes,
    parameters: Object.keys(parameters).length === 0 ? undefined : parameters,
    raw: raw.length > 0 || placedInputs.length > 0,
    emptyFinal: emptyFinal === true,
  };
}

function wrongRaw({ inputs, raw, modelName }: InferMessage): ServeError {
  const text = `got ${raw.length} raw_input_contents for ${inputs.length} inputs of the request for model '${modelName}'`;
  return new ServeError("INVALID_ARGUMENT", `${text}; expected one for each that is not in shared memory`);
}

function headOf({ name, datatype, shape }: TensorMessage, index: number): { datatype: Datatype; shape: readonly number[]; count: number } {
  if (name.length > MAX_NAME) throw unexpected(`inputs[${index}].name`, `a string of at most ${MAX_NAME} characters`, name);
  if (!isDatatype(datatype)) throw unexpected(`inputs[${index}].datatype`, `one of ${Object.keys(DATATYPE_SIZES).join(", ")}`, datatype);
  return { datatype, shape, count: countOf(shape, `inputs[${index}].shape`) };
}

const NOTHING = new Uint8Array(0);

function countOf(shape: readonly number[], path: string): number {
  let beside = 1;
  for (const dimension of shape) {
    if (dimension < 0) throw unexpected(path, "whole numbers that are not negative", dimension);
    beside *= dimension === 0 ? 1 : dimension;
  }
  const count = elementCount(shape);
  if (!Number.isSafeInteger(count) || (count === 0 && beside > MAX_EMPTY))
    throw new ServeError("INVALID_ARGUMENT", `${path}: the product of [${shape.join(",")}] is too large`);
  return count;
}

function readOutputs({ outputs }: InferMessage): Pick<DecodedMessage, "outputs" | "classes"> & { placedOutputs: PlacedOutputs } {
  if (outputs.length === 0) return { outputs: undefined, classes: undefined, placedOutputs: {} };
  const names = new Set<string>();
  const classes = new Map<string, number>();
  const placed = new Map<string, PlacedOutputs[string]>();
  for (const [index, { name, parameters }] of outputs.entries()) {
    if (name.length > MAX_NAME) throw unexpected(`outputs[${index}].name`, `a string of at most ${MAX_NAME} characters`, name);
    if (names.has(name)) throw new ServeError("INVALID_ARGUMENT", `output '${name}' already exists in request`);
    names.add(name);
    const count = classesOf(parameters.classification, name);
    if (count > 0) classes.set(name, count);
    const use = regionUse(parameters, `outputs[${index}].parameters`);
    if (use !== undefined) placed.set(name, use);
  }
  return { outputs: [...names], classes: classes.size === 0 ? undefined : classes, placedOutputs: Object.fromEntries(placed) };
}
