import { closestNames } from "../core/closest.ts";
import { ServeError } from "../core/errors.ts";
import type { TensorSpec } from "../core/signature.ts";
import type { Tensor } from "../core/tensor.ts";
import { clip } from "./brief.ts";

/** @throws ServeError INVALID_ARGUMENT when the shape does not fit the declared one */
export function checked(tensor: Tensor, spec: TensorSpec, model: string): Tensor {
  const { shape } = spec;
  let fits = shape.length === tensor.shape.length;
  for (let axis = 0; fits && axis < shape.length; axis++) fits = shape[axis] === -1 || shape[axis] === tensor.shape[axis];
  if (fits) return tensor;
  const hint = shape[0] === -1 && shape.length === tensor.shape.length + 1 ? ` (for one row send [1,${tensor.shape}])` : "";
  throw new ServeError(
    "INVALID_ARGUMENT",
    `unexpected shape for input '${clip(tensor.name)}' for model '${model}'. Expected [${shape}], got [${tensor.shape}]${hint}`,
  );
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
  return specs.map((spec) => `'${spec.name}' ${spec.datatype} [${spec.shape}]`).join(", ");
}
