import { ServeError } from "../../core/errors.ts";
import { jsonValueOf, type Parameters } from "../../core/inference.ts";
import type { ReplicaCall } from "../../core/replica.ts";
import { elementCount, type Tensor } from "../../core/tensor.ts";
import { type ElementRules, elementWriter, writeJson, writeNested } from "../../encodings/index.ts";

const RULES: ElementRules = {
  nonFinite: () => "null",
  notText: (_tensor, bytes) => `{"b64":"${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64")}"}`,
};

/** KServe's and MLServer's request parameter for several tensors that are the columns of a data frame. */
const DATA_FRAME = "pd";

/**
 * The body of a V1 request. One tensor is `instances` of nested lists, several are one object per row; rows and columns are as they came.
 * @throws ServeError UNIMPLEMENTED naming the field of an Open Inference Protocol request that V1 has no place for
 */
export function encodeV1({ payload, outputs, parameters }: ReplicaCall): string {
  switch (payload.kind) {
    case "rows":
      return `{"instances":${writeJson([...payload.rows])}${parametersIn(parameters)}}`;
    case "columns":
      return `{"inputs":${writeJson(payload.columns)}${parametersIn(parameters)}}`;
    case "json":
    case "raw":
      return writeJson(jsonValueOf(payload));
    case "tensors": {
      if (outputs !== undefined) throw withoutPlace("outputs", "ask without it: all outputs are answered");
      const { content_type: type, ...others } = parameters ?? {};
      const [name] = Object.keys(type === undefined || type === DATA_FRAME ? others : { content_type: type });
      if (name !== undefined) throw withoutPlace(`parameters.${name}`, "ask without it");
      return `{"instances":${instances(payload.tensors, type === DATA_FRAME)}}`;
    }
  }
}

/** KServe's servers read them beside the instances. */
function parametersIn(parameters: Parameters | undefined): string {
  return parameters === undefined ? "" : `,"parameters":${writeJson(parameters)}`;
}

function instances(tensors: readonly Tensor[], isFrame: boolean): string {
  tensors.forEach(assertRows);
  const [first] = tensors;
  if (first === undefined) throw withoutPlace("inputs", "send at least one tensor");
  if (tensors.length === 1 && !isFrame) return writeNested(elementWriter(first, RULES), first.shape);
  const rows = first.shape[0] as number;
  const writers = tensors.map((tensor) => {
    if (tensor.shape[0] !== rows) throw withoutPlace("inputs", `each tensor needs as many rows as the first one, which has ${rows}`);
    return rowWriter(tensor, isFrame);
  });
  return `[${Array.from({ length: rows }, (_, row) => `{${writers.map((write) => write(row)).join(",")}}`).join(",")}]`;
}

/** A row of a column of a data frame is a value, of [rows, 1] too. */
function rowWriter(tensor: Tensor, isFrame: boolean): (row: number) => string {
  const key = JSON.stringify(tensor.name);
  const write = elementWriter(tensor, RULES);
  const shape = isFrame && tensor.shape.length === 2 && tensor.shape[1] === 1 ? [] : tensor.shape.slice(1);
  const step = elementCount(shape);
  return (row) => `${key}:${writeNested(write, shape, row * step)}`;
}

function assertRows({ name, datatype, shape }: Tensor, index: number): void {
  if (datatype === "FP16" || datatype === "BF16") throw withoutPlace(`inputs[${index}].datatype`, `'${name}' is ${datatype}; send FP32`);
  if (shape.length === 0) throw withoutPlace(`inputs[${index}].shape`, `'${name}' has no dimension of rows; send the shape [1]`);
}

function withoutPlace(field: string, hint: string): ServeError {
  return new ServeError("UNIMPLEMENTED", `${field}: the model's server speaks V1 only, which has no place for this; ${hint}`);
}
