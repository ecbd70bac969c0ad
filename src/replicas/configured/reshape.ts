import { ServeError } from "../../core/errors.ts";
import { elementCount, type Tensor } from "../../core/tensor.ts";

/** Two shapes of one tensor, without the dimension of rows; the variable dimensions of one are those of the other, in their order. */
export interface Reshape {
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/**
 * The same elements in another shape.
 * @param hasRows its first dimension is rows, and stays
 * @throws ServeError INTERNAL for a tensor whose shape is not the one that is expected
 */
export function reshaped(tensor: Tensor, { from, to }: Reshape, hasRows: boolean): Tensor {
  const own = hasRows ? tensor.shape.slice(1) : tensor.shape;
  const fits = own.length === from.length && from.every((dimension, axis) => dimension === -1 || dimension === own[axis]);
  const variable = own.filter((_, axis) => from[axis] === -1);
  const shape = [
    ...(hasRows ? tensor.shape.slice(0, 1) : []),
    ...to.map((dimension) => (dimension === -1 ? (variable.shift() ?? -1) : dimension)),
  ];
  if (!fits || elementCount(shape) !== elementCount(tensor.shape)) {
    const expected = hasRows ? ["rows", ...from] : from;
    throw new ServeError("INTERNAL", `'${tensor.name}' has the shape [${tensor.shape}]; its reshape expects [${expected}]`);
  }
  return { ...tensor, shape };
}
