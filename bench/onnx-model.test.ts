import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, it } from "vitest";
import { encodeModel } from "./onnx-model.ts";

it("writes networks that onnxruntime reads", async () => {
  const model = encodeModel({
    nodes: [
      { type: "MatMul", inputs: ["x", "matrix"], outputs: ["product"] },
      { type: "Transpose", inputs: ["product"], outputs: ["y"], attributes: { perm: [1, 0] } },
    ],
    weights: [{ name: "matrix", shape: [2, 1], data: Float32Array.of(10, 0.5) }],
    inputs: [{ name: "x", shape: ["batch", 2] }],
    outputs: [{ name: "y", shape: [1, "batch"] }],
  });
  const session = await InferenceSession.create(model);
  const { y } = await session.run({ x: new Tensor("float32", Float32Array.of(1, 2, 3, 4), [2, 2]) });
  expect(y).toMatchObject({ dims: [1, 2], data: Float32Array.of(11, 32) });
  expect(session.inputMetadata[0]).toMatchObject({ shape: ["batch", 2] });
});

it("writes long lengths", async () => {
  const data = new Float32Array(40_000).fill(1);
  const model = encodeModel({
    nodes: [{ type: "MatMul", inputs: ["x", "matrix"], outputs: ["y"] }],
    weights: [{ name: "matrix", shape: [200, 200], data }],
    inputs: [{ name: "x", shape: [1, 200] }],
    outputs: [{ name: "y", shape: [1, 200] }],
  });
  const { y } = await (await InferenceSession.create(model)).run({ x: new Tensor("float32", new Float32Array(200).fill(1), [1, 200]) });
  expect(y).toMatchObject({ data: new Float32Array(200).fill(200) });
});
