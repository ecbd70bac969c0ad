import { ServeError } from "../../core/errors.ts";
import type { LoadMetadata } from "../../frames/index.ts";
import type { HostedModel } from "./hosted-model.ts";

/**
 * Loads and warms up the model of a load frame; a framework is only imported for a model that needs it. With `contents`, the
 * artefact's and perhaps the example's, no file is read.
 */
export async function loadModel(meta: LoadMetadata, contents: readonly Uint8Array[], report: (step: string) => void): Promise<HostedModel> {
  switch (meta.format) {
    case "onnx": {
      const { loadOnnx } = await import("./onnx.ts");
      return await loadOnnx(meta, contents, report);
    }
    case "huggingface-onnx": {
      const { loadHuggingFace } = await import("./huggingface/load.ts");
      return await loadHuggingFace(meta, report);
    }
    case "typescript": {
      const { loadTypeScript } = await import("./typescript.ts");
      return await loadTypeScript(meta, report);
    }
    default:
      throw new ServeError("UNIMPLEMENTED", `the Node host has no format '${meta.format}'; it has onnx, huggingface-onnx, typescript`);
  }
}
