import type { Signature } from "../../core/signature.ts";
import type { Graph, GraphNode } from "./graph.ts";

/** Operators of ONNX itself. Others are somebody's own, and nobody knows what they do. */
const DOMAINS: ReadonlySet<string> = new Set(["", "ai.onnx", "ai.onnx.ml"]);

/** Their work or the size of their output depends on values, or their answers differ from call to call. */
const DYNAMIC: ReadonlySet<string> = new Set([
  "Loop",
  "Scan",
  "If",
  "SequenceMap",
  "NonZero",
  "Unique",
  "NonMaxSuppression",
  "Compress",
  "StringSplit",
  "StringConcat",
  "StringNormalizer",
  "RegexFullMatch",
  "TfIdfVectorizer",
  "Bernoulli",
  "Multinomial",
  "RandomNormal",
  "RandomNormalLike",
  "RandomUniform",
  "RandomUniformLike",
  "ImageDecoder",
]);

/** Inputs, by position, that say how large an output is or how much is computed. */
const SIZE_INPUTS: Readonly<Record<string, readonly number[]>> = {
  Range: [0, 1, 2],
  Reshape: [1],
  Slice: [1, 2, 3, 4],
  TopK: [1],
  ConstantOfShape: [0],
  Expand: [1],
  Tile: [1, 2],
  Resize: [1, 2, 3],
  Upsample: [1],
  OneHot: [1],
  Pad: [1, 3],
  CenterCropPad: [1],
  AffineGrid: [1],
  Col2Im: [1, 2],
  MaxUnpool: [2],
  DFT: [1],
  STFT: [1, 3],
  HannWindow: [0],
  HammingWindow: [0],
  BlackmanWindow: [0],
  MelWeightMatrix: [0, 1, 2],
};

/** Their output is what the shape of their input says, whatever the values in it are. */
const OF_SHAPES: ReadonlySet<string> = new Set(["Shape", "Size"]);

/** Why the cost of a graph is not known from the number of rows alone; undefined when it is. */
export function obstacleInGraph({ nodes, constants, hasFunctions, hasExternalData }: Graph): string | undefined {
  if (hasFunctions) return "it defines operators of its own";
  if (hasExternalData) return "some of its values are in other files";
  const fixed = new Set([...constants, ""]);
  for (const node of nodes) {
    const obstacle = obstacleInNode(node, fixed);
    if (obstacle !== undefined) return obstacle;
    // Nodes come after those that they need, so one pass says which values do not depend on a request's.
    if (OF_SHAPES.has(node.operator) || node.inputs.every((name) => fixed.has(name))) for (const name of node.outputs) fixed.add(name);
  }
  return undefined;
}

function obstacleInNode({ operator, domain, inputs, hasSubgraph }: GraphNode, fixed: ReadonlySet<string>): string | undefined {
  if (!DOMAINS.has(domain)) return `its operator ${operator} is one of ${domain}`;
  if (hasSubgraph) return `its operator ${operator} has a graph of its own`;
  if (DYNAMIC.has(operator) || operator.startsWith("Sequence") || operator.startsWith("Optional")) {
    return `what its operator ${operator} does depends on values`;
  }
  const sizes = Object.hasOwn(SIZE_INPUTS, operator) ? SIZE_INPUTS[operator] : undefined;
  const isFree = (position: number): boolean => !fixed.has(inputs[position] ?? "");
  return sizes?.some(isFree) === true ? `the size that its operator ${operator} makes depends on values` : undefined;
}

/** Why the cost of a method is not known from the number of rows alone; undefined when it is. */
export function obstacleInSignature({ accepts, inputs, batchable, streaming }: Signature): string | undefined {
  if (accepts !== "tensors" || streaming === true || inputs.length === 0) return "it does not answer tensors with tensors";
  for (const { name, datatype, shape } of inputs) {
    if (datatype === "BYTES") return `its input '${name}' is text of any length`;
    const free = batchable === true ? shape.slice(1) : shape;
    if (free.some((dimension) => dimension < 0)) return `its input '${name}' has a variable shape`;
  }
  return undefined;
}
