import { BinaryWriter } from "@bufbuild/protobuf/wire";
import type { GrpcMessage } from "../../../core/grpc.ts";
import { jsonValueOf, type Parameters, type Payload } from "../../../core/inference.ts";
import { byteSize, elementsOf, type Tensor } from "../../../core/tensor.ts";
import { binaryElements } from "../../../encodings/index.ts";
import { writeJson } from "../../shared/index.ts";
import { CONTENT_FIELDS, MAX_ELEMENTS } from "./contents.ts";

/** What a `ModelInferResponse` says besides its outputs. */
export interface ResponseHead {
  readonly modelName: string;
  readonly modelVersion: string;
  readonly id: string;
  readonly parameters?: Parameters;
}

const encoder = new TextEncoder();
const JSON_TYPE: Parameters = { content_type: "application/json" };

/** Of outputs that were written into shared memory of the client: what the answer says in the place of their elements. */
export type Written = ReadonlyMap<string, Parameters>;

/**
 * A `ModelInferResponse`. Raw contents and typed floats are not copied.
 * @param raw all outputs are raw contents; else they are typed, unless one of them cannot be
 */
export function encodeResponse(head: ResponseHead, payload: Payload | undefined, raw: boolean, written?: Written): GrpcMessage {
  const { tensors, parameters } = outputsOf(payload);
  const writer = new BinaryWriter();
  if (head.modelName !== "") writer.uint32(tag(1)).string(head.modelName);
  if (head.modelVersion !== "") writer.uint32(tag(2)).string(head.modelVersion);
  if (head.id !== "") writer.uint32(tag(3)).string(head.id);
  writeParameters(writer, 4, head.parameters);
  const pieces: Uint8Array[] = [];
  const isRaw = raw || !tensors.every(canBeTyped);
  for (const tensor of tensors) {
    const place = written?.get(tensor.name);
    const contents = isRaw || place !== undefined ? [] : contentsOf(tensor);
    const length = contents.reduce((sum, piece) => sum + piece.byteLength, 0);
    const output = new BinaryWriter();
    output.uint32(tag(1)).string(tensor.name).uint32(tag(2)).string(tensor.datatype);
    const shape = new BinaryWriter();
    for (const dimension of tensor.shape) shape.int64(dimension);
    const shapeBytes = shape.finish();
    if (shapeBytes.byteLength > 0) output.uint32(tag(3)).bytes(shapeBytes);
    writeParameters(output, 4, place ?? parameters);
    if (!isRaw && place === undefined) output.uint32(tag(5)).uint32(length);
    const head = output.finish();
    writer
      .uint32(tag(5))
      .uint32(head.byteLength + length)
      .raw(head);
    if (length === 0) continue;
    pieces.push(writer.finish(), ...contents);
  }
  if (isRaw) {
    for (const tensor of tensors) {
      // Clients find the contents of an output by its number.
      if (written?.has(tensor.name) === true) {
        writer.uint32(tag(6)).uint32(0);
        continue;
      }
      writer.uint32(tag(6)).uint32(byteSize(tensor));
      pieces.push(writer.finish(), ...binaryElements(tensor));
    }
  }
  const rest = writer.finish();
  if (rest.byteLength > 0) pieces.push(rest);
  return pieces;
}

/** A `ModelStreamInferResponse` around a response, with the error of the request when it has failed. */
export function encodeStreamResponse(response: GrpcMessage, error?: string): GrpcMessage {
  const writer = new BinaryWriter();
  if (error !== undefined) writer.uint32(tag(1)).string(error);
  writer.uint32(tag(2)).uint32(response.reduce((sum, piece) => sum + piece.byteLength, 0));
  return [writer.finish(), ...response];
}

/** Lengths follow the tag. */
function tag(field: number): number {
  return (field << 3) | 2;
}

function canBeTyped(tensor: Tensor): boolean {
  if (CONTENT_FIELDS[tensor.datatype] === undefined) return false;
  // Floats and booleans are written as they are.
  if (tensor.datatype === "FP32" || tensor.datatype === "FP64" || tensor.datatype === "BOOL") return true;
  return (tensor.datatype === "BYTES" ? tensor.data.length : tensor.data.byteLength) <= MAX_ELEMENTS;
}

/** An `InferTensorContents`, in pieces. */
function contentsOf(tensor: Tensor): Uint8Array[] {
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

function writeParameters(writer: BinaryWriter, field: number, parameters: Parameters | undefined): void {
  for (const [key, value] of Object.entries(parameters ?? {})) {
    writer.uint32(tag(field)).fork().uint32(tag(1)).string(key).uint32(tag(2)).fork();
    if (typeof value === "boolean") writer.uint32(8).bool(value);
    else if (typeof value === "string") writer.uint32(tag(3)).string(value);
    else if (typeof value === "bigint" && value >= 2n ** 63n) writer.uint32(5 << 3).uint64(value);
    else if (typeof value === "bigint" || Number.isSafeInteger(value)) writer.uint32(2 << 3).int64(value);
    else writer.uint32((4 << 3) | 1).double(value);
    writer.join().join();
  }
}

/** A free-form answer is one BYTES tensor that says it is JSON. */
function outputsOf(payload: Payload | undefined): { readonly tensors: readonly Tensor[]; readonly parameters?: Parameters } {
  if (payload === undefined) return { tensors: [] };
  if (payload.kind === "tensors") return payload;
  const tensor: Tensor = { name: "output-0", datatype: "BYTES", shape: [1], data: [encoder.encode(writeJson(jsonValueOf(payload)))] };
  return { tensors: [tensor], parameters: JSON_TYPE };
}
