import { ServeError } from "../../../core/errors.ts";
import type { Signature } from "../../../core/signature.ts";
import { DATATYPE_SIZES, elementCount, type Tensor } from "../../../core/tensor.ts";

/**
 * A raw binary request of Triton's binary data extension: the bytes are the model's only input, for one row. BYTES are one element; else at
 * most one dimension besides the rows is variable, and the bytes say how long it is.
 * @throws ServeError INVALID_ARGUMENT
 */
export function rawInput({ inputs, batchable, maxRows }: Signature, bytes: Uint8Array, model: string): Tensor {
  const [spec, second] = inputs;
  if (spec === undefined || second !== undefined) {
    throw wrong(
      `Raw request must only have 1 input (found 1) to be deduced but got ${inputs.length} inputs in '${model}' model configuration`,
    );
  }
  const { name, datatype } = spec;
  // The rows are the batch, of which a raw request has one.
  const hasRows = batchable === true || maxRows !== undefined;
  const shape = spec.shape.map((dimension, axis) => (axis === 0 && dimension === -1 && hasRows ? 1 : dimension));
  const variable = shape.filter((dimension) => dimension === -1).length;
  if (datatype === "BYTES") {
    if (elementCount(shape) !== 1) {
      throw wrong(`For BYTE datatype raw input '${name}', the model must have input shape [1]`);
    }
    return { name, datatype, shape: shape.map(() => 1), data: [bytes] };
  }
  if (variable > 1) {
    throw wrong(`The shape of the raw input '${name}' can not be deduced because there are more than one variable-sized dimension`);
  }
  const size = DATATYPE_SIZES[datatype] * elementCount(shape.filter((dimension) => dimension !== -1));
  const rest = size === 0 ? 0 : bytes.byteLength / size;
  if (!Number.isInteger(rest) || (variable === 0 && rest !== 1)) {
    throw wrong(
      `raw input '${name}' of model '${model}' has ${bytes.byteLength} bytes, expected ${variable === 0 ? size : `a multiple of ${size}`} for ${datatype} [${spec.shape}]`,
    );
  }
  return { name, datatype, shape: shape.map((dimension) => (dimension === -1 ? rest : dimension)), data: bytes };
}

function wrong(message: string): ServeError {
  return new ServeError("INVALID_ARGUMENT", message);
}
