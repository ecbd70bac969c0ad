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

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** @throws ServeError UNIMPLEMENTED for element types that the Open Inference Protocol or ONNX Runtime's binding lacks */
export function datatypeOf(type: string, name: string): Datatype {
  const datatype = DATATYPES[type];
  if (datatype === undefined) throw new ServeError("UNIMPLEMENTED", `'${name}' has elements of type ${type}, which cannot be served`);
  return datatype;
}

/** Numeric tensors share their memory with ONNX Runtime's where they are aligned. */
export function toOrt(tensor: Tensor): OrtTensor {
  const { datatype, shape } = tensor;
  if (tensor.datatype === "BYTES")
    return new OrtTensor(
      "string",
      tensor.data.map((element) => decoder.decode(element)),
      shape,
    );
  return new OrtTensor(TYPES[datatype] as "float32", elementsOf(tensor) as Float32Array, shape);
}

export function fromOrt(name: string, tensor: OrtTensor): Tensor {
  const datatype = datatypeOf(tensor.type, name);
  const shape = [...tensor.dims];
  if (datatype === "BYTES") return { name, datatype, shape, data: (tensor.data as string[]).map((text) => encoder.encode(text)) };
  return { name, datatype, shape, data: bytesOf(tensor.data as NumericArray) };
}
