import { Tensor as OrtTensor } from "onnxruntime-node";
import { ServeError } from "../core/errors.ts";
import { bytesOf, type Datatype, elementsOf, type NumericArray, type Tensor } from "../core/tensor.ts";

/** ONNX Runtime's names of the element types. */
const TYPES: Readonly<Partial<Record<Datatype, string>>> = {
  BOOL: "bool",
  UINT8: "uint8",
  UINT16: "uint16",
  UINT32: "uint32",
  UINT64: "uint64",
  INT8: "int8",
  INT16: "int16",
  INT32: "int32",
  INT64: "int64",
  FP16: "float16",
  FP32: "float32",
  FP64: "float64",
  BYTES: "string",
};
const DATATYPES = Object.fromEntries(Object.entries(TYPES).map(([datatype, type]) => [type, datatype])) as Record<string, Datatype>;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** @throws ServeError UNIMPLEMENTED for element types that the Open Inference Protocol or ONNX Runtime's binding lacks */
export function datatypeOf(type: string, name: string): Datatype {
  const datatype = DATATYPES[type];
  if (datatype === undefined) throw new ServeError("UNIMPLEMENTED", `'${name}' has elements of type ${type}, which cannot be served`);
  return datatype;
}

/**
 * Numeric tensors share their memory with ONNX Runtime's where they are aligned.
 * @throws ServeError INVALID_ARGUMENT for bytes that are no text
 */
export function toOrt(tensor: Tensor): OrtTensor {
  const { datatype, shape } = tensor;
  if (tensor.datatype === "BYTES")
    return new OrtTensor(
      "string",
      tensor.data.map((element, index) => textOf(element, index, tensor.name)),
      shape,
    );
  // Where Node has a Float16Array (24), the class OrtTensor makes one of it, whose length the binding reads as 0; it takes the bits as they are.
  if (datatype === "FP16") return { type: "float16", dims: shape, data: elementsOf(tensor), location: "cpu" } as unknown as OrtTensor;
  return new OrtTensor(TYPES[datatype] as "float32", elementsOf(tensor) as Float32Array, shape);
}

/** The binding takes text where ONNX itself would take any bytes. */
function textOf(element: Uint8Array, index: number, name: string): string {
  try {
    return decoder.decode(element);
  } catch {
    throw new ServeError("INVALID_ARGUMENT", `element ${index} of input '${name}' is not UTF-8, which strings of ONNX models must be here`);
  }
}

export function fromOrt(name: string, tensor: OrtTensor): Tensor {
  const datatype = datatypeOf(tensor.type, name);
  const shape = [...tensor.dims];
  if (datatype === "BYTES") return { name, datatype, shape, data: (tensor.data as string[]).map((text) => encoder.encode(text)) };
  return { name, datatype, shape, data: bytesOf(tensor.data as NumericArray) };
}
