/** Tensor datatypes of the Open Inference Protocol (BF16 from its gRPC text), with their element size in bytes; 0 = variable. */
export const DATATYPE_SIZES = {
  BOOL: 1,
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  FP16: 2,
  BF16: 2,
  FP32: 4,
  FP64: 8,
  BYTES: 0,
} as const;

export type Datatype = keyof typeof DATATYPE_SIZES;
export type NumericDatatype = Exclude<Datatype, "BYTES">;

export interface NumericTensor {
  readonly name: string;
  readonly datatype: NumericDatatype;
  readonly shape: readonly number[];
  /** Contiguous row-major little-endian elements: product(shape) × element size bytes. */
  readonly data: Uint8Array;
}

export interface BytesTensor {
  readonly name: string;
  readonly datatype: "BYTES";
  readonly shape: readonly number[];
  /** One entry per element, row-major; text is UTF-8. */
  readonly data: readonly Uint8Array[];
}

export type Tensor = NumericTensor | BytesTensor;

export function isDatatype(value: unknown): value is Datatype {
  return typeof value === "string" && Object.hasOwn(DATATYPE_SIZES, value);
}

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const dimension of shape) count *= dimension;
  return count;
}

type NumericArray =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

const ARRAY_TYPES = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Uint16Array,
  BF16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
} as const;

/**
 * The elements of a numeric tensor as a typed array: a view where the bytes are aligned, else a copy.
 * FP16 and BF16 come as their bit patterns in a Uint16Array; BOOL as a Uint8Array of 0 and 1.
 */
export function elementsOf(tensor: NumericTensor): NumericArray {
  const arrayType = ARRAY_TYPES[tensor.datatype];
  const { buffer, byteOffset, byteLength } = tensor.data;
  const size = arrayType.BYTES_PER_ELEMENT;
  if (byteOffset % size === 0) return new arrayType(buffer as ArrayBuffer, byteOffset, byteLength / size);
  // Not tensor.data.slice(): for a Buffer that is another view of the same, unaligned memory.
  return new arrayType(Uint8Array.from(tensor.data).buffer, 0, byteLength / size);
}

/** A zeroed typed array for `count` elements of the datatype. */
export function allocateElements(datatype: NumericDatatype, count: number): NumericArray {
  return new ARRAY_TYPES[datatype](count);
}

/** The same without their being zero, and in memory that is shared with others where they are few: memory of their own costs more than they do. */
export function allocatePooled(datatype: NumericDatatype, count: number): NumericArray {
  return elementsOf({ name: "", datatype, shape: [count], data: Buffer.allocUnsafe(count * ARRAY_TYPES[datatype].BYTES_PER_ELEMENT) });
}

/** A view of a typed array's memory as bytes. */
export function bytesOf(array: NumericArray): Uint8Array {
  return new Uint8Array(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);
}

/** Size of a tensor's contents in bytes, as counted against queue and body limits. */
export function byteSize(tensor: Tensor): number {
  if (tensor.datatype !== "BYTES") return tensor.data.byteLength;
  let total = 0;
  for (const element of tensor.data) total += element.byteLength + 4;
  return total;
}

export type { NumericArray };
