import { messageOf, ServeError } from "../../core/errors.ts";
import type { JsonValue, Payload } from "../../core/inference.ts";
import type { TensorSpec } from "../../core/signature.ts";
import {
  allocateElements,
  bytesOf,
  type Datatype,
  elementCount,
  elementsOf,
  isDatatype,
  type NumericArray,
  type Tensor,
} from "../../core/tensor.ts";
import type { CustomTensor } from "./custom-model.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** A request as a custom model gets it: tensors by name, or `{ instances }`, or V1's columns by name. */
export function inputsOf(payload: Payload): Record<string, unknown> {
  switch (payload.kind) {
    case "tensors":
      return Object.fromEntries(payload.tensors.map((tensor) => [tensor.name, toCustom(tensor)]));
    case "rows":
      return { instances: payload.rows };
    case "columns":
      return { ...payload.columns };
    case "json":
      return { value: payload.value };
  }
}

/**
 * V1 instances of an example as the declared inputs, which the server makes of a client's: of one input its elements, of several objects.
 * @throws ServeError INVALID_ARGUMENT when they do not fit
 */
export function bindExample(payload: Payload, specs: readonly TensorSpec[]): Payload {
  if (payload.kind !== "rows" || specs.length === 0) return payload;
  const { rows } = payload;
  const isNamed = rows.every((row) => typeof row === "object" && row !== null && !Array.isArray(row));
  const columnOf = ({ name }: TensorSpec): unknown[] =>
    isNamed ? rows.map((row) => (row as Readonly<Record<string, unknown>>)[name]) : [...rows];
  try {
    return { kind: "tensors", tensors: specs.map((spec) => toTensor(spec.name, columnOf(spec), spec)) };
  } catch (error) {
    throw new ServeError("INVALID_ARGUMENT", `its example does not fit its inputs: ${messageOf(error)}`);
  }
}

function toCustom(tensor: Tensor): CustomTensor {
  const { shape } = tensor;
  if (tensor.datatype === "BYTES") return { datatype: "BYTES", shape, data: tensor.data.map((element) => decoder.decode(element)) };
  return { datatype: tensor.datatype, shape, data: elementsOf(tensor) } as CustomTensor;
}

/**
 * What a custom model answered: an object of arrays or tensors is one tensor per key, a typed array is `output-0`, and
 * everything else is JSON.
 * @throws ServeError INVALID_ARGUMENT for an output that it did not answer, INTERNAL for what is neither
 */
export function outputsOf(answer: unknown, specs: readonly TensorSpec[], wanted: readonly string[] | undefined, method: string): Payload {
  if (ArrayBuffer.isView(answer)) return { kind: "tensors", tensors: [toTensor("output-0", answer, specs[0])] };
  if (typeof answer === "object" && answer !== null && !Array.isArray(answer) && Object.values(answer).every(isArrayLike)) {
    const given = answer as Record<string, unknown>;
    for (const name of wanted ?? []) {
      if (!Object.hasOwn(given, name))
        throw new ServeError("INVALID_ARGUMENT", `there is no output '${name}'; there are ${Object.keys(given).join(", ")}`);
    }
    const names = wanted ?? Object.keys(given);
    return {
      kind: "tensors",
      tensors: names.map((name) =>
        toTensor(
          name,
          given[name],
          specs.find((spec) => spec.name === name),
        ),
      ),
    };
  }
  if (answer === undefined || typeof answer === "function")
    throw new ServeError("INTERNAL", `its ${method} answered ${typeof answer}, which is neither arrays nor JSON`);
  return { kind: "json", value: answer as JsonValue };
}

function isArrayLike(value: unknown): boolean {
  return Array.isArray(value) || ArrayBuffer.isView(value) || isTensorObject(value);
}

function isTensorObject(value: unknown): value is CustomTensor {
  return typeof value === "object" && value !== null && "data" in value && isDatatype((value as { datatype?: unknown }).datatype);
}

const DATATYPES: ReadonlyArray<readonly [new (length: number) => NumericArray, Datatype]> = [
  [Uint8Array, "UINT8"],
  [Uint16Array, "UINT16"],
  [Uint32Array, "UINT32"],
  [BigUint64Array, "UINT64"],
  [Int8Array, "INT8"],
  [Int16Array, "INT16"],
  [Int32Array, "INT32"],
  [BigInt64Array, "INT64"],
  [Float32Array, "FP32"],
  [Float64Array, "FP64"],
];

function toTensor(name: string, value: unknown, spec: TensorSpec | undefined): Tensor {
  if (isTensorObject(value)) return fromValues(name, value.datatype, value.shape, Array.from(value.data as Iterable<unknown>));
  if (ArrayBuffer.isView(value)) {
    const known = DATATYPES.find(([type]) => value instanceof type)?.[1];
    if (known === undefined)
      throw new ServeError("INTERNAL", `output '${name}' is a ${value.constructor.name}, which is no typed array of numbers`);
    const datatype = spec !== undefined && sameSize(spec.datatype, known) ? spec.datatype : known;
    return {
      name,
      datatype: datatype as "FP64",
      shape: shapeLike(spec, (value as NumericArray).length),
      data: bytesOf(value as NumericArray),
    };
  }
  const list = value as unknown[];
  const flat = list.flat(Number.POSITIVE_INFINITY) as unknown[];
  return fromValues(name, spec?.datatype ?? guess(flat), nesting(list), flat);
}

/** BOOL comes as a Uint8Array; FP16 and BF16 as the bits in a Uint16Array. */
function sameSize(declared: Datatype, known: Datatype): boolean {
  return (declared === "BOOL" && known === "UINT8") || ((declared === "FP16" || declared === "BF16") && known === "UINT16");
}

/** A flat typed array takes the declared shape where that leaves one dimension open. */
function shapeLike(spec: TensorSpec | undefined, length: number): number[] {
  const declared = spec?.shape ?? [-1];
  const fixed = declared.filter((dimension) => dimension >= 0).reduce((product, dimension) => product * dimension, 1);
  if (declared.filter((dimension) => dimension < 0).length !== 1 || length % fixed !== 0) return [length];
  return declared.map((dimension) => (dimension < 0 ? length / fixed : dimension));
}

function guess(values: readonly unknown[]): Datatype {
  if (values.every((value) => typeof value === "string")) return "BYTES";
  if (values.every((value) => typeof value === "boolean")) return "BOOL";
  if (values.every((value) => typeof value === "bigint")) return "INT64";
  return "FP64";
}

function fromValues(name: string, datatype: Datatype, shape: readonly number[], values: readonly unknown[]): Tensor {
  if (elementCount(shape) !== values.length)
    throw new ServeError("INTERNAL", `output '${name}' has ${values.length} values for the shape [${shape}]`);
  if (datatype === "BYTES") {
    return { name, datatype, shape, data: values.map((value) => (value instanceof Uint8Array ? value : encoder.encode(String(value)))) };
  }
  const elements = allocateElements(datatype, values.length);
  const wide = elements instanceof BigInt64Array || elements instanceof BigUint64Array;
  values.forEach((value, index) => {
    if (typeof value !== "number" && typeof value !== "bigint" && typeof value !== "boolean") {
      throw new ServeError("INTERNAL", `output '${name}' has a ${typeof value} at ${index}, expected ${datatype}`);
    }
    elements[index] = (wide ? BigInt(value) : Number(value)) as never;
  });
  return { name, datatype, shape, data: bytesOf(elements) };
}

function nesting(value: unknown): number[] {
  return Array.isArray(value) ? [value.length, ...(value.length === 0 ? [] : nesting(value[0]))] : [];
}
