import type { ModelConfiguration } from "../../../core/model-configuration.ts";
import { readModelConfigurationJson } from "../../../model-configurations/index.ts";

/**
 * The `config` parameter of a load: a ModelConfig as JSON, as protobuf reads it.
 * @throws ServeError INVALID_ARGUMENT that begins as Triton's does
 */
export function readConfigOverride(model: string, text: string): ModelConfiguration {
  return readModelConfigurationJson(text, { file: "Invalid config override", name: model });
}
