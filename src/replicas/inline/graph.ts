import { type Field, fieldsOf, textOf } from "./protobuf.ts";

/** What decides whether the cost of a graph is static. */
export interface Graph {
  readonly nodes: readonly GraphNode[];
  /** Names of the values that are in the file. */
  readonly constants: readonly string[];
  /** The file defines operators of its own. */
  readonly hasFunctions: boolean;
  /** Values are in other files. */
  readonly hasExternalData: boolean;
}

export interface GraphNode {
  readonly operator: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly hasSubgraph: boolean;
}

/** A graph with more is not tiny. */
const MOST_NODES = 2_000;
const MOST_CONSTANTS = 10_000;
const MOST_NAMES = 64;

/** Field numbers of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). */
const MODEL = { graph: 7, functions: 25 };
const GRAPH = { node: 1, initializer: 5, sparseInitializer: 15 };
const NODE = { input: 1, output: 2, operator: 4, attribute: 5, domain: 7 };
const ATTRIBUTE = { tensor: 5, graph: 6, tensors: 10, graphs: 11, sparseTensor: 22, sparseTensors: 23 };
const SPARSE = { values: 1, indices: 2 };
const TENSOR = { name: 8, externalData: 13 };

/**
 * The nodes of an ONNX file, without what is in them.
 * @throws Error for bytes that are no ONNX file, or a graph with too many parts to be tiny
 */
export function readGraph(file: Uint8Array): Graph {
  const nodes: GraphNode[] = [];
  const constants: string[] = [];
  let hasFunctions = false;
  let hasExternalData = false;
  let found = false;
  const noteTensor = (bytes: Uint8Array): void => {
    const { name, external } = readTensor(bytes);
    if (name !== "") add(constants, name, MOST_CONSTANTS);
    if (external) hasExternalData = true;
  };
  for (const field of fieldsOf(file)) {
    if (field.number === MODEL.functions) hasFunctions = true;
    if (field.number !== MODEL.graph) continue;
    found = true;
    // A field that comes twice is one: ONNX Runtime puts both together, too.
    for (const part of fieldsOf(field.bytes)) {
      if (part.number === GRAPH.node) {
        const { node, external } = readNode(part.bytes);
        add(nodes, node, MOST_NODES);
        if (external) hasExternalData = true;
      } else if (part.number === GRAPH.initializer) noteTensor(part.bytes);
      else if (part.number === GRAPH.sparseInitializer) for (const tensor of tensorsOfSparse(part)) noteTensor(tensor);
    }
  }
  if (!found) throw new Error("there is no graph in it");
  return { nodes, constants, hasFunctions, hasExternalData };
}

function readNode(bytes: Uint8Array): { node: GraphNode; external: boolean } {
  const inputs: string[] = [];
  const outputs: string[] = [];
  let operator = "";
  let domain = "";
  let hasSubgraph = false;
  let external = false;
  for (const field of fieldsOf(bytes)) {
    if (field.number === NODE.input) add(inputs, textOf(field), MOST_NAMES);
    else if (field.number === NODE.output) add(outputs, textOf(field), MOST_NAMES);
    else if (field.number === NODE.operator) operator = textOf(field);
    else if (field.number === NODE.domain) domain = textOf(field);
    else if (field.number === NODE.attribute) {
      for (const part of fieldsOf(field.bytes)) {
        if (part.number === ATTRIBUTE.graph || part.number === ATTRIBUTE.graphs) hasSubgraph = true;
        else if (tensorsOf(part).some((tensor) => readTensor(tensor).external)) external = true;
      }
    }
  }
  return { node: { operator, domain, inputs, outputs, hasSubgraph }, external };
}

/** The tensors in one field of an attribute. */
function tensorsOf(part: Field): Uint8Array[] {
  if (part.number === ATTRIBUTE.tensor || part.number === ATTRIBUTE.tensors) return [part.bytes];
  return part.number === ATTRIBUTE.sparseTensor || part.number === ATTRIBUTE.sparseTensors ? tensorsOfSparse(part) : [];
}

function tensorsOfSparse(field: Field): Uint8Array[] {
  return [...fieldsOf(field.bytes)].filter(({ number }) => number === SPARSE.values || number === SPARSE.indices).map(({ bytes }) => bytes);
}

function readTensor(bytes: Uint8Array): { name: string; external: boolean } {
  let name = "";
  let external = false;
  for (const field of fieldsOf(bytes)) {
    if (field.number === TENSOR.name) name = textOf(field);
    else if (field.number === TENSOR.externalData) external = true;
  }
  return { name, external };
}

function add<Item>(list: Item[], item: Item, most: number): void {
  if (list.length >= most) throw new Error(`it has more than ${most} parts of one kind`);
  list.push(item);
}
