import { type BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { ServeError } from "../core/errors.ts";
import type { Parameters } from "../core/inference.ts";
import type { Tensor } from "../core/tensor.ts";
import { type Entries, NO_PARAMETERS, parametersOf, readEntry, writeParameters } from "./parameters.ts";
import { add, readerOf, tag } from "./wire.ts";

/** An `InferInputTensor` or `InferOutputTensor`: both have the same fields. */
export interface TensorMessage {
  name: string;
  datatype: string;
  readonly shape: number[];
  parameters: Parameters;
  /** The bytes of its `InferTensorContents`, whose form depends on the datatype. */
  contents: Uint8Array | undefined;
}

const MAX_RANK = 32;

/** @throws ServeError INVALID_ARGUMENT for too many dimensions or parameters; what the reader throws for what is no such message */
export function readTensorMessage(bytes: Uint8Array): TensorMessage {
  const tensor: TensorMessage = { name: "", datatype: "", shape: [], parameters: NO_PARAMETERS, contents: undefined };
  const parameters: Entries = [];
  const reader = readerOf(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 3 && type === WireType.Varint) addDimension(tensor.shape, reader);
    else if (type !== WireType.LengthDelimited) reader.skip(type, field);
    else if (field === 1) tensor.name = reader.string();
    else if (field === 2) tensor.datatype = reader.string();
    else if (field === 3) {
      const end = reader.uint32() + reader.pos;
      if (end > reader.len) throw new RangeError("premature EOF");
      while (reader.pos < end) addDimension(tensor.shape, reader);
    } else if (field === 4) add(parameters, readEntry(reader.bytes()), "parameters");
    else if (field === 5) tensor.contents = merged(tensor.contents, reader.bytes());
    else reader.skip(type, field);
  }
  tensor.parameters = parametersOf(parameters);
  return tensor;
}

/** The message without its contents, which may follow as its last field. */
export function writeTensorHead({ name, datatype, shape }: Tensor, parameters: Parameters | undefined): BinaryWriter {
  const writer = new BinaryWriter();
  writer.uint32(tag(1)).string(name).uint32(tag(2)).string(datatype);
  const dimensions = new BinaryWriter();
  for (const dimension of shape) dimensions.int64(dimension);
  const packed = dimensions.finish();
  if (packed.byteLength > 0) writer.uint32(tag(3)).bytes(packed);
  writeParameters(writer, 4, parameters);
  return writer;
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
