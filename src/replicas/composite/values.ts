import type { Tensor } from "../../core/tensor.ts";
import type { PlannedInput, PlannedOutput, PlannedStep } from "./plan.ts";
import { areLike } from "./tensor-nodes.ts";

/** What a tensor of an ensemble is for one request. */
export interface Value {
  /** Undefined when it was left out: an optional input, or an output that its model has not given. */
  readonly tensor: Tensor | undefined;
  /** Of the request of the model that gave it; 0 for one without a dimension of rows. */
  readonly rows: number;
}

/** The tensor as a step's model wants it, under its name there and with the same bytes. */
export function inputOf(
  { tensor, rows }: Value,
  { name, dims }: PlannedInput,
  { hasRows }: Pick<PlannedStep, "hasRows">,
): Tensor | undefined {
  return tensor && { ...tensor, name, shape: adaptShape(tensor.shape, rows, dims, hasRows) };
}

/** The tensor as the ensemble promises it. */
export function outputOf({ tensor, rows }: Value, { name, dims }: PlannedOutput, hasRows: boolean): Tensor | undefined {
  return tensor && { ...tensor, name, shape: adaptShape(tensor.shape, rows, dims, hasRows) };
}

/** Rows of a request; 0 of one that has no such dimension. */
export function rowsOf(tensors: readonly Tensor[], hasRows: boolean): number {
  return hasRows ? (tensors[0]?.shape[0] ?? 0) : 0;
}

/**
 * Between a model with a dimension of rows and one without, as Triton's ensemble scheduler does: what fits as a whole becomes one row, what
 * fits without its only row loses that, and all else is as it should be, or is refused by the model.
 */
function adaptShape(shape: readonly number[], rows: number, dims: readonly number[] | undefined, hasRows: boolean): readonly number[] {
  if (dims === undefined || hasRows === rows > 0) return shape;
  if (hasRows) return areLike(dims, shape) ? [1, ...shape] : shape;
  return rows === 1 && !areLike(dims, shape) ? shape.slice(1) : shape;
}
