/**
 * Just enough of the ONNX format to write small networks with random weights without a framework. Field numbers are those of onnx.proto
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto), the encoding that of Protocol Buffers.
 */
type Field = readonly [number: number, value: number | string | Uint8Array];

function message(...fields: readonly Field[]): Uint8Array {
  return Buffer.concat(
    fields.flatMap(([number, value]) => {
      if (typeof value === "number") return [varint(number << 3), varint(value)];
      const bytes = typeof value === "string" ? Buffer.from(value) : value;
      return [varint((number << 3) | 2), varint(bytes.byteLength), bytes];
    }),
  );
}

/** A whole number that is not negative, seven bits a byte. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let left = value;
  while (left > 0x7f) {
    bytes.push((left & 0x7f) | 0x80);
    left = Math.floor(left / 128);
  }
  return Uint8Array.of(...bytes, left);
}

const FLOAT = 1;
const INTEGER_ATTRIBUTE = 2;
const INTEGERS_ATTRIBUTE = 7;

export interface Node {
  readonly type: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

export interface Weights {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A tensor of 32-bit floats; a text is the name of a dimension of any size. */
export interface Value {
  readonly name: string;
  readonly shape: ReadonlyArray<number | string>;
}

export interface Graph {
  readonly nodes: readonly Node[];
  readonly weights: readonly Weights[];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

/** An ONNX file: IR version 8, operators of version 17. */
export function encodeModel({ nodes, weights, inputs, outputs }: Graph): Uint8Array {
  const graph = message(
    ...nodes.map((node): Field => [1, encodeNode(node)]),
    [2, "network"],
    ...weights.map((each): Field => [5, encodeWeights(each)]),
    ...inputs.map((each): Field => [11, encodeValue(each)]),
    ...outputs.map((each): Field => [12, encodeValue(each)]),
  );
  return message([1, 8], [7, graph], [8, message([1, ""], [2, 17])]);
}

function encodeNode({ type, inputs, outputs, attributes = {} }: Node): Uint8Array {
  return message(
    ...inputs.map((name): Field => [1, name]),
    ...outputs.map((name): Field => [2, name]),
    [4, type],
    ...Object.entries(attributes).map(
      ([name, value]): Field => [
        5,
        typeof value === "number"
          ? message([1, name], [3, value], [20, INTEGER_ATTRIBUTE])
          : message([1, name], ...value.map((each): Field => [8, each]), [20, INTEGERS_ATTRIBUTE]),
      ],
    ),
  );
}

function encodeWeights({ name, shape, data }: Weights): Uint8Array {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return message(...shape.map((size): Field => [1, size]), [2, FLOAT], [8, name], [9, bytes]);
}

function encodeValue({ name, shape }: Value): Uint8Array {
  const dimensions = shape.map((size): Field => [1, typeof size === "number" ? message([1, size]) : message([2, size])]);
  return message([1, name], [2, message([1, message([1, FLOAT], [2, message(...dimensions)])])]);
}
