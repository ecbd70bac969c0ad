import { BinaryWriter } from "@bufbuild/protobuf/wire";
import type { GrpcMessage } from "../../../core/grpc.ts";
import { jsonValueOf, type Parameters, type Payload } from "../../../core/inference.ts";
import { byteSize, type Tensor } from "../../../core/tensor.ts";
import { binaryElements } from "../../../encodings/index.ts";
import { contentsOf, hasTypedContents, tag, writeParameters, writeTensorHead } from "../../../grpc-messages/index.ts";
import { writeJson } from "../../shared/index.ts";

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
  writeParameters(
    writer,
    4,
    payload?.kind === "tensors" && payload.parameters !== undefined ? { ...payload.parameters, ...head.parameters } : head.parameters,
  );
  const pieces: Uint8Array[] = [];
  const isRaw = raw || !tensors.every(hasTypedContents);
  for (const tensor of tensors) {
    const place = written?.get(tensor.name);
    const contents = isRaw || place !== undefined ? [] : contentsOf(tensor);
    const length = contents.reduce((sum, piece) => sum + piece.byteLength, 0);
    const output = writeTensorHead(tensor, place ?? parameters);
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

/** A free-form answer is one BYTES tensor that says it is JSON. */
function outputsOf(payload: Payload | undefined): { readonly tensors: readonly Tensor[]; readonly parameters?: Parameters } {
  if (payload === undefined) return { tensors: [] };
  if (payload.kind === "tensors") return { tensors: payload.tensors };
  const tensor: Tensor = { name: "output-0", datatype: "BYTES", shape: [1], data: [encoder.encode(writeJson(jsonValueOf(payload)))] };
  return { tensors: [tensor], parameters: JSON_TYPE };
}
