import { ServeError } from "../../../core/errors.ts";
import type { Payload } from "../../../core/inference.ts";
import type { Signature } from "../../../core/signature.ts";
import { elementCount, elementsOf, type Tensor } from "../../../core/tensor.ts";

/** As in Triton: what a request has sorted takes time that others wait for. */
const MOST_ELEMENTS = 1_000_000;

const encoder = new TextEncoder();

/**
 * Triton's classification extension: the `classes` largest elements as text `VALUE:INDEX`, the largest first; floating point with six digits,
 * as there. What a class is called follows as `:LABEL`. With `isBatched` each row of the first dimension by itself, and the answer is
 * [rows, classes].
 * @throws ServeError INVALID_ARGUMENT for what cannot be sorted
 */
export function classify(tensor: Tensor, classes: number, isBatched: boolean, labels: readonly string[] = []): Tensor {
  const { name, datatype, shape } = tensor;
  if (datatype === "BYTES" || datatype === "BOOL" || datatype === "FP16" || datatype === "BF16") {
    throw new ServeError("INVALID_ARGUMENT", `class result not available for output due to unsupported type '${datatype}'`);
  }
  const elements = elementsOf(tensor);
  if (elements.length > MOST_ELEMENTS) throw new ServeError("INVALID_ARGUMENT", "classification output tensor too large");
  const rows = isBatched ? (shape[0] ?? 1) : 1;
  const length = elementCount(isBatched ? shape.slice(1) : shape);
  const count = Math.min(classes, length);
  const isFloat = datatype === "FP32" || datatype === "FP64";
  const data: Uint8Array[] = [];
  for (let row = 0; row < rows; row++) {
    const values = elements.subarray(row * length, (row + 1) * length);
    for (const index of largest(values, count)) {
      const value = values[index] as number | bigint;
      const label = labels[index] ?? "";
      data.push(encoder.encode(`${isFloat ? (value as number).toFixed(6) : value}:${index}${label === "" ? "" : `:${label}`}`));
    }
  }
  return { name, datatype: "BYTES", shape: isBatched ? [rows, count] : [count], data };
}

/**
 * The same for an answer: of each output that `classes` names so many, of others what they are.
 * @param signature of the method, which says whether their first dimension is one of rows, and what classes are called
 * @throws ServeError INVALID_ARGUMENT for what cannot be sorted
 */
export function classified(
  payload: Payload,
  classes: ReadonlyMap<string, number>,
  { batchable, maxRows, outputs }: Pick<Signature, "batchable" | "maxRows" | "outputs">,
): Payload {
  if (payload.kind !== "tensors") throw new ServeError("INVALID_ARGUMENT", "class result not available for an answer that is no tensor");
  const hasRows = batchable === true || maxRows !== undefined;
  const tensors = payload.tensors.map((tensor) => {
    const count = classes.get(tensor.name) ?? 0;
    if (count === 0) return tensor;
    const labels = outputs.find(({ name }) => name === tensor.name)?.labels;
    return classify(tensor, count, hasRows && tensor.shape.length > 1, labels);
  });
  return { ...payload, tensors };
}

/** Indices of the largest, NaN last, and of equal ones the first first. */
function largest(values: ArrayLike<number | bigint>, count: number): number[] {
  const indices = Array.from(values, (_, index) => index);
  const rank = (index: number): number | bigint => {
    const value = values[index] as number | bigint;
    return Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value;
  };
  return indices
    .sort((one, other) => {
      const [first, second] = [rank(one), rank(other)];
      return first > second ? -1 : first < second ? 1 : one - other;
    })
    .slice(0, count);
}

/**
 * Of a requested output's parameter `classification`; 0 for none.
 * @throws ServeError INVALID_ARGUMENT
 */
export function classesOf(value: unknown, output: string): number {
  if (value === undefined || value === null) return 0;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 32) return value;
  if (typeof value === "bigint" && value >= 0n && value < 2n ** 32n) return Number(value);
  throw new ServeError("INVALID_ARGUMENT", `output '${output}': Unable to parse 'classification', expected a number of classes`);
}
