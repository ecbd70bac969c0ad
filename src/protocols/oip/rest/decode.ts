import type { RegionUse } from "../../../core/client-memory.ts";
import { ServeError } from "../../../core/errors.ts";
import type { JsonValue, Parameters } from "../../../core/inference.ts";
import { DATATYPE_SIZES, isDatatype, type Tensor } from "../../../core/tensor.ts";
import { readBinary, readData } from "../../../encodings/index.ts";
import { isObject, type JsonObject, parametersOf, parseJson, unexpected } from "../../shared/index.ts";
import { classesOf } from "../extensions/classification.ts";
import type { PlacedInput, PlacedOutputs } from "../extensions/request-regions.ts";
import { readPlainInfer } from "./plain-infer.ts";

export interface DecodedInfer {
  readonly id?: string | undefined;
  /** The protocol's and the model's. */
  readonly parameters?: Parameters | undefined;
  /** Without elements where these are in a region. */
  readonly tensors: readonly Tensor[];
  readonly placedInputs?: readonly PlacedInput[] | undefined;
  readonly placedOutputs?: PlacedOutputs | undefined;
  /** Names of the outputs wanted; absent when the client named none. */
  readonly outputs?: readonly string[] | undefined;
  /** Whether an output is to be answered after the JSON instead of in it. */
  readonly binary: (output: string) => boolean;
  /** Outputs of which so many largest elements are wanted as text; absent when there are none. */
  readonly classes?: ReadonlyMap<string, number> | undefined;
}

const MAX_TENSORS = 1024;
const MAX_RANK = 32;
/** Characters of a tensor's name. */
const MAX_NAME = 1024;
/** Product of the dimensions of an empty tensor besides the empty ones: no byte of the request stands for them. */
const MAX_EMPTY = 2 ** 24;
/** Says how long the JSON is that comes before binary tensors. */
export const JSON_LENGTH_HEADER = "inference-header-content-length";

/**
 * An infer request, of JSON alone or with binary tensors after it.
 * @throws ServeError INVALID_ARGUMENT naming the field, what was expected and what came
 */
export function decodeInfer(body: Uint8Array, headers: Readonly<Record<string, string | string[] | undefined>>): DecodedInfer {
  const jsonLength = jsonLengthOf(headers[JSON_LENGTH_HEADER], body.byteLength);
  const plain = jsonLength === body.byteLength ? readPlainInfer(body) : undefined;
  if (plain !== undefined) return withRest(plain.rest, plain.tensors, undefined);
  const json = parseJson(jsonLength === body.byteLength ? body : body.subarray(0, jsonLength));
  if (!isObject(json)) throw unexpected("body", 'an object with "inputs"', json);
  const { tensors, placedInputs } = readInputs(json.inputs, body.subarray(jsonLength));
  return withRest(json, tensors, placedInputs);
}

function withRest(json: JsonObject, tensors: readonly Tensor[], placedInputs: DecodedInfer["placedInputs"]): DecodedInfer {
  const parameters = parametersOf(json.parameters, "parameters");
  const id = idOf(json.id);
  const { outputs, binary, placedOutputs, classes } = readOutputs(
    json.outputs,
    flag(parameters?.binary_data_output, "parameters.binary_data_output"),
  );
  // Field by field: to spread objects into it would take as long as to read the JSON of a small request.
  return { tensors, placedInputs, id, parameters, outputs, binary, placedOutputs, classes };
}

function jsonLengthOf(header: string | string[] | undefined, bodyLength: number): number {
  if (header === undefined) return bodyLength;
  const length = typeof header === "string" && /^\d{1,15}$/.test(header) ? Number(header) : Number.NaN;
  if (length >= 0 && length <= bodyLength) return length;
  throw new ServeError(
    "INVALID_ARGUMENT",
    `Inference-Header-Content-Length is '${header}', expected the length of the JSON, at most the body's ${bodyLength} bytes`,
  );
}

interface ReadInputs {
  readonly tensors: Tensor[];
  readonly placedInputs: PlacedInput[] | undefined;
}

function readInputs(inputs: JsonValue | undefined, binary: Uint8Array): ReadInputs {
  if (!Array.isArray(inputs)) throw new ServeError("INVALID_ARGUMENT", `Expected "inputs" to be a list`);
  if (inputs.length > MAX_TENSORS)
    throw new ServeError("INVALID_ARGUMENT", `inputs: ${inputs.length} tensors are more than ${MAX_TENSORS}`);
  let offset = 0;
  const placedInputs: PlacedInput[] = [];
  const tensors = inputs.map((input, index) => {
    const { tensor, bytes, use } = readInput(input, index, binary, offset);
    offset += bytes;
    const { name, datatype, shape } = tensor;
    if (use !== undefined) placedInputs.push({ index, name, datatype, shape, use });
    return tensor;
  });
  if (offset < binary.byteLength) {
    throw new ServeError(
      "INVALID_ARGUMENT",
      `${binary.byteLength - offset} bytes after the JSON belong to no input; each binary input needs its binary_data_size`,
    );
  }
  return { tensors, placedInputs: placedInputs.length === 0 ? undefined : placedInputs };
}

interface ReadInput {
  readonly tensor: Tensor;
  /** Of those after the JSON. */
  readonly bytes: number;
  /** Where the elements are that the tensor has not. */
  readonly use?: RegionUse;
}

function readInput(input: JsonValue, index: number, binary: Uint8Array, offset: number): ReadInput {
  if (!isObject(input)) throw unexpected(`inputs[${index}]`, "an object", input);
  const { name, datatype, parameters, data } = input;
  if (!isName(name)) throw unexpected(`inputs[${index}].name`, EXPECTED_NAME, name);
  if (!isDatatype(datatype)) throw unexpected(`inputs[${index}].datatype`, `one of ${Object.keys(DATATYPE_SIZES).join(", ")}`, datatype);
  const shape = readShape(input.shape, `inputs[${index}].shape`);
  const size = isObject(parameters) ? parameters.binary_data_size : undefined;
  const use = isObject(parameters) ? regionUse(parameters, `inputs[${index}].parameters`) : undefined;
  if (use !== undefined) {
    if (size === undefined && (data === undefined || data === null))
      return { tensor: { name, datatype, shape, data: [] } as never, bytes: 0, use };
    const fields = "'data', 'binary_data_size' in 'parameters', 'shared_memory_region' in 'parameters'";
    const set = size === undefined ? "'data' 'shared_memory_region'" : "'binary_data_size' 'shared_memory_region'";
    throw new ServeError("INVALID_ARGUMENT", `Input must set only one of the following fields: ${fields}. But set ${set} for '${name}'`);
  }
  if (size === undefined) return { tensor: readData(name, datatype, shape, data), bytes: 0 };
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0)
    throw unexpected(`inputs[${index}].parameters.binary_data_size`, "a number of bytes", size);
  if (data !== undefined && data !== null)
    throw new ServeError("INVALID_ARGUMENT", `input '${name}' has both data and binary_data_size; send one`);
  if (offset + size > binary.byteLength) {
    throw new ServeError(
      "INVALID_ARGUMENT",
      `unexpected size for input '${name}', expecting ${size - (binary.byteLength - offset)} additional bytes`,
    );
  }
  return { tensor: readBinary(name, datatype, shape, binary.subarray(offset, offset + size)), bytes: size };
}

const EXPECTED_NAME = `a string of at most ${MAX_NAME} characters`;

function isName(value: JsonValue | undefined): value is string {
  return typeof value === "string" && value.length <= MAX_NAME;
}

function readShape(shape: JsonValue | undefined, path: string): number[] {
  if (!Array.isArray(shape) || shape.length > MAX_RANK) throw unexpected(path, `a list of at most ${MAX_RANK} dimensions`, shape);
  let count = 1;
  let beside = 1;
  for (const dimension of shape) {
    if (typeof dimension === "bigint" && dimension > 0n) throw tooLarge(shape, path);
    if (typeof dimension !== "number" || !Number.isSafeInteger(dimension) || dimension < 0)
      throw unexpected(path, "whole numbers that are not negative", dimension);
    count *= dimension;
    beside *= dimension === 0 ? 1 : dimension;
  }
  if (!Number.isSafeInteger(count) || (count === 0 && beside > MAX_EMPTY)) throw tooLarge(shape, path);
  return shape as number[];
}

/** Triton has words for each of the ways in which it would overflow, which its clients look for. */
function tooLarge(shape: readonly JsonValue[], path: string): ServeError {
  return new ServeError(
    "INVALID_ARGUMENT",
    `${path}: the product of [${shape.join(",")}] is too large: it causes total element count to exceed maximum size of ` +
      "9223372036854775807, or a byte size overflow for input",
  );
}

function readOutputs(
  outputs: JsonValue | undefined,
  allBinary: boolean,
): Pick<DecodedInfer, "outputs" | "binary" | "classes" | "placedOutputs"> {
  if (outputs === undefined || outputs === null) return { binary: () => allBinary };
  if (!Array.isArray(outputs)) throw unexpected("outputs", "a list", outputs);
  if (outputs.length > MAX_TENSORS)
    throw new ServeError("INVALID_ARGUMENT", `outputs: ${outputs.length} tensors are more than ${MAX_TENSORS}`);
  // Both KServe and Triton ignore binary_data_output when outputs are named, and their clients count on it.
  const binary = new Map<string, boolean>();
  const placed = new Map<string, RegionUse>();
  const classes = new Map<string, number>();
  const names = outputs.map((output, index) => {
    if (!isObject(output)) throw unexpected(`outputs[${index}]`, "an object", output);
    if (!isName(output.name)) throw unexpected(`outputs[${index}].name`, EXPECTED_NAME, output.name);
    const parameters: JsonObject = isObject(output.parameters) ? output.parameters : {};
    const count = classesOf(parameters.classification, output.name);
    if (count > 0) classes.set(output.name, count);
    if (binary.has(output.name)) throw new ServeError("INVALID_ARGUMENT", `output '${output.name}' already exists in request`);
    binary.set(output.name, flag(parameters.binary_data, `outputs[${index}].parameters.binary_data`));
    const use = regionUse(parameters, `outputs[${index}].parameters`);
    if (use !== undefined && parameters.binary_data === true)
      throw new ServeError("INVALID_ARGUMENT", `Output can't set both 'shared_memory_region' and 'binary_data': '${output.name}'`);
    if (use !== undefined) placed.set(output.name, use);
    return output.name;
  });
  if (names.length === 0) return { binary: () => allBinary };
  return {
    outputs: names,
    binary: (output) => binary.get(output) ?? false,
    placedOutputs: placed.size === 0 ? undefined : Object.fromEntries(placed),
    classes: classes.size === 0 ? undefined : classes,
  };
}

/** Where the elements of a tensor are or go, when they are not in the message. */
export function regionUse(parameters: JsonObject, path: string): RegionUse | undefined {
  const { shared_memory_region: region, shared_memory_offset: offset, shared_memory_byte_size: byteSize } = parameters;
  if (region === undefined) return undefined;
  if (typeof region !== "string") throw unexpected(`${path}.shared_memory_region`, "the name of a region", region);
  return {
    region,
    offset: bytesIn(offset ?? 0, `${path}.shared_memory_offset`),
    byteSize: bytesIn(byteSize ?? 0, `${path}.shared_memory_byte_size`),
  };
}

function bytesIn(value: JsonValue, path: string): number | bigint {
  if (typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value) && value >= 0)) return value;
  throw unexpected(path, "a number of bytes", value);
}

function idOf(id: JsonValue | undefined): string | undefined {
  if (id === undefined || id === null || id === "") return undefined;
  if (typeof id !== "string") throw unexpected("id", "a string", id);
  return id;
}

function flag(value: JsonValue | undefined, path: string): boolean {
  if (value !== undefined && typeof value !== "boolean") throw unexpected(path, "true or false", value);
  return value ?? false;
}
