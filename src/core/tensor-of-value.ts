import { type Code, ServeError } from "./errors.ts";
import type { TensorSpec } from "./signature.ts";
import { allocateElements, bytesOf, type Datatype, elementCount, isDatatype, type NumericArray, type Tensor } from "./tensor.ts";
import type { TypedTensor } from "./typed-tensor.ts";

const encoder = new TextEncoder();

/** What the value is, for messages, and whose fault it is when it cannot be a tensor. */
export interface Role {
  readonly noun: "input" | "output";
  readonly code: Code;
}

/** `{ datatype, shape, data }` */
export function isTypedTensor(value: unknown): value is TypedTensor {
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

/** Datatype that a typed array has by itself; undefined for a DataView and the like. */
export function datatypeOf(array: ArrayBufferView): Datatype | undefined {
  return DATATYPES.find(([type]) => array instanceof type)?.[1];
}

/**
 * A typed array, a `{ datatype, shape, data }` or a nested list as a tensor; a flat array takes the shape of the spec where that leaves at
 * most one dimension open. Typed arrays are not copied.
 * @throws ServeError of the role's code for what is none of these
 */
export function tensorOfValue(name: string, value: unknown, spec: TensorSpec | undefined, role: Role): Tensor {
  if (isTypedTensor(value)) return ofTypedTensor(name, value, role);
  if (ArrayBuffer.isView(value)) {
    const known = datatypeOf(value);
    if (known === undefined)
      throw new ServeError(role.code, `${role.noun} '${name}' is a ${value.constructor.name}, which is no typed array of numbers`);
    const datatype = spec !== undefined && sameBits(spec.datatype, known) ? spec.datatype : known;
    const array = value as NumericArray;
    return { name, datatype: datatype as "FP64", shape: shapeLike(spec, array.length), data: bytesOf(array) };
  }
  if (!Array.isArray(value))
    throw new ServeError(role.code, `${role.noun} '${name}' is a ${typeof value}, expected a typed array, a list or a tensor`);
  const flat = value.flat(Number.POSITIVE_INFINITY) as unknown[];
  return fromValues(name, spec?.datatype ?? guess(flat), nesting(value), flat, role);
}

function ofTypedTensor(name: string, { datatype, shape, data }: TypedTensor, role: Role): Tensor {
  const known = ArrayBuffer.isView(data) ? datatypeOf(data) : undefined;
  if (datatype === "BYTES" || known === undefined || (known !== datatype && !sameBits(datatype, known)))
    return fromValues(name, datatype, shape, Array.from(data as Iterable<unknown>), role);
  const array = data as NumericArray;
  assertCount(name, shape, array.length, role);
  return { name, datatype, shape, data: bytesOf(array) };
}

/** BOOL comes as a Uint8Array; FP16 and BF16 as the bits in a Uint16Array. */
function sameBits(declared: Datatype, known: Datatype): boolean {
  return (declared === "BOOL" && known === "UINT8") || ((declared === "FP16" || declared === "BF16") && known === "UINT16");
}

function shapeLike(spec: TensorSpec | undefined, length: number): number[] {
  const declared = spec?.shape ?? [-1];
  const fixed = declared.filter((dimension) => dimension >= 0).reduce((product, dimension) => product * dimension, 1);
  const open = declared.filter((dimension) => dimension < 0).length;
  if (open === 0 && fixed === length) return [...declared];
  if (open !== 1 || fixed === 0 || length % fixed !== 0) return [length];
  return declared.map((dimension) => (dimension < 0 ? length / fixed : dimension));
}

function guess(values: readonly unknown[]): Datatype {
  if (values.every((value) => typeof value === "string")) return "BYTES";
  if (values.every((value) => typeof value === "boolean")) return "BOOL";
  if (values.every((value) => typeof value === "bigint")) return "INT64";
  return "FP64";
}

function fromValues(name: string, datatype: Datatype, shape: readonly number[], values: readonly unknown[], role: Role): Tensor {
  assertCount(name, shape, values.length, role);
  if (datatype === "BYTES") {
    return { name, datatype, shape, data: values.map((value) => (value instanceof Uint8Array ? value : encoder.encode(String(value)))) };
  }
  const elements = allocateElements(datatype, values.length);
  const wide = elements instanceof BigInt64Array || elements instanceof BigUint64Array;
  values.forEach((value, index) => {
    if (typeof value !== "number" && typeof value !== "bigint" && typeof value !== "boolean")
      throw new ServeError(role.code, `${role.noun} '${name}' has a ${typeof value} at ${index}, expected ${datatype}`);
    elements[index] = (wide ? BigInt(value) : Number(value)) as never;
  });
  return { name, datatype, shape, data: bytesOf(elements) };
}

function assertCount(name: string, shape: readonly number[], length: number, { noun, code }: Role): void {
  if (elementCount(shape) !== length) throw new ServeError(code, `${noun} '${name}' has ${length} values for the shape [${shape}]`);
}

function nesting(value: unknown): number[] {
  return Array.isArray(value) ? [value.length, ...(value.length === 0 ? [] : nesting(value[0]))] : [];
}
