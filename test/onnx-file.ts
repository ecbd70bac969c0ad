/** A node of an ONNX graph, as far as tests need it. */
export interface NodePart {
  readonly operator: string;
  readonly domain?: string;
  readonly inputs?: readonly string[];
  readonly outputs?: readonly string[];
  /** Its only attribute is this graph. */
  readonly subgraph?: readonly NodePart[];
  /** Its only attribute is a tensor whose values are in another file. */
  readonly external?: boolean;
}

/** An ONNX file without types and shapes: enough to be read, not to be run. Field numbers are those of onnx.proto. */
export function onnxFile(nodes: readonly NodePart[], constants: readonly string[] = [], more: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([Buffer.from([0x08, 0x08]), field(7, graph(nodes, constants)), more]);
}

export function graph(nodes: readonly NodePart[], constants: readonly string[] = []): Buffer {
  return Buffer.concat([...nodes.map((node) => field(1, nodeOf(node))), ...constants.map((name) => field(5, field(8, Buffer.from(name))))]);
}

/** A string or inner message. */
export function field(number: number, content: Buffer): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(content.byteLength), content]);
}

function nodeOf({ operator, domain = "", inputs = [], outputs = [], subgraph, external = false }: NodePart): Buffer {
  return Buffer.concat([
    ...inputs.map((name) => field(1, Buffer.from(name))),
    ...outputs.map((name) => field(2, Buffer.from(name))),
    field(4, Buffer.from(operator)),
    ...(subgraph === undefined ? [] : [field(5, field(6, graph(subgraph)))]),
    ...(external ? [field(5, field(5, field(13, field(1, Buffer.from("location")))))] : []),
    field(7, Buffer.from(domain)),
  ]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.from([...bytes, left]);
    bytes.push((left % 128) + 128);
  }
}
