import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { field, graph, type NodePart, onnxFile } from "../../../test/onnx-file.ts";
import type { Signature } from "../../core/signature.ts";
import { readGraph } from "./graph.ts";
import { obstacleInGraph, obstacleInSignature } from "./static-cost.ts";

const IRIS = readFileSync(new URL("../../../examples/models/iris-onnx/model.onnx", import.meta.url));

const obstacle = (nodes: readonly NodePart[], constants: readonly string[] = []): string | undefined =>
  obstacleInGraph(readGraph(onnxFile(nodes, constants)));

describe("readGraph", () => {
  it("reads the operators of a real file", () => {
    expect(readGraph(IRIS).nodes.map(({ operator, domain }) => [operator, domain])).toEqual([
      ["LinearClassifier", "ai.onnx.ml"],
      ["Normalizer", "ai.onnx.ml"],
    ]);
  });

  it("puts a graph that comes in two parts together, as ONNX Runtime does", () => {
    const file = onnxFile([{ operator: "Add" }], [], field(7, graph([{ operator: "Loop" }])));
    expect(readGraph(file).nodes.map(({ operator }) => operator)).toEqual(["Add", "Loop"]);
  });

  it.each([
    ["nothing", Buffer.alloc(0), /no graph/],
    ["a field that is cut off", IRIS.subarray(0, -3), /cut off/],
    ["a length beyond the end", Buffer.from([0x3a, 0xff, 0xff, 0xff, 0xff, 0x7f]), /cut off/],
    ["a number without an end", Buffer.alloc(40, 0xff), /longer than 64 bits/],
    ["a group", Buffer.from([0x3b, 0x3c]), /wire type 3/],
    ["too many nodes", onnxFile(Array<NodePart>(2_001).fill({ operator: "Add" })), /more than 2000/],
    ["too many fields", Buffer.concat(Array(100_002).fill(field(9, Buffer.alloc(0)))), /more than 100000/],
  ])("refuses %s", (_, file, reason) => {
    expect(() => readGraph(file)).toThrow(reason);
  });

  it("ends with a graph or an error, whatever the bytes are", () => {
    const end = (file: Uint8Array): void => {
      try {
        obstacleInGraph(readGraph(file));
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
        expect(error).not.toBeInstanceOf(RangeError);
        expect(error).not.toBeInstanceOf(TypeError);
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), end));
    fc.assert(
      fc.property(fc.nat(IRIS.byteLength - 1), fc.nat(255), (at, byte) => {
        const changed = Uint8Array.from(IRIS);
        changed[at] = byte;
        end(changed);
      }),
    );
  });
});

describe("obstacleInGraph", () => {
  it("finds none in a real model", () => {
    expect(obstacleInGraph(readGraph(IRIS))).toBeUndefined();
  });

  it.each(["Loop", "Scan", "If", "NonZero", "Unique", "NonMaxSuppression", "Compress", "SequenceAt", "OptionalGetElement", "RandomNormal"])(
    "refuses %s",
    (operator) => {
      expect(obstacle([{ operator: "Add" }, { operator }])).toContain(operator);
    },
  );

  it("refuses a graph inside of a node, also of one that it does not know", () => {
    expect(obstacle([{ operator: "Tomorrow", subgraph: [{ operator: "Add" }] }])).toContain("a graph of its own");
  });

  it("refuses operators of other domains, and functions in the file", () => {
    expect(obstacle([{ operator: "Mine", domain: "com.example" }])).toContain("com.example");
    expect(obstacle([{ operator: "Normalizer", domain: "ai.onnx.ml" }])).toBeUndefined();
    expect(obstacleInGraph(readGraph(onnxFile([], [], field(25, Buffer.alloc(0)))))).toContain("operators of its own");
  });

  it("refuses values in other files", () => {
    expect(obstacle([{ operator: "Constant", external: true }])).toContain("other files");
    const initializer = field(5, field(13, Buffer.alloc(0)));
    expect(obstacleInGraph(readGraph(onnxFile([], [], field(7, initializer))))).toContain("other files");
  });

  it("takes sizes from constants and shapes, and refuses those from values", () => {
    const expand: NodePart = { operator: "Expand", inputs: ["x", "size"], outputs: ["y"] };
    expect(obstacle([expand], ["size"])).toBeUndefined();
    expect(obstacle([{ operator: "Constant", outputs: ["size"] }, expand])).toBeUndefined();
    const ofShape: NodePart[] = [
      { operator: "Shape", inputs: ["x"], outputs: ["shape"] },
      { operator: "Gather", inputs: ["shape", "index"], outputs: ["size"] },
    ];
    expect(obstacle([...ofShape, expand], ["index"])).toBeUndefined();
    expect(obstacle([{ operator: "Abs", inputs: ["x"], outputs: ["size"] }, expand])).toContain("Expand");
    expect(obstacle([expand])).toContain("Expand");
  });
});

describe("obstacleInSignature", () => {
  const signature = (shape: readonly number[], more: Partial<Signature> = {}): Signature => ({
    accepts: "tensors",
    inputs: [{ name: "x", datatype: "FP32", shape }],
    outputs: [],
    batchable: true,
    ...more,
  });

  it.each([
    ["a batch of rows of one size", signature([-1, 4]), undefined],
    ["one size and no batches", signature([2, 4], { batchable: false }), undefined],
    ["rows of any size", signature([-1, -1]), "variable shape"],
    ["rows that do not batch", signature([-1, 4], { batchable: false }), "variable shape"],
    ["text", signature([-1, 4], { inputs: [{ name: "x", datatype: "BYTES", shape: [-1, 1] }] }), "text"],
    ["JSON", signature([-1, 4], { accepts: "json" }), "tensors"],
    ["a stream", signature([-1, 4], { streaming: true }), "tensors"],
  ])("judges %s", (_, given, expected) => {
    if (expected === undefined) expect(obstacleInSignature(given)).toBeUndefined();
    else expect(obstacleInSignature(given)).toContain(expected);
  });
});
