import type { JsonObject } from "./inference.ts";
import type { Resource, ResourceKey } from "./resource.ts";

/** A spec of an InferenceService that has served, and goes on serving until a newer one can. */
export interface ReadySpec {
  readonly generation: number;
  readonly spec: JsonObject;
}

/** What became of one revision of an InferenceService. */
export interface RevisionRecord extends ReadySpec {
  /** Those that decide what runs. */
  readonly annotations: Readonly<Record<string, string>>;
  /** "canary": it got a part of the requests; "given up": another one was wanted before it could serve. */
  readonly outcome: "canary" | "rolled out" | "failed" | "given up";
  /** RFC 3339: since when that has been its outcome. */
  readonly time: string;
  /** Why it failed. */
  readonly message?: string;
}

export interface StoredResource {
  readonly resource: Resource;
  readonly lastReady?: ReadySpec;
  /** The latest, ascending by generation; absent when there are none. */
  readonly revisions?: readonly RevisionRecord[];
}

/** Records that are kept of each resource. */
export const KEPT_REVISIONS = 20;

export type ResourceChange =
  | { readonly change: "put"; readonly resource: Resource }
  /** Takes the last ready spec and the records of revisions with it. */
  | { readonly change: "delete"; readonly key: ResourceKey }
  /** Ignored when the resource is gone or has another uid. */
  | { readonly change: "ready"; readonly key: ResourceKey; readonly uid: string; readonly lastReady: ReadySpec }
  /** In place of the record of the same generation. Ignored as "ready" is; the oldest above {@link KEPT_REVISIONS} go. */
  | { readonly change: "revision"; readonly key: ResourceKey; readonly uid: string; readonly record: RevisionRecord };

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
