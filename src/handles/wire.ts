import { ServeError } from "../core/errors.ts";
import { type JsonValue, jsonValueOf, type Payload } from "../core/inference.ts";
import {
  bytesOf,
  DATATYPE_SIZES,
  type Datatype,
  elementCount,
  elementsOf,
  isDatatype,
  type NumericArray,
  type Tensor,
} from "../core/tensor.ts";
import { datatypeOf, isTypedTensor } from "../core/tensor-of-value.ts";

// Handles speak JSON with the contents of tensors after it, in the order of their `binary_data_size`, as in the Open Inference Protocol's
// binary data extension. It differs in that inputs are what the caller gave, for the server to bind to the model: only that knows its shapes.

/** JSON text and what comes after it. */
export interface Message {
  readonly json: Uint8Array;
  readonly blobs: readonly Uint8Array[];
}

/** Length of the JSON text, when something comes after it. */
export const JSON_LENGTH_HEADER = "inference-header-content-length";
/** The one version that may answer, in requests; the one that answers, in replies. */
export const MODEL_ID_HEADER = "nitrous-model-id";
/** Of a stream: each message has 8 bytes before it, the lengths of its two parts as little-endian 32-bit integers. */
export const STREAM_TYPE = "application/vnd.nitrous.stream";

const MAX_INPUTS = 1024;
const MAX_RANK = 32;
/** Product of the dimensions of an empty tensor besides the empty ones: no byte stands for them. */
const MAX_EMPTY = 2 ** 24;

const encoder = new TextEncoder();

/** Inputs as they go over the wire: typed arrays and tensors are replaced by what describes them. @throws ServeError INVALID_ARGUMENT */
export function encodeInputs(inputs: unknown): { readonly inputs: unknown; readonly blobs: readonly Uint8Array[] } {
  if (Array.isArray(inputs) || typeof inputs !== "object" || inputs === null || ArrayBuffer.isView(inputs)) return { inputs, blobs: [] };
  const blobs: Uint8Array[] = [];
  const described = Object.entries(inputs as Readonly<Record<string, unknown>>).map(([name, value]) => {
    const blob = blobOf(name, value);
    if (blob === undefined) return [name, value];
    blobs.push(blob.bytes);
    return [name, { ...blob.description, binary_data_size: blob.bytes.byteLength }];
  });
  return { inputs: Object.fromEntries(described), blobs };
}

function blobOf(name: string, value: unknown): { readonly description: object; readonly bytes: Uint8Array } | undefined {
  if (ArrayBuffer.isView(value)) {
    const datatype = datatypeOf(value);
    if (datatype === undefined)
      throw new ServeError("INVALID_ARGUMENT", `input '${name}' is a ${value.constructor.name}, which is no typed array of numbers`);
    return { description: { datatype }, bytes: bytesOf(value as NumericArray) };
  }
  if (!isTypedTensor(value)) return undefined;
  const { datatype, shape, data } = value;
  if (datatype === "BYTES") {
    const elements = Array.from(data, (element: unknown) => (element instanceof Uint8Array ? element : encoder.encode(String(element))));
    return { description: { datatype, shape }, bytes: joined(elements) };
  }
  // A list of numbers stays JSON.
  if (!ArrayBuffer.isView(data) || data.BYTES_PER_ELEMENT !== DATATYPE_SIZES[datatype]) return undefined;
  return { description: { datatype, shape }, bytes: bytesOf(data) };
}

/**
 * The reverse of {@link encodeInputs}, in place.
 * @throws ServeError INVALID_ARGUMENT when the descriptions and the bytes disagree
 */
export function decodeInputs(inputs: JsonValue | undefined, bytes: Uint8Array): unknown {
  let offset = 0;
  const take = (name: string, size: JsonValue | undefined): Uint8Array => {
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0 || offset + size > bytes.byteLength)
      throw new ServeError(
        "INVALID_ARGUMENT",
        `input '${name}': its binary_data_size is ${String(size)}, and ${bytes.byteLength - offset} bytes are left`,
      );
    offset += size;
    return bytes.subarray(offset - size, offset);
  };
  let decoded: unknown = inputs;
  if (typeof inputs === "object" && inputs !== null && !Array.isArray(inputs)) {
    const entries = Object.entries(inputs);
    if (entries.length > MAX_INPUTS) throw new ServeError("INVALID_ARGUMENT", `${entries.length} inputs are more than ${MAX_INPUTS}`);
    decoded = Object.fromEntries(
      entries.map(([name, value]) => {
        const isBinary = typeof value === "object" && value !== null && !Array.isArray(value) && "binary_data_size" in value;
        return [name, isBinary ? fromBinary(name, value, take(name, value.binary_data_size)) : value];
      }),
    );
  }
  if (offset !== bytes.byteLength)
    throw new ServeError("INVALID_ARGUMENT", `${bytes.byteLength - offset} bytes after the JSON belong to no input`);
  return decoded;
}

function fromBinary(name: string, { datatype, shape }: { [key: string]: JsonValue }, bytes: Uint8Array): unknown {
  if (!isDatatype(datatype)) throw new ServeError("INVALID_ARGUMENT", `input '${name}': unknown datatype ${JSON.stringify(datatype)}`);
  if (shape !== undefined && !isShape(shape))
    throw new ServeError("INVALID_ARGUMENT", `input '${name}': its shape must be a list of at most ${MAX_RANK} sizes`);
  if (datatype === "BYTES") {
    const elements = elementsOfJoined(name, bytes);
    return { datatype, shape: shape ?? [elements.length], data: elements };
  }
  const size = DATATYPE_SIZES[datatype];
  if (bytes.byteLength % size !== 0)
    throw new ServeError("INVALID_ARGUMENT", `input '${name}': ${bytes.byteLength} bytes are no whole number of ${datatype} elements`);
  const data = elementsOf({ name, datatype, shape: [bytes.byteLength / size], data: bytes });
  return shape === undefined ? data : { datatype, shape, data };
}

function isShape(value: JsonValue): value is number[] {
  if (!Array.isArray(value) || value.length > MAX_RANK) return false;
  const sizes = value.filter((size): size is number => typeof size === "number" && Number.isSafeInteger(size) && size >= 0);
  return sizes.length === value.length && (!sizes.includes(0) || elementCount(sizes.filter((size) => size > 0)) <= MAX_EMPTY);
}

/** An answer: its tensors binary, anything else as JSON. `head` is told with it. */
export function encodeAnswer(payload: Payload, head: Readonly<Record<string, unknown>>): Message {
  if (payload.kind !== "tensors") {
    return { json: encoder.encode(jsonText({ ...head, value: jsonValueOf(payload) })), blobs: [] };
  }
  const blobs = payload.tensors.map((tensor) => (tensor.datatype === "BYTES" ? joined(tensor.data) : tensor.data));
  const outputs = payload.tensors.map(({ name, datatype, shape }, index) => ({
    name,
    datatype,
    shape,
    binary_data_size: (blobs[index] as Uint8Array).byteLength,
  }));
  const text = jsonText({ ...head, outputs });
  // Where the first tensor begins at a multiple of eight it need not be copied to be read.
  return { json: encoder.encode(text.padEnd(text.length + ((8 - (encoder.encode(text).byteLength % 8)) % 8))), blobs };
}

/** The payload of an answer. @throws ServeError INTERNAL for what is none */
export function decodeAnswer(head: Readonly<Record<string, JsonValue>>, bytes: Uint8Array): Payload {
  const { outputs, value } = head;
  if (!Array.isArray(outputs)) return { kind: "json", value: value ?? null };
  let offset = 0;
  const tensors = outputs.map((output): Tensor => {
    const { name, datatype, shape, binary_data_size: size } = (output ?? {}) as { readonly [key: string]: JsonValue | undefined };
    if (typeof name !== "string" || !isDatatype(datatype) || shape === undefined || !isShape(shape) || typeof size !== "number")
      throw new ServeError("INTERNAL", "the server's answer has an output that is no tensor");
    const data = bytes.subarray(offset, offset + size);
    offset += size;
    if (datatype === "BYTES") return { name, datatype, shape, data: elementsOfJoined(name, data) };
    if (data.byteLength !== elementCount(shape) * DATATYPE_SIZES[datatype])
      throw new ServeError("INTERNAL", `the server's answer has ${data.byteLength} bytes for output '${name}', ${datatype} [${shape}]`);
    return { name, datatype: datatype as Exclude<Datatype, "BYTES">, shape, data };
  });
  return { kind: "tensors", tensors };
}

/** A message as a stream has it. */
export function framed({ json, blobs }: Message): Uint8Array {
  const size = blobs.reduce((sum, blob) => sum + blob.byteLength, 0);
  const bytes = new Uint8Array(8 + json.byteLength + size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, json.byteLength, true);
  view.setUint32(4, size, true);
  bytes.set(json, 8);
  let offset = 8 + json.byteLength;
  for (const blob of blobs) {
    bytes.set(blob, offset);
    offset += blob.byteLength;
  }
  return bytes;
}

/** Elements with their lengths before them, as the binary data extension has them. */
function joined(elements: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(elements.reduce((sum, { byteLength }) => sum + 4 + byteLength, 0));
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const element of elements) {
    view.setUint32(offset, element.byteLength, true);
    bytes.set(element, offset + 4);
    offset += 4 + element.byteLength;
  }
  return bytes;
}

function elementsOfJoined(name: string, bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const elements: Uint8Array[] = [];
  for (let offset = 0; offset < bytes.byteLength; ) {
    const start = offset + 4;
    offset = start <= bytes.byteLength ? start + view.getUint32(offset, true) : Number.POSITIVE_INFINITY;
    if (offset > bytes.byteLength)
      throw new ServeError("INVALID_ARGUMENT", `'${name}': element ${elements.length} is longer than the bytes that are left`);
    elements.push(bytes.subarray(start, offset));
  }
  return elements;
}

/** JSON text; bigints become integers with all their digits. */
export function jsonText(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    // JSON.stringify stops at the first bigint, so only such values pay for the slower way.
    if (!(error instanceof TypeError) || !error.message.includes("BigInt")) throw error;
    return textWithBigints(value);
  }
}

function textWithBigints(value: unknown): string {
  const bigints: bigint[] = [];
  // Nobody knows it, so no other text holds it.
  const mark = crypto.randomUUID();
  const text = JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? `${mark}${bigints.push(each) - 1}` : each));
  return bigints.length === 0 ? text : text.replace(new RegExp(`"${mark}(\\d+)"`, "g"), (_, index) => String(bigints[Number(index)]));
}
