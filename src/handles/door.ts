import type { HandleFuture, HandleStatus, RunOptions } from "./model-handle.ts";

/** The model that a handle is for. */
export interface HandleTarget {
  readonly namespace: string;
  readonly name: string;
  readonly version: string | undefined;
  /** The one that has the version, where a model has several. */
  readonly revision?: string | undefined;
}

/** One request of a handle. */
export interface HandleCall extends RunOptions {
  readonly target: HandleTarget;
  readonly method: string | undefined;
  /** The one version that may answer; undefined for whichever the target means. */
  readonly modelId: string | undefined;
  readonly inputs: unknown;
}

export interface HandleAnswer<Output> {
  /** The version that answers. */
  readonly modelId: string;
  readonly output: Output;
}

export type Change = "load" | "drain" | "evict";

/** How handles reach their models: everything that differs between this process and HTTP. Whatever fails is a ServeError. */
export interface HandleDoor {
  run(call: HandleCall): Promise<HandleAnswer<unknown>>;
  stream(call: HandleCall): Promise<HandleAnswer<AsyncIterable<unknown>>>;
  submit(call: HandleCall): Promise<HandleAnswer<HandleFuture<unknown>>>;
  /** Of the version with that id; of the latest without one. */
  status(target: HandleTarget, modelId: string | undefined): Promise<HandleStatus>;
  scale(target: HandleTarget, replicas: number | "auto"): Promise<void>;
  change(change: Change, target: HandleTarget): Promise<void>;
}
