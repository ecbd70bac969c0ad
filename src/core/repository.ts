import type { RequestContext } from "./context.ts";
import type { Target } from "./inference.ts";
import type { ModelConfiguration } from "./model-configuration.ts";

/** What one load says of a model, instead of what its files and its resource say. It holds until the next load. */
export interface ModelOverride {
  readonly configuration: ModelConfiguration;
  /** Files of the model, by their paths below its folder such as `1/model.onnx`; empty for those that are there. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** Loads and unloads by name, as clients of Triton's model repository extension ask for it. */
export interface ModelRepository {
  /** @throws ServeError UNAVAILABLE when clients may neither load nor unload */
  assertChangeable(): void;
  /** There is a model of this name, or there are files for one where models are looked for. */
  holds(target: Target): Promise<boolean>;
  /**
   * Settles when the model answers, an ensemble with its steps. One that is loaded is loaded again when something about it has changed, and
   * serves as it did when that fails; where only the number of its replicas has changed, nothing else does.
   * @throws ServeError NOT_FOUND for a model that the server does not know and that brings no files, and why it does not load
   */
  load(target: Target, override: ModelOverride | undefined, context: RequestContext): Promise<void>;
  /**
   * The version, or all of them, finish what is under way and answer nothing until they are loaded again. Settles when what they held is free.
   * @throws ServeError NOT_FOUND
   */
  unload(target: Target, options: UnloadOptions): Promise<void>;
}

export interface UnloadOptions {
  /** With an ensemble, its steps go that were loaded for it and that no other needs. */
  readonly dependents: boolean;
}
