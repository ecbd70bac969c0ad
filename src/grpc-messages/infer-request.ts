import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Parameters } from "../core/inference.ts";
import { byteSize, type Tensor } from "../core/tensor.ts";
import { binaryElements } from "../encodings/index.ts";
import { type Entries, NO_PARAMETERS, parametersOf, readEntry, writeParameters } from "./parameters.ts";
import { readTensorMessage, type TensorMessage, writeTensorHead } from "./tensor-message.ts";
import { parsed } from "./typed.ts";
import { add, readerOf, tag } from "./wire.ts";

/** A `ModelInferRequest`, read by hand: its tensors are views of the message's bytes. */
export interface InferMessage {
  modelName: string;
  modelVersion: string;
  id: string;
  parameters: Parameters;
  readonly inputs: TensorMessage[];
  readonly outputs: RequestedOutput[];
  readonly raw: Uint8Array[];
}

export interface RequestedOutput {
  name: string;
  parameters: Parameters;
}

/** @throws ServeError INVALID_ARGUMENT for bytes that are no such message, and for one with too many fields */
export function readInferMessage(bytes: Uint8Array): InferMessage {
  return parsed("ModelInferRequest", () => readRequest(bytes));
}

function readRequest(bytes: Uint8Array): InferMessage {
  const message: InferMessage = { modelName: "", modelVersion: "", id: "", parameters: NO_PARAMETERS, inputs: [], outputs: [], raw: [] };
  const parameters: Entries = [];
  const reader = readerOf(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (type !== WireType.LengthDelimited) reader.skip(type, field);
    else if (field === 1) message.modelName = reader.string();
    else if (field === 2) message.modelVersion = reader.string();
    else if (field === 3) message.id = reader.string();
    else if (field === 4) add(parameters, readEntry(reader.bytes()), "parameters");
    else if (field === 5) add(message.inputs, readTensorMessage(reader.bytes()), "inputs");
    else if (field === 6) add(message.outputs, readOutput(reader.bytes()), "outputs");
    else if (field === 7) add(message.raw, reader.bytes(), "raw_input_contents");
    else reader.skip(type, field);
  }
  message.parameters = parametersOf(parameters);
  return message;
}

function readOutput(bytes: Uint8Array): RequestedOutput {
  const output: RequestedOutput = { name: "", parameters: NO_PARAMETERS };
  const parameters: Entries = [];
  const reader = readerOf(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (type !== WireType.LengthDelimited) reader.skip(type, field);
    else if (field === 1) output.name = reader.string();
    else if (field === 2) add(parameters, readEntry(reader.bytes()), "parameters");
    else reader.skip(type, field);
  }
  output.parameters = parametersOf(parameters);
  return output;
}

/** What a `ModelInferRequest` asks for. */
export interface InferQuestion {
  readonly modelName: string;
  readonly tensors: readonly Tensor[];
  /** Names of the outputs wanted; absent for all. */
  readonly outputs?: readonly string[];
  readonly parameters?: Parameters;
}

/** A `ModelInferRequest` whose inputs are raw contents: the bytes of numbers are not copied. */
export function encodeInferRequest({ modelName, tensors, outputs, parameters }: InferQuestion): readonly Uint8Array[] {
  const writer = new BinaryWriter();
  writer.uint32(tag(1)).string(modelName);
  writeParameters(writer, 4, parameters);
  for (const tensor of tensors) writer.uint32(tag(5)).bytes(writeTensorHead(tensor, undefined).finish());
  for (const name of outputs ?? []) writer.uint32(tag(6)).fork().uint32(tag(1)).string(name).join();
  const pieces: Uint8Array[] = [];
  for (const tensor of tensors) {
    writer.uint32(tag(7)).uint32(byteSize(tensor));
    pieces.push(writer.finish(), ...binaryElements(tensor));
  }
  const rest = writer.finish();
  if (rest.byteLength > 0) pieces.push(rest);
  return pieces;
}
