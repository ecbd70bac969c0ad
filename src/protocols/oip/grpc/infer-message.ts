import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { messageOf, ServeError } from "../../../core/errors.ts";
import type { Parameters, ParameterValue } from "../../../core/inference.ts";

/** A `ModelInferRequest`, read by hand: its tensors are views of the message's bytes. */
export interface InferMessage {
  modelName: string;
  modelVersion: string;
  id: string;
  parameters: Parameters;
  readonly inputs: InputMessage[];
  readonly outputs: RequestedOutput[];
  readonly raw: Uint8Array[];
}

export interface InputMessage {
  name: string;
  datatype: string;
  readonly shape: number[];
  parameters: Parameters;
  /** The bytes of its `InferTensorContents`, whose form depends on the datatype. */
  contents: Uint8Array | undefined;
}

export interface RequestedOutput {
  name: string;
  parameters: Parameters;
}

/** Inputs, outputs, raw contents and parameters that one message may have of each. */
const MAX_FIELDS = 1024;
const MAX_RANK = 32;

/** @throws ServeError INVALID_ARGUMENT for bytes that are no such message, and for one with too many fields */
export function readInferMessage(bytes: Uint8Array): InferMessage {
  return parsed("ModelInferRequest", () => readRequest(bytes));
}

/** What `read` makes of the bytes of a message. @throws ServeError INVALID_ARGUMENT for what the library finds wrong with them */
export function parsed<Value>(name: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof ServeError) throw error;
    throw new ServeError("INVALID_ARGUMENT", `the message is no ${name}: ${messageOf(error)}`);
  }
}

function readRequest(bytes: Uint8Array): InferMessage {
  const message: InferMessage = { modelName: "", modelVersion: "", id: "", parameters: NONE, inputs: [], outputs: [], raw: [] };
  const parameters: Entries = [];
  const reader = readerOf(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (type !== WireType.LengthDelimited) reader.skip(type, field);
    else if (field === 1) message.modelName = reader.string();
    else if (field === 2) message.modelVersion = reader.string();
    else if (field === 3) message.id = reader.string();
    else if (field === 4) add(parameters, readEntry(reader.bytes()), "parameters");
    else if (field === 5) add(message.inputs, readInput(reader.bytes()), "inputs");
    else if (field === 6) add(message.outputs, readOutput(reader.bytes()), "outputs");
    else if (field === 7) add(message.raw, reader.bytes(), "raw_input_contents");
    else reader.skip(type, field);
  }
  message.parameters = parametersOf(parameters);
  return message;
}

function readInput(bytes: Uint8Array): InputMessage {
  const input: InputMessage = { name: "", datatype: "", shape: [], parameters: NONE, contents: undefined };
  const parameters: Entries = [];
  const reader = readerOf(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 3 && type === WireType.Varint) addDimension(input.shape, reader);
    else if (type !== WireType.LengthDelimited) reader.skip(type, field);
    else if (field === 1) input.name = reader.string();
    else if (field === 2) input.datatype = reader.string();
    else if (field === 3) {
      const end = reader.uint32() + reader.pos;
      if (end > reader.len) throw new RangeError("premature EOF");
      while (reader.pos < end) addDimension(input.shape, reader);
    } else if (field === 4) add(parameters, readEntry(reader.bytes()), "parameters");
    else if (field === 5) input.contents = merged(input.contents, reader.bytes());
    else reader.skip(type, field);
  }
  input.parameters = parametersOf(parameters);
  return input;
}

function readOutput(bytes: Uint8Array): RequestedOutput {
  const output: RequestedOutput = { name: "", parameters: NONE };
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

/** One field of a message that comes twice: the bytes behind each other mean both. */
function merged(first: Uint8Array | undefined, second: Uint8Array): Uint8Array {
  return first === undefined || first.byteLength === 0 ? second : Buffer.concat([first, second]);
}

function addDimension(shape: number[], reader: BinaryReader): void {
  if (shape.length >= MAX_RANK) throw new ServeError("INVALID_ARGUMENT", `a shape has more than ${MAX_RANK} dimensions`);
  const dimension = Number(reader.int64());
  if (!Number.isSafeInteger(dimension)) throw new ServeError("INVALID_ARGUMENT", `a dimension of a shape is ${dimension}`);
  shape.push(dimension);
}

type Entries = Array<readonly [string, ParameterValue | undefined]>;
const NONE: Parameters = {};

/** An entry of a map of `InferParameter`s; a value of none of its kinds is as good as absent. */
function readEntry(bytes: Uint8Array): Entries[number] {
  let key = "";
  let value: ParameterValue | undefined;
  const reader = readerOf(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (type !== WireType.LengthDelimited) reader.skip(type, field);
    else if (field === 1) key = reader.string();
    else if (field === 2) value = readParameter(reader.bytes()) ?? value;
    else reader.skip(type, field);
  }
  return [key, value];
}

function readParameter(bytes: Uint8Array): ParameterValue | undefined {
  let value: ParameterValue | undefined;
  const reader = readerOf(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 1 && type === WireType.Varint) value = reader.bool();
    else if (field === 2 && type === WireType.Varint) value = numberOf(BigInt(reader.int64()));
    else if (field === 3 && type === WireType.LengthDelimited) value = reader.string();
    else if (field === 4 && type === WireType.Bit64) value = reader.double();
    else if (field === 5 && type === WireType.Varint) value = numberOf(BigInt(reader.uint64()));
    else reader.skip(type, field);
  }
  return value;
}

/** As JSON has them here: a bigint only where a number would not be exact. */
function numberOf(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function parametersOf(entries: Entries): Parameters {
  if (entries.length === 0) return NONE;
  return Object.fromEntries(entries.filter((entry): entry is [string, ParameterValue] => entry[1] !== undefined));
}

function add<Value>(list: Value[], value: Value, name: string): void {
  if (list.length >= MAX_FIELDS) throw new ServeError("INVALID_ARGUMENT", `${name}: there are more than ${MAX_FIELDS}`);
  list.push(value);
}

function readerOf(bytes: Uint8Array): BinaryReader {
  return new BinaryReader(bytes, textOf);
}

/** Quicker for the short names of models and tensors than the library's decoder. */
function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}
