import { ServeError } from "../core/errors.ts";
import type { JsonValue, ParameterValue, Payload } from "../core/inference.ts";
import { byteSize, DATATYPE_SIZES, elementCount, isDatatype, type Tensor } from "../core/tensor.ts";
import type { JsonObject, PayloadMetadata, TensorMetadata } from "./frame.ts";

/** A payload's part of the metadata, and the blobs that go with it; numeric ones are not copied. */
export function encodePayload(payload: Payload): { meta: PayloadMetadata; blobs: Uint8Array[] } {
  switch (payload.kind) {
    case "tensors": {
      const { metadata, blobs } = encodeTensors(payload.tensors);
      const { parameters } = payload;
      return { meta: parameters === undefined ? { tensors: metadata } : { tensors: metadata, parameters }, blobs };
    }
    case "rows":
      return { meta: { rows: payload.rows }, blobs: [] };
    case "columns":
      return { meta: { columns: payload.columns }, blobs: [] };
    case "json":
      return { meta: { json: payload.value }, blobs: [] };
    case "raw":
      throw new ServeError("INTERNAL", "a raw body is for a server of a model's own, and not for a host");
  }
}

/**
 * The payload of a frame; tensors are views of the blobs.
 * @throws ServeError DATA_LOSS when there is none, or a tensor's shape and blob disagree
 */
export function decodePayload(meta: JsonObject, blobs: readonly Uint8Array[]): Payload {
  const { tensors, rows, columns, json } = meta;
  if (Array.isArray(tensors)) return { kind: "tensors", tensors: tensors.map((tensor, index) => decodeTensor(tensor, blobs[index])) };
  if (Array.isArray(rows)) return { kind: "rows", rows };
  if (isObject(columns)) return { kind: "columns", columns };
  if (json !== undefined) return { kind: "json", value: json };
  throw new ServeError("DATA_LOSS", "broken frame: no payload");
}

/** The payload of a frame that answers, with the parameters that the model has set. @throws ServeError DATA_LOSS */
export function decodeAnswer(meta: JsonObject, blobs: readonly Uint8Array[]): Payload {
  const payload = decodePayload(meta, blobs);
  return payload.kind === "tensors" ? answerOf(payload.tensors, meta.parameters) : payload;
}

/** What is no parameter of the Open Inference Protocol is left out. */
export function answerOf(tensors: readonly Tensor[], parameters: JsonValue | undefined): Payload {
  if (!isObject(parameters)) return { kind: "tensors", tensors };
  const known: Record<string, ParameterValue> = {};
  for (const [name, value] of Object.entries(parameters)) {
    if (typeof value === "string" || typeof value === "number" || typeof value === "bigint" || typeof value === "boolean")
      known[name] = value;
  }
  return { kind: "tensors", tensors, parameters: known };
}

/** What the metadata says of tensors, and their blobs; numeric ones are not copied. */
function encodeTensors(tensors: readonly Tensor[]): { metadata: TensorMetadata[]; blobs: Uint8Array[] } {
  const metadata: TensorMetadata[] = [];
  const blobs: Uint8Array[] = [];
  for (const tensor of tensors) {
    const { name, datatype, shape } = tensor;
    const blob = blobOf(tensor);
    metadata.push({ name, datatype, shape, bytes: blob.byteLength });
    blobs.push(blob);
  }
  return { metadata, blobs };
}

/** A tensor's elements as they are in a frame; numeric ones are not copied. */
export function blobOf(tensor: Tensor): Uint8Array {
  return tensor.datatype === "BYTES" ? joinElements(tensor.data, byteSize(tensor)) : tensor.data;
}

function decodeTensor(meta: JsonValue, blob: Uint8Array | undefined): Tensor {
  if (blob === undefined || !isObject(meta)) throw brokenTensor(meta);
  const { name, datatype, shape } = meta;
  if (typeof name !== "string" || !isDatatype(datatype) || !isShape(shape)) throw brokenTensor(meta);
  const count = elementCount(shape);
  if (datatype !== "BYTES") {
    if (blob.byteLength !== count * DATATYPE_SIZES[datatype]) throw brokenTensor(meta);
    return { name, datatype, shape, data: blob };
  }
  const data = splitElements(blob);
  if (data?.length !== count) throw brokenTensor(meta);
  return { name, datatype, shape, data };
}

/** The elements of a BYTES tensor, each with its length before it: `total` bytes. */
function joinElements(elements: readonly Uint8Array[], total: number): Uint8Array {
  const joined = Buffer.allocUnsafe(total);
  let offset = 0;
  for (const element of elements) {
    offset = joined.writeUInt32LE(element.byteLength, offset);
    joined.set(element, offset);
    offset += element.byteLength;
  }
  return joined;
}

/** Views of the elements, or undefined when the lengths do not add up. */
function splitElements(blob: Uint8Array): Uint8Array[] | undefined {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  const elements: Uint8Array[] = [];
  let offset = 0;
  while (offset < blob.byteLength) {
    if (offset + 4 > blob.byteLength) return undefined;
    const start = offset + 4;
    offset = start + view.getUint32(offset, true);
    if (offset > blob.byteLength) return undefined;
    elements.push(blob.subarray(start, offset));
  }
  return elements;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isShape(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((dimension) => Number.isSafeInteger(dimension) && dimension >= 0);
}

function brokenTensor(meta: JsonValue | undefined): ServeError {
  return new ServeError("DATA_LOSS", `broken frame: tensor ${isObject(meta) ? String(meta.name) : ""}`);
}
