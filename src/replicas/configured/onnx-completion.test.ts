import { describe, expect, it } from "vitest";
import { configurationOf, configuredInput, configuredOutput } from "../../../test/model-configuration.ts";
import type { SequenceBatching } from "../../core/model-configuration.ts";
import type { Signature } from "../../core/signature.ts";
import { completionOf } from "./onnx-completion.ts";

function graph(inputs: Readonly<Record<string, readonly number[]>>, outputs: Readonly<Record<string, readonly number[]>>): Signature {
  const specs = (shapes: Readonly<Record<string, readonly number[]>>): Signature["inputs"] =>
    Object.entries(shapes).map(([name, shape]) => ({ name, datatype: "FP32", shape }));
  return { accepts: "tensors", inputs: specs(inputs), outputs: specs(outputs) };
}

describe("completion of an ONNX model's configuration", () => {
  it("finds rows where all tensors have a variable first dimension, and lets requests share calls", () => {
    const completion = completionOf(configurationOf(), graph({ x: [-1, 3, -1] }, { y: [-1], z: [-1, 2] }), "m");
    expect(completion).toMatchObject({
      maxBatchSize: 4,
      dynamicBatching: { preferredBatchSizes: [], maxQueueDelayMs: 0 },
      inputs: [configuredInput("x", [3, -1])],
      // A row that is a scalar is one of [1] for clients.
      outputs: [configuredOutput("y", [1], { reshape: [] }), configuredOutput("z", [2])],
    });
  });

  it("finds none where one tensor has not, and then dims are the whole shape", () => {
    const completion = completionOf(configurationOf({ maxBatchSize: 0 }), graph({ x: [-1, 3] }, { y: [], z: [2] }), "m");
    expect(completion).toEqual({
      maxBatchSize: 0,
      inputs: [configuredInput("x", [-1, 3])],
      outputs: [configuredOutput("y", [1]), configuredOutput("z", [2])],
    });
  });

  it("leaves what is said, and everything of a configuration with inputs and outputs", () => {
    const rows = graph({ x: [-1, 3] }, { y: [-1, 3] });
    const input = configuredInput("x", [3], { reshape: [3, 1] });
    expect(completionOf(configurationOf({ inputs: [input], maxBatchSize: 8 }), rows, "m")).toEqual({
      maxBatchSize: 8,
      dynamicBatching: expect.anything() as unknown,
      outputs: [configuredOutput("y", [3])],
    });
    expect(completionOf(configurationOf({ maxBatchSize: 1 }), rows, "m")).not.toHaveProperty("dynamicBatching");
    const whole = configurationOf({ inputs: [input], outputs: [configuredOutput("y", [-1, 3])] });
    expect(completionOf(whole, rows, "m")).toEqual({ maxBatchSize: 0 });
    expect(completionOf({ ...whole, maxBatchSize: 2 }, rows, "m")).toEqual({});
  });

  it("refuses rows that the graph has not", () => {
    expect(() => completionOf(configurationOf({ maxBatchSize: 1 }), graph({ x: [16] }, { y: [16] }), "m")).toThrow(
      "autofill failed for model 'm': model does not support batching while non-zero max_batch_size is specified",
    );
  });

  it("takes no control or state for a tensor of clients", () => {
    const sequenceBatching: SequenceBatching = {
      strategy: { kind: "direct", maxQueueDelayMs: 0, minimumSlotUtilization: 0 },
      idleMs: 1000,
      controls: [{ name: "start", kind: "start", datatype: "INT32", values: [0, 1] }],
      states: [{ inputName: "in_state", outputName: "out_state", datatype: "FP32", dims: [1], initial: undefined }],
      iterative: false,
    };
    const shapes = graph({ x: [-1, 1], start: [-1, 1], in_state: [-1, 1] }, { y: [-1, 1], out_state: [-1, 1] });
    expect(completionOf(configurationOf({ sequenceBatching }), shapes, "m")).toEqual({
      maxBatchSize: 4,
      inputs: [configuredInput("x", [1])],
      outputs: [configuredOutput("y", [1])],
    });
  });
});
