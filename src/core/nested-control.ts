import type { Target } from "./inference.ts";
import type { CallOrigin } from "./replica.ts";

/** What a model brings along when it asks for a load. */
export interface NestedOverride {
  /** A model configuration in JSON. */
  readonly configuration: string | undefined;
  /** By their paths below the model's folder, such as `1/model.onnx`. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** Loads and unloads of other models for which a model asks. */
export interface NestedControl {
  /** Whether the version that the target means answers now. */
  ready(target: Target): Promise<boolean>;
  /** Settles when the model answers. @throws ServeError as the repository does */
  load(target: Target, override: NestedOverride, parent: CallOrigin): Promise<void>;
  /** Settles when what the model held is free; with `dependents`, steps of an ensemble too that nobody else needs. @throws ServeError as the repository does */
  unload(target: Target, dependents: boolean): Promise<void>;
}
