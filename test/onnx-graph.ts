import { field } from "./onnx-file.ts";

/** ONNX's element types by their numbers in onnx.proto. */
const ELEMENT_TYPES = {
  FLOAT: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  STRING: 8,
  BOOL: 9,
  FLOAT16: 10,
  DOUBLE: 11,
  UINT32: 12,
  UINT64: 13,
  BFLOAT16: 16,
} as const;

export interface GraphValue {
  readonly name: string;
  readonly type: keyof typeof ELEMENT_TYPES;
  /** A text is a dimension of any size; without a shape the value is of any rank. */
  readonly shape?: ReadonlyArray<number | string>;
}

export interface GraphConstant {
  readonly name: string;
  readonly type: keyof typeof ELEMENT_TYPES;
  readonly shape: readonly number[];
  /** Little-endian elements, or the name of the file that has them. */
  readonly data: Uint8Array | string;
}

export interface GraphNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly integers?: Readonly<Record<string, number>>;
}

/** An ONNX file that ONNX Runtime can run: IR version 8, operators of version 17. Field numbers are those of onnx.proto. */
export function onnxGraph(graph: {
  readonly nodes: readonly GraphNode[];
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  readonly constants?: readonly GraphConstant[];
}): Buffer {
  const body = Buffer.concat([
    ...graph.nodes.map((node) => field(1, encodeNode(node))),
    text(2, "graph"),
    ...(graph.constants ?? []).map((constant) => field(5, encodeConstant(constant))),
    ...graph.inputs.map((value) => field(11, encodeValue(value))),
    ...graph.outputs.map((value) => field(12, encodeValue(value))),
  ]);
  return Buffer.concat([number(1, 8), field(7, body), field(8, Buffer.concat([text(1, ""), number(2, 17)]))]);
}

/** A graph that gives each input back as `NAME_out`. */
export function identityGraph(inputs: readonly GraphValue[]): Buffer {
  const outputs = inputs.map((value) => ({ ...value, name: `${value.name}_out` }));
  return onnxGraph({
    nodes: inputs.map(({ name }) => ({ operator: "Identity", inputs: [name], outputs: [`${name}_out`] })),
    inputs,
    outputs,
  });
}

function encodeNode({ operator, inputs, outputs, integers = {} }: GraphNode): Buffer {
  return Buffer.concat([
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, operator),
    ...Object.entries(integers).map(([name, value]) => field(5, Buffer.concat([text(1, name), number(3, value), number(20, 2)]))),
  ]);
}

function encodeConstant({ name, type, shape, data }: GraphConstant): Buffer {
  const head = [...shape.map((size) => number(1, size)), number(2, ELEMENT_TYPES[type]), text(8, name)];
  if (typeof data !== "string") return Buffer.concat([...head, field(9, Buffer.from(data))]);
  return Buffer.concat([...head, field(13, Buffer.concat([text(1, "location"), text(2, data)])), number(14, 1)]);
}

function encodeValue({ name, type, shape }: GraphValue): Buffer {
  const dimensions = shape?.map((size) => field(1, typeof size === "number" ? number(1, size) : text(2, size)));
  const tensor = Buffer.concat([
    number(1, ELEMENT_TYPES[type]),
    ...(dimensions === undefined ? [] : [field(2, Buffer.concat(dimensions))]),
  ]);
  return Buffer.concat([text(1, name), field(2, field(1, tensor))]);
}

function text(number: number, value: string): Buffer {
  return field(number, Buffer.from(value));
}

function number(field: number, value: number): Buffer {
  const bytes: number[] = [];
  for (const each of [field * 8, value]) {
    let left = each;
    for (; left > 127; left = Math.floor(left / 128)) bytes.push((left % 128) + 128);
    bytes.push(left);
  }
  return Buffer.from(bytes);
}
