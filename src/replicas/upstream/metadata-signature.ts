import type { Signature, TensorSpec } from "../../core/signature.ts";
import { isDatatype } from "../../core/tensor.ts";

/** One input or output as the metadata of Open Inference Protocol has it. */
export interface TensorMetadata {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
}

export interface MetadataHints {
  /** It answers with a stream. */
  readonly streaming?: boolean;
  /** Names of inputs that may be left out. */
  readonly optional?: readonly string[];
}

/**
 * What a model takes and gives by its metadata. One that tells of no inputs, as MLServer's need not, takes whatever comes, and so does
 * one whose inputs cannot be understood.
 */
export function signatureOfMetadata(
  inputs: readonly TensorMetadata[],
  outputs: readonly TensorMetadata[],
  { streaming = false, optional = [] }: MetadataHints = {},
): Signature {
  const taken = specsOf(inputs).map((input) => (optional.includes(input.name) ? { ...input, optional: true } : input));
  const streams = streaming ? { streaming } : {};
  return { accepts: taken.length === 0 ? "json" : "tensors", inputs: taken, outputs: specsOf(outputs), ...streams };
}

/** All of them, or none when one cannot be understood: nobody knows then what else there is. */
function specsOf(tensors: readonly TensorMetadata[]): readonly TensorSpec[] {
  const specs = tensors.flatMap(specOf);
  return specs.length === tensors.length ? specs : [];
}

function specOf({ name, datatype, shape }: TensorMetadata): TensorSpec[] {
  // Negative sizes are all variable, and only -1 means so here.
  return isDatatype(datatype) && name !== "" ? [{ name, datatype, shape: shape.map((size) => (size < 0 ? -1 : size)) }] : [];
}
