import type { ModelStatus } from "../../../core/model.ts";
import type { TensorSpec } from "../../../core/signature.ts";

/** Name of the platform for each framework, in Triton's words where it has them. */
const PLATFORMS: Readonly<Record<string, string>> = { onnxruntime: "onnxruntime_onnx" };

/** Model metadata: `{name, versions, platform, inputs, outputs}` of the method `predict`. */
export function modelMetadata(model: ModelStatus, versions: readonly ModelStatus[]): string {
  const signature = model.description?.methods.predict;
  const framework = model.description?.framework ?? "";
  return JSON.stringify({
    name: model.name,
    versions: versions.flatMap(({ state, version }) => (state === "ready" ? [version] : [])),
    platform: PLATFORMS[framework] ?? framework,
    inputs: (signature?.inputs ?? []).map(tensorMetadata),
    outputs: (signature?.outputs ?? []).map(tensorMetadata),
  });
}

function tensorMetadata({ name, datatype, shape, optional }: TensorSpec): object {
  return { name, datatype, shape, ...(optional === true ? { parameters: { optional: true } } : {}) };
}
