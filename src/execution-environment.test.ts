import { expect, it } from "vitest";
import { configurationOf } from "../test/model-configuration.ts";
import type { ModelSpec } from "./core/model.ts";
import { executionEnvironment } from "./execution-environment.ts";

const spec = (more: Partial<ModelSpec>): ModelSpec => ({
  namespace: "default",
  name: "m",
  version: "1",
  format: "triton-python",
  file: "/models/m/1/model.py",
  directory: "/models/m/1",
  folder: "/models/m",
  bytes: 1,
  configuration: configurationOf({ parameters: { EXECUTION_ENV_PATH: "$$TRITON_MODEL_DIRECTORY/env.tar.gz" } }),
  ...more,
});

it("is that of a model which somebody trusts, below its folder where it says so", () => {
  expect(executionEnvironment(spec({ trust: "code" }))).toBe("/models/m/env.tar.gz");
  expect(executionEnvironment(spec({ trust: "code", configuration: configurationOf({}) }))).toBeUndefined();
  expect(executionEnvironment(spec({ format: "onnx" }))).toBeUndefined();
});

it("is refused to a model that came with a request", () => {
  expect(() => executionEnvironment(spec({}))).toThrow(expect.objectContaining({ code: "PERMISSION_DENIED" }));
});
