import { ServeError } from "../../core/errors.ts";
import type { JsonValue, Payload } from "../../core/inference.ts";
import { isDatatype, type Tensor } from "../../core/tensor.ts";
import { describe, isObject, readBinary, readData } from "../../encodings/index.ts";
import { ofAnswer, readJson } from "./read-json.ts";

/**
 * The outputs of an infer answer, of JSON alone or with binary tensors after it. `jsonLength` is the header Inference-Header-Content-Length.
 * One text that says that it is JSON, as this server writes answers without tensors, is that JSON.
 * @throws ServeError INTERNAL for what is none
 */
export function decodeV2(body: Uint8Array, jsonLength: string | undefined): Payload {
  return ofAnswer(() => {
    const length = jsonLength === undefined ? body.byteLength : Number(jsonLength);
    if (!(Number.isSafeInteger(length) && length >= 0 && length <= body.byteLength))
      throw wrong("Inference-Header-Content-Length", jsonLength);
    const answer = readJson(body.subarray(0, length));
    if (!isObject(answer) || !Array.isArray(answer.outputs)) throw wrong("outputs", isObject(answer) ? answer.outputs : answer);
    // Not as the Buffer that it is, whose slices are views.
    const binary = new Uint8Array(body.buffer, body.byteOffset + length, body.byteLength - length);
    let offset = 0;
    const tensors = answer.outputs.map((output, index) => {
      const size = sizeOf(output, index);
      const tensor = readOutput(output, index, size === undefined ? undefined : binary.subarray(offset, offset + size));
      offset += size ?? 0;
      return tensor;
    });
    const [first] = answer.outputs;
    const [only] = tensors;
    if (tensors.length === 1 && only?.datatype === "BYTES" && only.data.length === 1 && saysJson(first)) {
      return { kind: "json", value: readJson(only.data[0] as Uint8Array) };
    }
    return { kind: "tensors", tensors };
  });
}

function readOutput(output: JsonValue, index: number, bytes: Uint8Array | undefined): Tensor {
  if (!isObject(output)) throw wrong(`outputs[${index}]`, output);
  const { name, datatype, shape, data } = output;
  if (typeof name !== "string") throw wrong(`outputs[${index}].name`, name);
  if (!isDatatype(datatype)) throw wrong(`outputs[${index}].datatype`, datatype);
  if (!isShape(shape)) throw wrong(`outputs[${index}].shape`, shape);
  return bytes === undefined ? readData(name, datatype, shape, data) : readBinary(name, datatype, shape, bytes, undefined, "output");
}

function isShape(shape: JsonValue | undefined): shape is number[] {
  return (
    Array.isArray(shape) && shape.every((dimension) => typeof dimension === "number" && Number.isSafeInteger(dimension) && dimension >= 0)
  );
}

/** Bytes after the JSON; undefined for data in it. */
function sizeOf(output: JsonValue, index: number): number | undefined {
  const size = isObject(output) && isObject(output.parameters) ? output.parameters.binary_data_size : undefined;
  if (size === undefined || size === null) return undefined;
  if (typeof size === "number" && Number.isSafeInteger(size) && size >= 0) return size;
  throw wrong(`outputs[${index}].parameters.binary_data_size`, size);
}

function saysJson(output: JsonValue | undefined): boolean {
  return isObject(output) && isObject(output.parameters) && output.parameters.content_type === "application/json";
}

function wrong(field: string, value: JsonValue | undefined): ServeError {
  return new ServeError("INTERNAL", `${field} is ${describe(value)}`);
}
