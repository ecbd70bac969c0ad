import type { TensorSpec } from "../core/signature.ts";
import { allocateElements, bytesOf, elementCount, type Tensor } from "../core/tensor.ts";

const text = new TextEncoder().encode("0");

/** Inputs with `rows` rows that differ from each other; variable dimensions are 1. */
export function generateRows(inputs: readonly TensorSpec[], rows: number): Tensor[] {
  return inputs.map(({ name, datatype, shape: declared }) => {
    const shape = declared.map((dimension, axis) => (dimension >= 0 ? dimension : axis === 0 ? rows : 1));
    const count = elementCount(shape);
    if (datatype === "BYTES") return { name, datatype, shape, data: Array<Uint8Array>(count).fill(text) };
    const elements = allocateElements(datatype, count);
    const perRow = rows === 0 ? 0 : count / rows;
    const isWide = elements instanceof BigInt64Array || elements instanceof BigUint64Array;
    for (let index = 0; index < count; index++) {
      const value = Math.floor(index / perRow) % 2;
      elements[index] = (isWide ? BigInt(value) : value) as never;
    }
    return { name, datatype, shape, data: bytesOf(elements) };
  });
}
