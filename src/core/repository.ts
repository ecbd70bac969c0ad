import type { RequestContext } from "./context.ts";
import type { Target } from "./inference.ts";
import type { SchedulingSpec } from "./scheduling.ts";

/** Which of its versions a model serves. */
export type VersionPolicy = { readonly latest: number } | { readonly specific: readonly string[] };

/** What one load says of a model, instead of what its files and its resource say. It holds until the next load. */
export interface ModelOverride {
  readonly scheduling: SchedulingSpec;
  readonly responseCache?: boolean;
  /** Absent for all. */
  readonly versions?: VersionPolicy;
  /** Files of the model, by their paths below its folder such as `1/model.onnx`; empty for those that are there. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** What whoever looks at the model should know: what was asked for and has no effect. */
  readonly notes: readonly string[];
}

/** Loads and unloads by name, as clients of Triton's model repository extension ask for it. */
export interface ModelRepository {
  /**
   * Settles when the model answers. One that is loaded is loaded again when something about it has changed, and serves as it did when that
   * fails.
   * @throws ServeError NOT_FOUND for a model that the server does not know and that brings no files, and why it does not load
   */
  load(target: Target, override: ModelOverride | undefined, context: RequestContext): Promise<void>;
  /**
   * The version, or all of them, finish what is under way and answer nothing until they are loaded again. Settles when what they held is free.
   * @throws ServeError NOT_FOUND
   */
  unload(target: Target, context: RequestContext): Promise<void>;
}
