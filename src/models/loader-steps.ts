import type { HostEndpoint, HostSpec } from "../core/executor.ts";
import type { ModelSpec } from "../core/model.ts";
import type { Replica } from "../core/replica.ts";

/** What the way from an artefact to a serving model is made of; each step is given by the composition root. */
export interface LoaderSteps {
  /** The command of a host that can load the model, its environment made if it was missing. */
  prepare(spec: ModelSpec, report: (step: string) => void, signal: AbortSignal): Promise<PreparedHost>;
  start(host: HostSpec): HostEndpoint;
  /** Settles when the host has introduced itself. */
  connect(endpoint: HostEndpoint, signal: AbortSignal): Promise<Connected>;
}

export interface PreparedHost {
  readonly host: HostSpec;
  /** What the status should say of the environment. */
  readonly warnings: readonly string[];
  /** Models with the same key may share a host, so many of them at most; absent for a model that needs one of its own. */
  readonly sharing?: { readonly key: string; readonly places: number };
}

export interface Connected {
  /** Loads the model and answers a first request with it; only then is there a replica. */
  warm(endpoint: HostEndpoint, spec: ModelSpec, report: (step: string) => void, signal: AbortSignal): Promise<Replica>;
}
