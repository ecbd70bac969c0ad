import { WireType } from "@bufbuild/protobuf/wire";
import { ServeError } from "../core/errors.ts";
import type { Parameters } from "../core/inference.ts";
import { elementCount, isDatatype, type Tensor } from "../core/tensor.ts";
import { readBinary } from "../encodings/index.ts";
import { readContents } from "./contents.ts";
import { type Entries, parametersOf, readEntry } from "./parameters.ts";
import { readTensorMessage, type TensorMessage } from "./tensor-message.ts";
import { parsed } from "./typed.ts";
import { add, readerOf } from "./wire.ts";

/** A `ModelInferResponse`; its tensors are views of the message's bytes. */
export interface InferAnswer {
  readonly tensors: readonly Tensor[];
  readonly parameters: Parameters;
}

/** A `ModelStreamInferResponse`; an empty `error` is none. */
export interface StreamAnswer {
  readonly error: string;
  readonly answer: InferAnswer;
}

const NOTHING = new Uint8Array(0);

/** @throws ServeError INVALID_ARGUMENT for bytes that are no such message, and for tensors whose bytes and shapes disagree */
export function readInferResponse(bytes: Uint8Array): InferAnswer {
  return parsed("ModelInferResponse", () => readResponse(bytes));
}

/** @throws as {@link readInferResponse} does */
export function readStreamResponse(bytes: Uint8Array): StreamAnswer {
  return parsed("ModelStreamInferResponse", () => {
    let error = "";
    let response: Uint8Array = NOTHING;
    const reader = readerOf(bytes);
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag();
      if (field === 1 && type === WireType.LengthDelimited) error = reader.string();
      else if (field === 2 && type === WireType.LengthDelimited) response = reader.bytes();
      else reader.skip(type, field);
    }
    return { error, answer: readResponse(response) };
  });
}

function readResponse(bytes: Uint8Array): InferAnswer {
  const parameters: Entries = [];
  const outputs: TensorMessage[] = [];
  const raw: Uint8Array[] = [];
  const reader = readerOf(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (type !== WireType.LengthDelimited) reader.skip(type, field);
    else if (field === 4) add(parameters, readEntry(reader.bytes()), "parameters");
    else if (field === 5) add(outputs, readTensorMessage(reader.bytes()), "outputs");
    else if (field === 6) add(raw, reader.bytes(), "raw_output_contents");
    else reader.skip(type, field);
  }
  if (raw.length > 0 && raw.length !== outputs.length) {
    throw new ServeError("INVALID_ARGUMENT", `there are ${raw.length} raw_output_contents for ${outputs.length} outputs`);
  }
  return { tensors: outputs.map((output, index) => tensorOf(output, raw[index])), parameters: parametersOf(parameters) };
}

function tensorOf({ name, datatype, shape, contents }: TensorMessage, raw: Uint8Array | undefined): Tensor {
  if (!isDatatype(datatype)) throw new ServeError("INVALID_ARGUMENT", `output '${name}' has the datatype '${datatype.slice(0, 40)}'`);
  const count = elementCount(shape);
  if (shape.some((dimension) => dimension < 0) || !Number.isSafeInteger(count)) {
    throw new ServeError("INVALID_ARGUMENT", `output '${name}' has the shape [${shape}]`);
  }
  if (raw !== undefined) return readBinary(name, datatype, shape, raw, undefined, "output");
  return readContents(name, datatype, shape, count, contents ?? NOTHING, "output");
}
