import { ServeError } from "../../core/errors.ts";
import type { Payload } from "../../core/inference.ts";
import type { Tensor } from "../../core/tensor.ts";
import { tensorOfJson, tensorsOfRows } from "../../encodings/index.ts";

/** What a V1 request's rows are called where the model's server does not say what its input is called: KServe's own name. */
const ONLY_INPUT = "input-0";

/**
 * A request's payload as Open Inference Protocol has it, for servers that do not say what they take: V1's rows as one tensor `input-0`, or
 * as one for each key of objects; V1's columns as one for each.
 * @throws ServeError UNIMPLEMENTED naming the field that has no place there
 */
export function tensorsOfPayload(payload: Payload): readonly Tensor[] {
  switch (payload.kind) {
    case "tensors":
      return payload.tensors;
    case "rows": {
      const tensors = tensorsOfRows(payload.rows, ONLY_INPUT);
      if (tensors !== undefined) return tensors;
      throw withoutPlace("instances", "a rectangular list of numbers, texts or booleans, or of objects with the same keys");
    }
    case "columns":
      return Object.entries(payload.columns).map(([name, value]) => {
        const tensor = tensorOfJson(name, value);
        if (tensor !== undefined) return tensor;
        throw withoutPlace(`inputs.${name}`, "a rectangular list of numbers, texts or booleans");
      });
    case "json":
    case "raw":
      throw withoutPlace("body", "tensors, instances or inputs");
  }
}

function withoutPlace(field: string, expected: string): ServeError {
  return new ServeError(
    "UNIMPLEMENTED",
    `${field}: the model's server speaks Open Inference Protocol only, and this is none of its tensors; expected ${expected}`,
  );
}
