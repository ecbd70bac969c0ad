import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { ServeError } from "../core/errors.ts";
import { allocateElements, bytesOf, type Datatype, elementsOf, type NumericDatatype, type Tensor } from "../core/tensor.ts";
import type { TensorSide } from "../encodings/index.ts";
import { tag } from "./wire.ts";

/** The field of `InferTensorContents` that holds each datatype; FP16 and BF16 have none. */
export const CONTENT_FIELDS: Readonly<Partial<Record<Datatype, number>>> = {
  BOOL: 1,
  INT8: 2,
  INT16: 2,
  INT32: 2,
  INT64: 3,
  UINT8: 4,
  UINT16: 4,
  UINT32: 4,
  UINT64: 5,
  FP32: 6,
  FP64: 7,
  BYTES: 8,
};

const FIELD_NAMES = [
  "",
  "bool_contents",
  "int_contents",
  "int64_contents",
  "uint_contents",
  "uint64_contents",
  "fp32_contents",
  "fp64_contents",
  "bytes_contents",
];

/** Elements that are read or written one by one, which nothing else is done meanwhile. */
const MAX_ELEMENTS = 2 ** 22;

const BOUNDS: Readonly<Partial<Record<Datatype, readonly [number, number]>>> = {
  INT8: [-128, 127],
  INT16: [-32768, 32767],
  UINT8: [0, 255],
  UINT16: [0, 65535],
};

/**
 * A tensor from an `InferTensorContents`, whose floats are a view of its bytes.
 * @param count elements of the shape
 * @throws ServeError INVALID_ARGUMENT for values of another datatype, outside of it, or another number of them
 */
export function readContents(
  name: string,
  datatype: Datatype,
  shape: readonly number[],
  count: number,
  bytes: Uint8Array,
  side: TensorSide = "input",
): Tensor {
  const wanted = CONTENT_FIELDS[datatype];
  const subject = `${side} '${name}'`;
  if (wanted === undefined) {
    throw new ServeError("INVALID_ARGUMENT", `${subject}: ${datatype} has no typed contents; send it in raw_${side}_contents`);
  }
  const pieces = piecesOf(subject, datatype, wanted, bytes);
  if (datatype === "BYTES") {
    if (pieces.length !== count) throw wrongCount(subject, count, pieces.length);
    return { name, datatype, shape, data: pieces };
  }
  return { name, datatype, shape, data: numbersOf(subject, datatype, count, joined(pieces)) };
}

function numbersOf(subject: string, datatype: NumericDatatype, count: number, packed: Uint8Array): Uint8Array {
  if (datatype === "FP32" || datatype === "FP64") {
    const size = datatype === "FP32" ? 4 : 8;
    if (packed.byteLength !== count * size) throw wrongCount(subject, count, packed.byteLength / size);
    return packed;
  }
  // Every varint ends with a byte below 128.
  let found = 0;
  for (const byte of packed) if (byte < 0x80) found++;
  if (found !== count) throw wrongCount(subject, count, found);
  if (count > MAX_ELEMENTS && !(datatype === "BOOL" && packed.byteLength === count)) {
    throw new ServeError(
      "INVALID_ARGUMENT",
      `${subject}: more than ${MAX_ELEMENTS} elements in ${FIELD_NAMES[CONTENT_FIELDS[datatype] as number]}; send them as raw contents`,
    );
  }
  if (datatype === "BOOL" && packed.byteLength === count) {
    if (packed.every((byte) => byte < 2)) return packed;
  }
  const reader = new BinaryReader(packed);
  const elements = allocateElements(datatype, count) as { [index: number]: number | bigint };
  const bounds = BOUNDS[datatype];
  for (let index = 0; index < count; index++) {
    const value = readElement(reader, datatype);
    if (bounds !== undefined && (value < bounds[0] || value > bounds[1])) {
      throw new ServeError("INVALID_ARGUMENT", `${subject}: element ${index} is ${value}, which is no ${datatype}`);
    }
    elements[index] = value;
  }
  return bytesOf(elements as unknown as ReturnType<typeof allocateElements>);
}

function readElement(reader: BinaryReader, datatype: NumericDatatype): number | bigint {
  switch (datatype) {
    case "BOOL":
      return reader.bool() ? 1 : 0;
    case "INT64":
      return BigInt(reader.int64());
    case "UINT64":
      return BigInt(reader.uint64());
    case "UINT8":
    case "UINT16":
    case "UINT32":
      return reader.uint32();
    default:
      return reader.int32();
  }
}

/** The bytes of one field, packed as they came: every occurrence, each with one element or several. */
function piecesOf(subject: string, datatype: Datatype, wanted: number, bytes: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field !== wanted) {
      if (FIELD_NAMES[field] !== undefined && type === WireType.LengthDelimited && reader.bytes().byteLength === 0) continue;
      if (FIELD_NAMES[field] === undefined) {
        reader.skip(type, field);
        continue;
      }
      throw new ServeError(
        "INVALID_ARGUMENT",
        `${subject} is ${datatype}, whose elements are in ${FIELD_NAMES[wanted]}; it has ${FIELD_NAMES[field]}`,
      );
    }
    if (pieces.length >= MAX_ELEMENTS) {
      throw new ServeError("INVALID_ARGUMENT", `${subject}: more than ${MAX_ELEMENTS} elements; send them as raw contents`);
    }
    if (type === WireType.LengthDelimited) {
      pieces.push(reader.bytes());
    } else {
      const from = reader.pos;
      reader.skip(type, field);
      pieces.push(bytes.subarray(from, reader.pos));
    }
  }
  return pieces;
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces);
}

function wrongCount(subject: string, expected: number, found: number): ServeError {
  return new ServeError("INVALID_ARGUMENT", `${subject}: the shape has ${expected} elements, but its contents have ${found}`);
}

/** Whether a tensor can be in `InferTensorContents`: its datatype is one of them, and it is not too large to be written one by one. */
export function hasTypedContents(tensor: Tensor): boolean {
  if (CONTENT_FIELDS[tensor.datatype] === undefined) return false;
  // Floats and booleans are written as they are.
  if (tensor.datatype === "FP32" || tensor.datatype === "FP64" || tensor.datatype === "BOOL") return true;
  return (tensor.datatype === "BYTES" ? tensor.data.length : tensor.data.byteLength) <= MAX_ELEMENTS;
}

/** An `InferTensorContents`, in pieces; floats are not copied. */
export function contentsOf(tensor: Tensor): Uint8Array[] {
  const field = CONTENT_FIELDS[tensor.datatype] as number;
  const writer = new BinaryWriter();
  if (tensor.datatype === "BYTES") {
    for (const element of tensor.data) writer.uint32(tag(field)).bytes(element);
    return [writer.finish()];
  }
  const { datatype, data } = tensor;
  if (data.byteLength === 0) return [];
  const packed = datatype === "FP32" || datatype === "FP64" || datatype === "BOOL" ? data : packedOf(elementsOf(tensor), field);
  return [writer.uint32(tag(field)).uint32(packed.byteLength).finish(), packed];
}

function packedOf(elements: ArrayLike<number | bigint>, field: number): Uint8Array {
  const writer = new BinaryWriter();
  for (let index = 0; index < elements.length; index++) {
    const value = elements[index] as number | bigint;
    if (field === 2) writer.int32(Number(value));
    else if (field === 3) writer.int64(value);
    else if (field === 4) writer.uint32(Number(value));
    else writer.uint64(value);
  }
  return writer.finish();
}
