import { ServeError } from "../../../core/errors.ts";
import type { Parameters } from "../../../core/inference.ts";
import { DATATYPE_SIZES, elementCount, isDatatype, type Tensor } from "../../../core/tensor.ts";
import { unexpected } from "../../shared/index.ts";
import { classesOf } from "../extensions/classification.ts";
import { readBinary } from "../rest/decode-binary.ts";
import { readContents } from "./contents.ts";
import { type InferMessage, type InputMessage, parsed } from "./infer-message.ts";

export interface DecodedMessage {
  readonly tensors: readonly Tensor[];
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
  const usesRaw = raw.length > 0;
  for (const { name, contents } of inputs) {
    if (usesRaw && contents !== undefined && contents.byteLength > 0) {
      throw new ServeError(
        "INVALID_ARGUMENT",
        `contents field must not be specified when using raw_input_contents for '${name}' for model '${modelName}'`,
      );
    }
  }
  for (const [index, { name, parameters }] of inputs.entries()) refuseSharedMemory(`input '${name || index}'`, parameters);
  if (usesRaw && raw.length !== inputs.length) {
    throw new ServeError(
      "INVALID_ARGUMENT",
      `expected ${inputs.length} raw_input_contents, one for each input of the request for model '${modelName}', got ${raw.length}`,
    );
  }
  const { [EMPTY_FINAL]: emptyFinal, ...parameters } = message.parameters;
  return {
    tensors: inputs.map((input, index) => readTensor(input, index, raw[index])),
    ...readOutputs(message),
    parameters: Object.keys(parameters).length === 0 ? undefined : parameters,
    raw: usesRaw,
    emptyFinal: emptyFinal === true,
  };
}

function readTensor({ name, datatype, shape, contents }: InputMessage, index: number, raw: Uint8Array | undefined): Tensor {
  if (name.length > MAX_NAME) throw unexpected(`inputs[${index}].name`, `a string of at most ${MAX_NAME} characters`, name);
  if (!isDatatype(datatype)) throw unexpected(`inputs[${index}].datatype`, `one of ${Object.keys(DATATYPE_SIZES).join(", ")}`, datatype);
  const count = countOf(shape, `inputs[${index}].shape`);
  if (raw !== undefined) return readBinary(name, datatype, shape, raw);
  return parsed("InferTensorContents", () => readContents(name, datatype, shape, count, contents ?? NOTHING));
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

function readOutputs({ outputs }: InferMessage): Pick<DecodedMessage, "outputs" | "classes"> {
  if (outputs.length === 0) return { outputs: undefined, classes: undefined };
  const names = new Set<string>();
  const classes = new Map<string, number>();
  for (const [index, { name, parameters }] of outputs.entries()) {
    if (name.length > MAX_NAME) throw unexpected(`outputs[${index}].name`, `a string of at most ${MAX_NAME} characters`, name);
    if (names.has(name)) throw new ServeError("INVALID_ARGUMENT", `output '${name}' already exists in request`);
    refuseSharedMemory(`output '${name}'`, parameters);
    names.add(name);
    const count = classesOf(parameters.classification, name);
    if (count > 0) classes.set(name, count);
  }
  return { outputs: [...names], classes: classes.size === 0 ? undefined : classes };
}

function refuseSharedMemory(what: string, parameters: Parameters): void {
  if (parameters.shared_memory_region === undefined) return;
  throw new ServeError(
    "UNIMPLEMENTED",
    `${what} is in shared memory (shared_memory_region), which this version does not serve; send its bytes`,
  );
}
