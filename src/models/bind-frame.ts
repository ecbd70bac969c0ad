import { ServeError } from "../core/errors.ts";
import type { JsonValue, Payload } from "../core/inference.ts";
import type { Signature } from "../core/signature.ts";
import { elementCount } from "../core/tensor.ts";
import { checkNames } from "./check-inputs.ts";
import { tensorFromValues } from "./tensor-from-values.ts";

type Of<Kind extends Payload["kind"]> = Extract<Payload, { kind: Kind }>;

/** One tensor per column, each [rows] or [rows, 1]. */
export function tensorsToFrame(payload: Of<"tensors">, { inputs }: Signature, model: string): Payload {
  checkNames(
    payload.tensors.map((tensor) => tensor.name),
    inputs,
    model,
  );
  let rows: number | undefined;
  for (const tensor of payload.tensors) {
    const spec = inputs.find((input) => input.name === tensor.name);
    if ((tensor.datatype === "BYTES") !== (spec?.datatype === "BYTES")) {
      throw new ServeError(
        "INVALID_ARGUMENT",
        `inference input '${tensor.name}' data-type is '${tensor.datatype}', but model '${model}' expects '${spec?.datatype}'`,
      );
    }
    const length = elementCount(tensor.shape);
    if (tensor.shape[0] !== length || tensor.shape.length > 2) {
      throw new ServeError(
        "INVALID_ARGUMENT",
        `unexpected shape for input '${tensor.name}' for model '${model}'. Expected [-1] or [-1,1], got [${tensor.shape}]`,
      );
    }
    if (rows !== undefined && rows !== length) {
      throw new ServeError(
        "INVALID_ARGUMENT",
        `inputs of model '${model}' differ in length: '${tensor.name}' has ${length} rows, not ${rows}`,
      );
    }
    rows = length;
  }
  return payload;
}

/** Objects of columns, or lists in the columns' order, as one tensor per column so that requests can share a batch. */
export function rowsToFrame(payload: Of<"rows">, signature: Signature, model: string): Payload {
  const { inputs } = signature;
  const lists = inputs.map((): JsonValue[] => []);
  payload.rows.forEach((row, index) => {
    if (Array.isArray(row)) {
      if (row.length !== inputs.length) {
        throw new ServeError(
          "INVALID_ARGUMENT",
          `instance ${index} has ${row.length} values, but model '${model}' has the columns ${columnNames(signature)}`,
        );
      }
      for (const [column, value] of row.entries()) lists[column]?.push(value);
    } else if (typeof row === "object" && row !== null) {
      checkNames(Object.keys(row), inputs, model);
      for (const [column, { name }] of inputs.entries()) lists[column]?.push(row[name] ?? null);
    } else {
      throw new ServeError(
        "INVALID_ARGUMENT",
        `instance ${index} of model '${model}' must be an object with the columns ${columnNames(signature)}`,
      );
    }
  });
  return columnTensors(lists, signature, model) ?? payload;
}

/** V1's columnar form: a list per column. */
export function columnsToFrame(payload: Of<"columns">, signature: Signature, model: string): Payload {
  const { inputs } = signature;
  checkNames(Object.keys(payload.columns), inputs, model);
  const lists = inputs.map(({ name }) => {
    const list = payload.columns[name];
    if (!Array.isArray(list)) throw new ServeError("INVALID_ARGUMENT", `column '${name}' of model '${model}' must be a list`);
    return list;
  });
  const length = lists[0]?.length ?? 0;
  const odd = lists.findIndex((list) => list.length !== length);
  if (odd >= 0) {
    throw new ServeError(
      "INVALID_ARGUMENT",
      `inputs of model '${model}' differ in length: '${inputs[odd]?.name}' has ${lists[odd]?.length} rows, not ${length}`,
    );
  }
  const rows = Array.from({ length }, (_, row) =>
    Object.fromEntries(inputs.map(({ name }, column) => [name, lists[column]?.[row] ?? null])),
  );
  return columnTensors(lists, signature, model) ?? { kind: "rows", rows };
}

/** Undefined when a column holds what a tensor cannot: nulls among strings, or mixed types. */
function columnTensors(lists: ReadonlyArray<readonly JsonValue[]>, { inputs }: Signature, model: string): Payload | undefined {
  const holds = inputs.every(({ datatype }, column) =>
    (lists[column] ?? []).every((value) => {
      if (datatype === "BYTES") return typeof value === "string";
      if (datatype === "BOOL") return typeof value === "boolean";
      if (datatype === "FP32" || datatype === "FP64") return typeof value === "number" || typeof value === "boolean" || value === null;
      return Number.isInteger(value) || typeof value === "bigint" || typeof value === "boolean";
    }),
  );
  if (!holds) return undefined;
  return { kind: "tensors", tensors: inputs.map((spec, column) => tensorFromValues(spec, lists[column] ?? [], model)) };
}

function columnNames({ inputs }: Signature): string {
  return inputs.map(({ name }) => name).join(", ");
}
