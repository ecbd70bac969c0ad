import { ServeError } from "../core/errors.ts";
import type { JsonValue, Payload } from "../core/inference.ts";
import type { Signature, TensorSpec } from "../core/signature.ts";
import { bytesOf, elementsOf, type Tensor } from "../core/tensor.ts";
import { brief } from "./brief.ts";
import { checked, checkNames } from "./check-inputs.ts";
import { tensorFromValues, toFloat } from "./tensor-from-values.ts";

type Tensors = Extract<Payload, { kind: "tensors" }>;

/** One tensor of any name, or one per column of the frame that the model was fitted on; of a data frame without names, in their order. */
export function tensorsToMatrix(payload: Tensors, signature: Signature, model: string, isFrame: boolean): Payload {
  const spec = matrixSpec(signature);
  const [only] = payload.tensors;
  const isColumn = only?.shape.length === 1 && (isFrame || signature.columns?.includes(only.name) === true);
  if (only === undefined || payload.tensors.length > 1 || isColumn) {
    return joinColumns(payload.tensors, isFrame ? withColumns(signature, payload.tensors, spec, model) : signature, spec, model);
  }
  if ((only.datatype === "BYTES") !== (spec.datatype === "BYTES")) {
    throw new ServeError(
      "INVALID_ARGUMENT",
      `inference input '${only.name}' data-type is '${only.datatype}', but model '${model}' expects '${spec.datatype}'`,
    );
  }
  checked(only, spec, model);
  return payload;
}

/** Rows of numbers, or objects of columns, as one FP64 matrix [rows, columns]; text and other ranks in their own datatype and shape. */
export function rowsToMatrix(rows: readonly JsonValue[], signature: Signature, model: string): Payload {
  const spec = matrixSpec(signature);
  if (spec.datatype === "BYTES" || spec.shape.length !== 2) {
    const values = rows.map((row) => (isObject(row) ? rowValues(row, 0, signature.columns?.length ?? 0, signature, model) : row));
    return { kind: "tensors", tensors: [checked(tensorFromValues(spec, values, model), spec, model)] };
  }
  const width = spec.shape[1] as number;
  const first = rows[0];
  const columns = width >= 0 ? width : (signature.columns?.length ?? (Array.isArray(first) ? first.length : 1));
  const cells = rows.length * columns;
  // Memory for rows that have been seen to be as long as they should, not for those that a short body can name.
  let matrix = new Float64Array(0);
  let offset = 0;
  for (let row = 0; row < rows.length; row++) {
    const values = rowValues(rows[row], row, columns, signature, model);
    if (offset + columns > matrix.length) matrix = grown(matrix, Math.min(cells, Math.max(columns, FIRST_CELLS, matrix.length * 2)));
    for (let column = 0; column < columns; column++) {
      const value = values[column];
      const number = typeof value === "number" ? value : toFloat(value);
      if (number === undefined) throw wrongCell(row, column, value, model);
      matrix[offset++] = number;
    }
  }
  return oneTensor(spec, [rows.length, columns], matrix);
}

/** Cells of a matrix that are allocated when its first row has been looked at. */
const FIRST_CELLS = 65_536;

function grown(matrix: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(length);
  larger.set(matrix);
  return larger;
}

/** V1's columnar form: a list per column. */
export function columnsToMatrix(columns: Readonly<Record<string, JsonValue>>, signature: Signature, model: string): Payload {
  const names = Object.keys(columns);
  const [only] = names;
  const value = only === undefined ? undefined : columns[only];
  if (names.length === 1 && Array.isArray(value) && signature.columns?.includes(only as string) !== true)
    return rowsToMatrix(value, signature, model);
  checkNames(names, columnSpecs(signature, model), model);
  const lists = (signature.columns ?? []).map((name) => columns[name]);
  const length = Array.isArray(lists[0]) ? lists[0].length : 0;
  const rows = Array.from({ length }, (_, row) =>
    lists.map((list, index) => {
      if (!Array.isArray(list) || list.length !== length) {
        throw new ServeError(
          "INVALID_ARGUMENT",
          `column '${signature.columns?.[index]}' of model '${model}' must be a list of ${length} values`,
        );
      }
      return list[row] as JsonValue;
    }),
  );
  return rowsToMatrix(rows, signature, model);
}

function rowValues(row: JsonValue | undefined, index: number, columns: number, signature: Signature, model: string): readonly unknown[] {
  if (Array.isArray(row)) {
    if (row.length === columns) return row;
    throw new ServeError("INVALID_ARGUMENT", `instance ${index} has ${row.length} values, but model '${model}' expects ${columns} in each`);
  }
  if (isObject(row)) {
    checkNames(Object.keys(row), columnSpecs(signature, model), model);
    return (signature.columns ?? []).map((name) => row[name]);
  }
  if (columns === 1) return [row];
  throw new ServeError(
    "INVALID_ARGUMENT",
    `instance ${index} is ${brief(row)}, but model '${model}' expects a list of ${columns} numbers in each`,
  );
}

/** A model without names takes the columns of a data frame as they come. */
function withColumns(signature: Signature, tensors: readonly Tensor[], spec: TensorSpec, model: string): Signature {
  if (signature.columns !== undefined) return signature;
  const width = spec.shape[1] ?? -1;
  if (width >= 0 && tensors.length !== width) {
    throw new ServeError("INVALID_ARGUMENT", `the data frame has ${tensors.length} columns, but model '${model}' expects ${width}`);
  }
  return { ...signature, columns: tensors.map(({ name }) => name) };
}

function joinColumns(tensors: readonly Tensor[], signature: Signature, spec: TensorSpec, model: string): Payload {
  if (signature.columns === undefined) {
    throw new ServeError(
      "INVALID_ARGUMENT",
      `expected 1 inputs but got ${tensors.length} inputs for model '${model}'; send one tensor of shape [${spec.shape}], or its columns with the request parameter content_type "pd"`,
    );
  }
  checkNames(
    tensors.map((tensor) => tensor.name),
    columnSpecs(signature, model),
    model,
  );
  const { columns } = signature;
  const rows = tensors[0]?.shape[0] ?? 0;
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  let matrix: Float64Array | undefined;
  columns.forEach((name, column) => {
    const tensor = byName.get(name) as Tensor;
    if (tensor.datatype === "BYTES") {
      throw new ServeError(
        "INVALID_ARGUMENT",
        `inference input '${name}' data-type is 'BYTES', but model '${model}' expects '${spec.datatype}'`,
      );
    }
    if (tensor.datatype === "FP16" || tensor.datatype === "BF16") {
      throw new ServeError("INVALID_ARGUMENT", `input '${name}' of model '${model}' is ${tensor.datatype}; send columns as FP32 or FP64`);
    }
    const elements = elementsOf(tensor);
    if (elements.length !== rows)
      throw new ServeError(
        "INVALID_ARGUMENT",
        `inputs of model '${model}' differ in length: '${name}' has ${elements.length} rows, not ${rows}`,
      );
    // Only now: a shape may name rows that are not there.
    matrix ??= new Float64Array(rows * columns.length);
    for (let row = 0; row < rows; row++) matrix[row * columns.length + column] = Number(elements[row]);
  });
  return oneTensor(spec, [rows, columns.length], matrix ?? new Float64Array(0));
}

function matrixSpec({ inputs }: Signature): TensorSpec {
  return inputs[0] ?? { name: "input-0", datatype: "FP64", shape: [-1, -1] };
}

function columnSpecs({ columns }: Signature, model: string): TensorSpec[] {
  if (columns === undefined)
    throw new ServeError("INVALID_ARGUMENT", `model '${model}' knows no column names: send each instance as a list of numbers`);
  return columns.map((name) => ({ name, datatype: "FP64", shape: [-1] }));
}

function isObject(row: JsonValue | undefined): row is { [key: string]: JsonValue } {
  return typeof row === "object" && row !== null && !Array.isArray(row);
}

function oneTensor({ name }: TensorSpec, shape: readonly number[], matrix: Float64Array): Payload {
  return { kind: "tensors", tensors: [{ name, datatype: "FP64", shape, data: bytesOf(matrix) }] };
}

function wrongCell(row: number, column: number, value: unknown, model: string): ServeError {
  return new ServeError("INVALID_ARGUMENT", `instance ${row}, value ${column} is ${brief(value)}, but model '${model}' expects numbers`);
}
