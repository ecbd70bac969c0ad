import type { Payload } from "../../core/inference.ts";
import { DATATYPE_SIZES, type Tensor } from "../../core/tensor.ts";

/** From where on JSON takes so long to read or to write that it is done outside of the event loop. */
export interface LargeLimits {
  /** Bytes of JSON in a request. */
  readonly maxBytes: number;
  /** Elements in an answer. */
  readonly maxElements: number;
}

export type Tensors = Extract<Payload, { kind: "tensors" }>;

/** Bytes of text that take about as long to write as one number. */
const TEXT_AS_NUMBER = 8;

/** Whether the tensors have more elements than `maxElements`; text counts by its length too. */
export function hasMoreElements(payload: Payload, maxElements: number): payload is Tensors {
  if (payload.kind !== "tensors") return false;
  let elements = 0;
  for (const tensor of payload.tensors) elements += weightOf(tensor, maxElements);
  return elements > maxElements;
}

/** What is above `enough` is not counted to its end. */
function weightOf(tensor: Tensor, enough: number): number {
  if (tensor.datatype !== "BYTES") return tensor.data.byteLength / DATATYPE_SIZES[tensor.datatype];
  let weight = tensor.data.length;
  for (const element of tensor.data) {
    if (weight > enough) break;
    weight += element.byteLength / TEXT_AS_NUMBER;
  }
  return weight;
}
