import { describe, expect, it } from "vitest";
import { configurationOf, configuredInput, configuredOutput } from "../../../test/model-configuration.ts";
import type { ModelConfiguration, SequenceBatching } from "../../core/model-configuration.ts";
import type { Signature } from "../../core/signature.ts";
import { checkAgainstGraph } from "./onnx-check.ts";

const GRAPH: Signature = {
  accepts: "tensors",
  inputs: [
    { name: "a", datatype: "INT32", shape: [-1, 16] },
    { name: "b", datatype: "INT32", shape: [-1, -1] },
  ],
  outputs: [
    { name: "y", datatype: "INT32", shape: [-1, 16] },
    { name: "z", datatype: "BYTES", shape: [-1, -1] },
  ],
};
const int = { datatype: "INT32" } as const;
const FITTING = configurationOf({
  maxBatchSize: 2,
  inputs: [configuredInput("a", [16], int), configuredInput("b", [7], int)],
  outputs: [configuredOutput("y", [16], int), configuredOutput("z", [-1], { datatype: "BYTES" })],
});

describe("a configuration against its graph", () => {
  it("may say less of outputs, fix what is variable in inputs, and reshape", () => {
    expect(() => checkAgainstGraph(FITTING, GRAPH, "m")).not.toThrow();
    expect(() => checkAgainstGraph({ ...FITTING, outputs: FITTING.outputs.slice(0, 1) }, GRAPH, "m")).not.toThrow();
    const inputs = [configuredInput("a", [4, 4], { ...int, reshape: [16] }), configuredInput("b", [-1], int)];
    expect(() => checkAgainstGraph({ ...FITTING, inputs }, GRAPH, "m")).not.toThrow();
  });

  it.each<[string, Partial<ModelConfiguration>, string]>([
    ["too few inputs", { inputs: FITTING.inputs.slice(1) }, "unable to load model 'm', configuration expects 1 inputs, model provides 2"],
    [
      "an unknown input",
      { inputs: [configuredInput("a", [16], int), configuredInput("c", [16], int)] },
      "unexpected inference input 'c', allowed inputs are: a, b",
    ],
    ["an unknown output", { outputs: [configuredOutput("w", [16], int)] }, "unexpected inference output 'w', allowed outputs are: y, z"],
    [
      "another datatype",
      { outputs: [configuredOutput("z", [-1])] },
      "unable to load model 'm', configuration expects datatype TYPE_FP32 for output 'z', model provides TYPE_STRING",
    ],
    [
      "too many dims",
      { inputs: [configuredInput("a", [16, 1], int), configuredInput("b", [16], int)] },
      "model 'm', tensor 'a': the model expects 2 dimensions (shape [-1,16]) but the model configuration specifies 3 dimensions (an initial batch dimension because max_batch_size > 0 followed by the explicit tensor shape, making complete shape [-1,16,1])",
    ],
    [
      "a size that the graph leaves open, of an output",
      { outputs: [configuredOutput("z", [3], { datatype: "BYTES" })] },
      "model 'm', tensor 'z': the model expects 2 dimensions (shape [-1,-1]) but",
    ],
    ["dims without rows", { maxBatchSize: 0 }, "but the model configuration specifies 1 dimensions (shape [16])"],
    [
      "an optional input with rows",
      { inputs: [...FITTING.inputs, configuredInput("c", [1], { optional: true })] },
      "optional input 'c' is not supported for models that support batching",
    ],
  ])("is refused for %s", (_, said, message) => {
    expect(() => checkAgainstGraph({ ...FITTING, ...said }, GRAPH, "m")).toThrow(message);
  });

  it("has scalars as single elements", () => {
    const scalar: Signature = { accepts: "tensors", inputs: [{ name: "x", datatype: "FP32", shape: [] }], outputs: [] };
    const asked = (dims: number[], reshape?: number[]): ModelConfiguration =>
      configurationOf({ maxBatchSize: 0, inputs: [configuredInput("x", dims, { reshape })] });
    expect(() => checkAgainstGraph(asked([1]), scalar, "m")).not.toThrow();
    expect(() => checkAgainstGraph(asked([1, 1], []), scalar, "m")).not.toThrow();
    expect(() => checkAgainstGraph(asked([2]), scalar, "m")).toThrow("scalar tensor 'x', should only provide 1");
    expect(() => checkAgainstGraph({ ...asked([1]), maxBatchSize: 4 }, scalar, "m")).toThrow("the first dimension must be -1");
  });

  it("counts controls and states, and checks what they are", () => {
    const graph: Signature = {
      accepts: "tensors",
      inputs: [...GRAPH.inputs, { name: "start", datatype: "BOOL", shape: [-1, 1] }, { name: "in", datatype: "FP32", shape: [-1, 2] }],
      outputs: [...GRAPH.outputs, { name: "out", datatype: "FP32", shape: [-1, 2] }],
    };
    const sequences: SequenceBatching = {
      strategy: { kind: "direct", maxQueueDelayMs: 0, minimumSlotUtilization: 0 },
      idleMs: 1000,
      controls: [{ name: "start", kind: "start", datatype: "BOOL", values: [0, 1] }],
      states: [{ inputName: "in", outputName: "out", datatype: "FP32", dims: [2], initial: undefined }],
      iterative: false,
    };
    const check = (said: Partial<SequenceBatching>): void =>
      checkAgainstGraph({ ...FITTING, sequenceBatching: { ...sequences, ...said } }, graph, "m");
    expect(() => check({})).not.toThrow();
    expect(() => check({ states: [] })).toThrow("configuration expects 3 inputs, model provides 4");
    expect(() => check({ controls: [{ name: "go", kind: "ready", datatype: "BOOL", values: [0, 1] }] })).toThrow(
      "configuration specified sequence control 'go', but model does not provide that input",
    );
    expect(() => check({ controls: [{ name: "start", kind: "start", datatype: "INT32", values: [0, 1] }] })).toThrow(
      "sequence control 'start', the model expects data-type TYPE_BOOL but the model configuration specifies data-type TYPE_INT32",
    );
    expect(() => check({ controls: [{ name: "a", kind: "start", datatype: "INT32", values: [0, 1] }] })).toThrow(
      "sequence control 'a' in model has dims [16] but dims [1] is expected",
    );
    expect(() => check({ states: [{ inputName: "in", outputName: "gone", datatype: "FP32", dims: [2], initial: undefined }] })).toThrow(
      "unexpected inference output 'gone'",
    );
  });
});
