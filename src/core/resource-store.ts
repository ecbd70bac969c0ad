import type { JsonObject } from "./inference.ts";
import type { Resource, ResourceKey } from "./resource.ts";

/** A spec of an InferenceService that has served, and goes on serving until a newer one can. */
export interface ReadySpec {
  readonly generation: number;
  readonly spec: JsonObject;
}

export interface StoredResource {
  readonly resource: Resource;
  readonly lastReady?: ReadySpec;
}

export type ResourceChange =
  | { readonly change: "put"; readonly resource: Resource }
  /** Takes the last ready spec with it. */
  | { readonly change: "delete"; readonly key: ResourceKey }
  /** Ignored when the resource is gone or has another uid. */
  | { readonly change: "ready"; readonly key: ResourceKey; readonly uid: string; readonly lastReady: ReadySpec };

/** The durable desired state. One process at a time has it open. */
export interface ResourceStore {
  /** What was there when it was opened. */
  readonly restored: readonly StoredResource[];
  /** Goes up by one with each opening, from 1. */
  readonly epoch: number;
  /**
   * Applies all changes or none. Settles when they are on disk: from then on no crash of the process or the machine loses them.
   * Calls take effect in the order in which they are made.
   * @throws ServeError RESOURCE_EXHAUSTED when the disk is full, DATA_LOSS when the database is damaged; nothing has changed then
   */
  commit(changes: readonly ResourceChange[]): Promise<void>;
  /** Finishes the commits under way and lets go of the directory. */
  close(): Promise<void>;
}
