import type { ModelSpec } from "../core/model.ts";
import type { ModelDescription, Replica, ReplicaCall } from "../core/replica.ts";

/** How models come to run in the server's own process; given by the composition root. */
export interface InlineRuns {
  /** What can be told without reading the artefact. */
  suits(spec: ModelSpec, description: ModelDescription): boolean;
  /** Loads what all of them need. */
  prepare(): Promise<void>;
  /** Opens the model and proves it against its host. @throws ServeError why it must stay in its host */
  open(spec: ModelSpec, host: Replica, sample: ReplicaCall | undefined): Promise<InlineReplica>;
}

/** A replica in this process. */
export interface InlineReplica extends Replica {
  /** Predicted milliseconds of a call with one row. */
  readonly costOfOneRow: number;
  /** Calls so far. */
  readonly runs: number;
}
