import { expect, it } from "vitest";
import { platformOf } from "./platform.ts";

it.each([
  [undefined, "", ""],
  [{ framework: "onnxruntime" }, "onnxruntime_onnx", "onnxruntime"],
  [{ framework: "scikit-learn" }, "scikit-learn", "scikit-learn"],
  [{ framework: "triton-python", configuration: { platform: "", backend: "python" } }, "python", "python"],
  [{ framework: "nitrous", configuration: { platform: "ensemble", backend: "" } }, "ensemble", ""],
])("names the platform of %j", (description, platform, backend) => {
  expect(platformOf(description)).toEqual({ platform, backend });
});
