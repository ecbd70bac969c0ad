import { readFile } from "node:fs/promises";
import { messageOf, ServeError } from "../../core/errors.ts";
import type { JsonValue, Payload } from "../../core/inference.ts";
import { isDatatype, type Tensor } from "../../core/tensor.ts";
import { isObject, parseJson, readData } from "../../encodings/index.ts";

/** A model's `example.json`: Open Inference Protocol inputs or V1 instances. @throws ServeError INVALID_ARGUMENT for what is neither */
export async function readExample(file: string): Promise<{ readonly value: JsonValue; readonly payload: Payload }> {
  try {
    const value = parseJson(await readFile(file));
    return { value, payload: payloadOf(value) };
  } catch (error) {
    throw new ServeError("INVALID_ARGUMENT", `its example.json is no request: ${messageOf(error)}`, { cause: error });
  }
}

function payloadOf(value: JsonValue): Payload {
  const { inputs, instances } = isObject(value) ? value : { inputs: undefined, instances: value };
  if (Array.isArray(instances)) return { kind: "rows", rows: instances };
  if (isObject(inputs)) return { kind: "columns", columns: inputs };
  if (!Array.isArray(inputs)) throw new ServeError("INVALID_ARGUMENT", 'expected "inputs" or "instances"');
  const tensors = inputs.map(tensorOf);
  return tensors.every((tensor) => tensor !== undefined) ? { kind: "tensors", tensors: [...tensors] } : { kind: "rows", rows: inputs };
}

/** Undefined for what does not look like a tensor. */
function tensorOf(input: JsonValue): Tensor | undefined {
  if (!isObject(input)) return undefined;
  const { name, datatype, shape, data } = input;
  if (typeof name !== "string" || !isDatatype(datatype) || !Array.isArray(shape)) return undefined;
  return readData(name, datatype, shape.map(Number), data);
}
