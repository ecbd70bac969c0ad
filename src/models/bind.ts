import { ServeError } from "../core/errors.ts";
import type { JsonValue, Parameters, Payload } from "../core/inference.ts";
import type { Signature, TensorSpec } from "../core/signature.ts";
import type { Tensor } from "../core/tensor.ts";
import { columnsToFrame, rowsToFrame, tensorsToFrame } from "./bind-frame.ts";
import { columnsToMatrix, rowsToMatrix, tensorsToMatrix } from "./bind-matrix.ts";
import { checked, checkNames, checkRows, inputNames } from "./check-inputs.ts";
import { isBase64Object, tensorFromValues } from "./tensor-from-values.ts";

/**
 * A request's payload in the form that the method accepts; the same object when it fits already. Nothing else in the
 * server converts payloads. With KServe's and MLServer's request parameter `content_type: pd`, several tensors are the columns
 * of a data frame, in their order where the model knows no names.
 * @throws ServeError INVALID_ARGUMENT naming what was expected and what came
 */
export function bind(payload: Payload, signature: Signature, model: string, parameters?: Parameters): Payload {
  // Its server reads it.
  if (payload.kind === "raw") return payload;
  switch (signature.accepts) {
    case "json":
      return bindTexts(payload, signature, model);
    case "matrix":
      return bindMatrix(payload, signature, model, parameters?.content_type === "pd");
    case "frame":
      return bindFrame(payload, signature, model);
    case "tensors":
      return bindTensors(payload, signature, model);
  }
}

/**
 * V1 instances that are all text or bytes, alone or under the first input's name, as the tensor that a batchable method takes too: tensors
 * can share a call.
 */
function bindTexts(payload: Payload, { inputs: [first], batchable }: Signature, model: string): Payload {
  if (payload.kind !== "rows" || batchable !== true || first?.datatype !== "BYTES" || first.shape.length !== 1) return payload;
  const values = payload.rows.map((row) => valueUnder(row, first.name));
  if (values.length === 0 || !values.every((value) => typeof value === "string" || isBase64Object(value))) return payload;
  return { kind: "tensors", tensors: [tensorFromValues(first, values, model)] };
}

/** The value of an object that has nothing else; anything else is itself. */
function valueUnder(row: JsonValue, name: string): JsonValue {
  const isObject = typeof row === "object" && row !== null && !Array.isArray(row);
  return isObject && Object.keys(row).length === 1 && Object.hasOwn(row, name) ? (row[name] as JsonValue) : row;
}

function bindMatrix(payload: Payload, signature: Signature, model: string, isFrame: boolean): Payload {
  switch (payload.kind) {
    case "tensors":
      return tensorsToMatrix(payload, signature, model, isFrame);
    case "rows":
      return rowsToMatrix(payload.rows, signature, model);
    case "columns":
      return columnsToMatrix(payload.columns, signature, model);
    case "json":
    case "raw":
      throw unsupported(model);
  }
}

function bindFrame(payload: Payload, signature: Signature, model: string): Payload {
  switch (payload.kind) {
    case "tensors":
      return tensorsToFrame(payload, signature, model);
    case "rows":
      return rowsToFrame(payload, signature, model);
    case "columns":
      return columnsToFrame(payload, signature, model);
    case "json":
    case "raw":
      throw unsupported(model);
  }
}

function bindTensors(payload: Payload, signature: Signature, model: string): Payload {
  switch (payload.kind) {
    case "tensors":
      checkTensors(payload.tensors, signature, model);
      return payload;
    case "rows": {
      const tensors = rowsToTensors(payload.rows, signature, model);
      checkRows(tensors, signature, model);
      return { kind: "tensors", tensors };
    }
    case "columns": {
      const { columns } = payload;
      checkNames(Object.keys(columns), signature.inputs, model);
      const given = signature.inputs.filter((spec) => Object.hasOwn(columns, spec.name));
      const hasRows = signature.maxRows !== undefined;
      const tensors = given.map((spec) => checked(tensorFromValues(spec, columns[spec.name] ?? null, model), spec, model, hasRows));
      checkRows(tensors, signature, model);
      return { kind: "tensors", tensors };
    }
    case "json":
    case "raw":
      throw unsupported(model);
  }
}

/** V1 instances: of one input, or one that must come, each row is an element along the first dimension; of several, an object of all. */
function rowsToTensors(rows: readonly unknown[], { inputs }: Signature, model: string): Tensor[] {
  const required = inputs.filter(({ optional }) => optional !== true);
  const [only] = inputs.length === 1 ? inputs : required.length === 1 ? required : [];
  const areBytes = only?.datatype === "BYTES" && only.name !== "b64" && rows.every(isBase64Object);
  const areObjects = !areBytes && rows.length > 0 && rows.every((row) => typeof row === "object" && row !== null && !Array.isArray(row));
  if (only !== undefined && !areObjects) return [checkedRows(rows, only, model)];
  if (!areObjects) {
    throw new ServeError(
      "INVALID_ARGUMENT",
      `model '${model}' has the inputs ${inputNames(inputs)}: each instance must be an object with these keys`,
    );
  }
  const objects = rows as ReadonlyArray<Record<string, unknown>>;
  for (const object of objects) checkNames(Object.keys(object), inputs, model);
  return inputs
    .filter((spec) => spec.optional !== true || isInEvery(objects, spec, model))
    .map((spec) =>
      checkedRows(
        objects.map((object) => object[spec.name]),
        spec,
        model,
      ),
    );
}

/** @throws ServeError INVALID_ARGUMENT when an optional input is in some rows and not in others */
function isInEvery(objects: ReadonlyArray<Record<string, unknown>>, { name }: TensorSpec, model: string): boolean {
  const lacking = objects.findIndex((object) => !Object.hasOwn(object, name));
  if (lacking < 0) return true;
  if (objects.every((object) => !Object.hasOwn(object, name))) return false;
  throw new ServeError("INVALID_ARGUMENT", `instance ${lacking} lacks the input '${name}' of model '${model}', which others have`);
}

/** One number or text per row is also a row of one, where the input is declared so. */
function checkedRows(rows: readonly unknown[], spec: TensorSpec, model: string): Tensor {
  const tensor = tensorFromValues(spec, rows, model);
  const isColumn = spec.shape.length === 2 && spec.shape[0] === -1 && spec.shape[1] === 1 && tensor.shape.length === 1;
  return checked(isColumn ? { ...tensor, shape: [...tensor.shape, 1] } : tensor, spec, model);
}

function checkTensors(tensors: readonly Tensor[], signature: Signature, model: string): void {
  const { inputs } = signature;
  const areInOrder = tensors.length === inputs.length && tensors.every(({ name }, index) => name === inputs[index]?.name);
  if (!areInOrder) {
    checkNames(
      tensors.map((tensor) => tensor.name),
      inputs,
      model,
    );
  }
  checkRows(tensors, signature, model);
  tensors.forEach((tensor, index) => {
    const spec = areInOrder ? inputs[index] : inputs.find((input) => input.name === tensor.name);
    checkTensor(tensor, spec as TensorSpec, signature, model);
  });
}

function checkTensor(tensor: Tensor, spec: TensorSpec, { convertsNumbers, maxRows }: Signature, model: string): void {
  const convertible = convertsNumbers === true && tensor.datatype !== "BYTES" && spec.datatype !== "BYTES";
  if (tensor.datatype !== spec.datatype && !convertible) {
    throw new ServeError(
      "INVALID_ARGUMENT",
      `inference input '${spec.name}' data-type is '${tensor.datatype}', but model '${model}' expects '${spec.datatype}'`,
    );
  }
  checked(tensor, spec, model, maxRows !== undefined);
}

function unsupported(model: string): ServeError {
  return new ServeError("INVALID_ARGUMENT", `model '${model}' expects tensors or rows`);
}
