import { closestNames } from "../core/closest.ts";
import { ServeError } from "../core/errors.ts";
import type { Signature, TensorSpec } from "../core/signature.ts";
import type { Tensor } from "../core/tensor.ts";
import { clip } from "./brief.ts";

/** In front of it are Triton's own words, which clients match. */
const ROWS_NOTE =
  "NOTE: Setting a non-zero max_batch_size in the model config puts a dimension of rows in front of each input's dims; for dims that are the whole shape set it to 0";

/**
 * @param hasRows the method's owner said how many rows a request may have, so that the first dimension is rows
 * @throws ServeError INVALID_ARGUMENT when the shape does not fit the declared one
 */
export function checked(tensor: Tensor, spec: TensorSpec, model: string, hasRows = false): Tensor {
  const { shape } = spec;
  let fits = shape.length === tensor.shape.length;
  for (let axis = 0; fits && axis < shape.length; axis++) fits = shape[axis] === -1 || shape[axis] === tensor.shape[axis];
  if (fits) return tensor;
  const hint = shape[0] === -1 && shape.length === tensor.shape.length + 1 ? ` (for one row send [1,${tensor.shape}])` : "";
  const found = `unexpected shape for input '${clip(tensor.name)}' for model '${model}'. Expected [${shape}], got [${tensor.shape}]`;
  throw new ServeError("INVALID_ARGUMENT", `${found}${hasRows ? `. ${ROWS_NOTE}` : hint}`);
}

/**
 * The rows of a request for a method whose owner said how many it may have. The words are Triton's.
 * @throws ServeError INVALID_ARGUMENT for a tensor without rows, tensors that disagree about them, and too many of them
 */
export function checkRows(tensors: readonly Tensor[], { maxRows }: Signature, model: string): void {
  if (maxRows === undefined) return;
  const rows = tensors[0]?.shape[0] ?? 0;
  for (const { name, shape } of tensors) {
    if (shape.length === 0) {
      throw new ServeError("INVALID_ARGUMENT", `input '${clip(name)}' has no shape but model requires batch dimension for '${model}'`);
    }
    if (shape[0] !== rows) {
      throw new ServeError("INVALID_ARGUMENT", `input '${clip(name)}' batch size does not match other inputs for '${model}'`);
    }
  }
  if (rows > maxRows) {
    throw new ServeError("INVALID_ARGUMENT", `inference request batch-size must be <= ${maxRows} for '${model}', got ${rows} rows`);
  }
}

/** @throws ServeError INVALID_ARGUMENT for names that are missing, unknown, or given twice */
export function checkNames(given: readonly string[], specs: readonly TensorSpec[], model: string): void {
  const known = new Set(specs.map((spec) => spec.name));
  const seen = new Set<string>();
  for (const name of given) {
    if (seen.has(name)) throw new ServeError("INVALID_ARGUMENT", `inference input '${name}' for model '${model}' is given twice`);
    seen.add(name);
    if (known.has(name)) continue;
    const [closest] = closestNames(name, [...known]);
    throw new ServeError(
      "INVALID_ARGUMENT",
      `unexpected inference input '${clip(name)}' for model '${model}'; it expects ${inputNames(specs)}${closest === undefined ? "" : `. Did you mean '${closest}'?`}`,
    );
  }
  const missing = specs.filter((spec) => spec.optional !== true && !seen.has(spec.name));
  if (missing.length === 0) return;
  const required = specs.filter((spec) => spec.optional !== true).length;
  // Both in Triton's words, which has others where inputs are optional.
  const expected = required === specs.length ? `${specs.length} inputs` : `number of inputs between ${required} and ${specs.length}`;
  throw new ServeError(
    "INVALID_ARGUMENT",
    `expected ${expected} but got ${given.length} inputs for model '${model}'. ` +
      `Got input(s) [${given.map((name) => `'${name}'`).join(",")}], but missing required input(s) [${missing.map((spec) => `'${spec.name}'`).join(",")}]. ` +
      "Please provide all required input(s).",
  );
}

export function inputNames(specs: readonly TensorSpec[]): string {
  return specs.map((spec) => `'${spec.name}' ${spec.datatype} [${spec.shape}]`).join(", ") || "none";
}
