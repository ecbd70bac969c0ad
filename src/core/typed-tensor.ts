import { type Datatype, elementsOf, type NumericDatatype, type Tensor } from "./tensor.ts";

/** A tensor as people's code sees it. Text of a BYTES tensor is decoded from UTF-8. FP16 and BF16 are bits in a Uint16Array. */
export type TypedTensor = { [Name in Datatype]: TensorOf<Name> }[Datatype];

export interface TensorOf<Name extends Datatype> {
  readonly datatype: Name;
  readonly shape: readonly number[];
  readonly data: Name extends NumericDatatype ? Elements[Name] : readonly string[];
}

interface Elements {
  readonly BOOL: Uint8Array;
  readonly UINT8: Uint8Array;
  readonly UINT16: Uint16Array;
  readonly UINT32: Uint32Array;
  readonly UINT64: BigUint64Array;
  readonly INT8: Int8Array;
  readonly INT16: Int16Array;
  readonly INT32: Int32Array;
  readonly INT64: BigInt64Array;
  readonly FP16: Uint16Array;
  readonly BF16: Uint16Array;
  readonly FP32: Float32Array;
  readonly FP64: Float64Array;
}

const decoder = new TextDecoder();

/** Numbers are a view of the tensor's memory where that is aligned. */
export function toTypedTensor(tensor: Tensor): TypedTensor {
  // A program may change it; answers of the same shape may have one list.
  const shape = [...tensor.shape];
  if (tensor.datatype === "BYTES") return { datatype: "BYTES", shape, data: tensor.data.map((element) => decoder.decode(element)) };
  return { datatype: tensor.datatype, shape, data: elementsOf(tensor) } as TypedTensor;
}
