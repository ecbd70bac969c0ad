import { jsonValueOf, type Payload } from "../../core/inference.ts";
import type { Tensor } from "../../core/tensor.ts";
import { type ElementRules, elementWriter, isObject, writeJson, writeNested } from "../../encodings/index.ts";

const RULES: ElementRules = {
  nonFinite: () => "null",
  notText: (_tensor, bytes) => `{"b64":"${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64")}"}`,
};

/** Objects with one of these keys are a whole answer already: of a prediction, or of `:explain`. */
const WHOLE_ANSWERS = ["predictions", "explanations"];

/** The body of a V1 answer, compact as KServe's: `{"predictions":...}`. */
export function encodePredictions(payload: Payload): string {
  switch (payload.kind) {
    case "tensors":
      return `{"predictions":${writePredictions(payload.tensors)}}`;
    case "rows":
      return `{"predictions":${writeJson([...payload.rows])}}`;
    case "columns":
      return `{"predictions":${writeJson(payload.columns)}}`;
    case "json":
    case "raw": {
      const value = jsonValueOf(payload);
      return isObject(value) && WHOLE_ANSWERS.some((key) => Object.hasOwn(value, key))
        ? writeJson(value)
        : `{"predictions":${writeJson(value)}}`;
    }
  }
}

/** TensorFlow Serving's answer to a request in columns: one output as it is, several by name. */
export function encodeOutputs(tensors: readonly Tensor[]): string {
  const written = tensors.map((tensor) => writeNested(elementWriter(tensor, RULES), tensor.shape));
  if (written.length === 1) return `{"outputs":${written[0]}}`;
  return `{"outputs":{${tensors.map(({ name }, index) => `${JSON.stringify(name)}:${written[index]}`).join(",")}}}`;
}

/** One output is a nested list; several are one object per row, or one list per output when their rows differ in number. */
function writePredictions(tensors: readonly Tensor[]): string {
  const [first] = tensors;
  if (first === undefined) return "[]";
  if (tensors.length === 1) return writeNested(elementWriter(first, RULES), first.shape);
  const rows = first.shape[0];
  if (rows === undefined || tensors.some(({ shape }) => shape[0] !== rows)) {
    const fields = tensors.map((tensor) => `${JSON.stringify(tensor.name)}:${writeNested(elementWriter(tensor, RULES), tensor.shape)}`);
    return `{${fields.join(",")}}`;
  }
  const columns = tensors.map(rowWriter);
  const objects = Array.from({ length: rows }, (_, row) => `{${columns.map((write) => write(row)).join(",")}}`);
  return `[${objects.join(",")}]`;
}

function rowWriter(tensor: Tensor): (row: number) => string {
  const key = JSON.stringify(tensor.name);
  const write = elementWriter(tensor, RULES);
  const shape = tensor.shape.slice(1);
  const step = shape.reduce((product, dimension) => product * dimension, 1);
  return (row) => `${key}:${writeNested(write, shape, row * step)}`;
}
