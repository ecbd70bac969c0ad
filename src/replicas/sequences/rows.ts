import { ServeError } from "../../core/errors.ts";
import { elementCount, type Tensor } from "../../core/tensor.ts";
import { zeroTensor } from "./initial-tensor.ts";

/**
 * Tensors of one row each, of one name, datatype and shape, as one tensor. Undefined is a row of zeros; at least one of them is given.
 */
export function stackRows(rows: ReadonlyArray<Tensor | undefined>): Tensor {
  const template = rows.find((row) => row !== undefined);
  if (template === undefined) throw new ServeError("INTERNAL", "rows without any tensor have no shape");
  const { name, datatype } = template;
  if (rows.length === 1) return template;
  const shape = [rows.length, ...template.shape.slice(1)];
  const given = rows.map((row) => row ?? zeroTensor(name, datatype, template.shape));
  if (datatype === "BYTES") {
    return { name, datatype, shape, data: given.flatMap((row) => (row.datatype === "BYTES" ? row.data : [])) };
  }
  return { name, datatype, shape, data: Buffer.concat(given.map((row) => row.data as Uint8Array)) };
}

/** One row of an answer, as a view. @throws ServeError INTERNAL when it does not have one row for each that the model was given */
export function cutRow(tensor: Tensor, row: number, rows: number): Tensor {
  const { name, shape } = tensor;
  if (shape[0] !== rows) {
    throw new ServeError(
      "INTERNAL",
      `output '${name}' has shape [${shape}] for the ${rows} rows of a call; its first dimension must be ${rows}`,
    );
  }
  if (rows === 1) return tensor;
  const own = [1, ...shape.slice(1)];
  const count = elementCount(own);
  if (tensor.datatype === "BYTES") return { ...tensor, shape: own, data: tensor.data.slice(row * count, (row + 1) * count) };
  const bytes = tensor.data.byteLength / rows;
  return { ...tensor, shape: own, data: tensor.data.subarray(row * bytes, (row + 1) * bytes) };
}
