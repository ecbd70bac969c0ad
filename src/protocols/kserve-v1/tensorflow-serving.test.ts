import { expect, it } from "vitest";
import type { ModelStatus } from "../../core/model.ts";
import { encodeOutputs } from "../shared/index.ts";
import { signatureDefinitions, versionStatus } from "./tensorflow-serving.ts";

const status = (version: string, state: ModelStatus["state"], answers: boolean): ModelStatus =>
  ({
    name: "half",
    version,
    format: "tensorflow",
    state,
    answers,
    reason: "it broke\nat line 1",
    description: {
      framework: "tensorflow",
      frameworkVersion: "2",
      warnings: [],
      defaultMethod: "predict",
      methods: {
        predict: {
          accepts: "tensors",
          inputs: [{ name: "x", datatype: "FP32", shape: [-1, 2] }],
          outputs: [{ name: "y", datatype: "BYTES", shape: [-1] }],
        },
      },
    },
  }) as unknown as ModelStatus;

it("tells the state of versions in TensorFlow Serving's words, the newest first", () => {
  const versions = [status("1", "ready", true), status("2", "failed", false)];
  expect(JSON.parse(versionStatus(status("2", "failed", false), versions))).toEqual({
    name: "half",
    ready: false,
    model_version_status: [
      { version: "2", state: "END", status: { error_code: "UNKNOWN", error_message: "it broke" } },
      { version: "1", state: "AVAILABLE", status: { error_code: "OK", error_message: "" } },
    ],
  });
});

it("tells what signatures take and give, with the default one under TensorFlow's name too", () => {
  const { model_spec, metadata } = JSON.parse(signatureDefinitions(status("1", "ready", true)));
  expect(model_spec).toEqual({ name: "half", signature_name: "", version: "1" });
  const definitions = metadata.signature_def.signature_def;
  expect(Object.keys(definitions)).toEqual(["predict", "serving_default"]);
  expect(definitions.serving_default.inputs.x).toEqual({
    dtype: "DT_FLOAT",
    tensor_shape: {
      dim: [
        { size: "-1", name: "" },
        { size: "2", name: "" },
      ],
      unknown_rank: false,
    },
    name: "x:0",
  });
  expect(definitions.predict.outputs.y.dtype).toBe("DT_STRING");
});

it("answers columns as outputs: one as it is, several by name", () => {
  const y = { name: "y", datatype: "INT32", shape: [2, 1], data: new Uint8Array(Int32Array.of(1, 2).buffer) } as const;
  expect(encodeOutputs([y])).toBe('{"outputs":[[1],[2]]}');
  expect(encodeOutputs([y, { ...y, name: "z" }])).toBe('{"outputs":{"y":[[1],[2]],"z":[[1],[2]]}}');
});
