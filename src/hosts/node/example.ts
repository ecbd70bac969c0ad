import { readFile } from "node:fs/promises";
import { messageOf, ServeError } from "../../core/errors.ts";
import type { JsonValue, Payload } from "../../core/inference.ts";
import { allocateElements, bytesOf, elementCount, elementsOf, isDatatype, type Tensor } from "../../core/tensor.ts";

const encoder = new TextEncoder();

interface ExampleTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data: readonly unknown[];
}

/** A model's example.json; undefined when it has none. @throws ServeError INVALID_ARGUMENT */
export async function readExample(path: string | null): Promise<unknown> {
  if (path === null) return undefined;
  try {
    return parseExample(await readFile(path, "utf8"));
  } catch (error) {
    throw ServeError.from(error, "INVALID_ARGUMENT", `its example.json cannot be read: ${messageOf(error)}`);
  }
}

/** The text of an example.json. @throws ServeError INVALID_ARGUMENT */
export function parseExample(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ServeError("INVALID_ARGUMENT", `its example.json cannot be read: ${messageOf(error)}`);
  }
}

/**
 * An example as the payload that it describes: Open Inference Protocol `inputs` or V1 `instances`.
 * @throws ServeError INVALID_ARGUMENT
 */
export function payloadOf(example: unknown): Payload {
  const { inputs, instances } = (example ?? {}) as { inputs?: unknown; instances?: unknown };
  if (Array.isArray(instances)) return { kind: "rows", rows: instances as JsonValue[] };
  if (Array.isArray(inputs)) return { kind: "tensors", tensors: (inputs as ExampleTensor[]).map(toTensor) };
  throw new ServeError("INVALID_ARGUMENT", 'its example must have "inputs" (Open Inference Protocol) or "instances" (V1)');
}

function toTensor({ name, datatype, shape, data }: ExampleTensor): Tensor {
  if (!isDatatype(datatype)) throw new ServeError("INVALID_ARGUMENT", `its example has an input of the unknown datatype '${datatype}'`);
  const flat = data.flat(Number.POSITIVE_INFINITY);
  if (flat.length !== elementCount(shape)) {
    throw new ServeError("INVALID_ARGUMENT", `its example's input '${name}' has ${flat.length} values for the shape [${shape}]`);
  }
  if (datatype === "BYTES") return { name, datatype, shape, data: flat.map((text) => encoder.encode(String(text))) };
  const elements = allocateElements(datatype, flat.length);
  const wide = elements instanceof BigInt64Array || elements instanceof BigUint64Array;
  flat.forEach((value, index) => {
    elements[index] = (wide ? BigInt(value as number) : Number(value)) as never;
  });
  return { name, datatype, shape, data: bytesOf(elements) };
}

/** Tensors as an example that JSON can hold. */
export function exampleOf(tensors: readonly Tensor[]): { inputs: ExampleTensor[] } {
  const decoder = new TextDecoder();
  return {
    inputs: tensors.map((tensor) => {
      const { name, datatype, shape } = tensor;
      const data =
        tensor.datatype === "BYTES"
          ? tensor.data.map((element) => decoder.decode(element))
          : Array.from(elementsOf(tensor) as Iterable<number | bigint>, Number);
      return { name, datatype, shape, data };
    }),
  };
}
