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
}

export interface Connected {
  /** Loads the model and answers a first request with it; only then is there a replica. */
  warm(spec: ModelSpec, report: (step: string) => void, signal: AbortSignal): Promise<Replica>;
}

export interface LoadedModel {
  readonly replica: Replica;
  readonly endpoint: HostEndpoint;
  /** Of the environment and of the model together. */
  readonly warnings: readonly string[];
}

/** From an artefact on disk to a replica that has answered: the one way in which models come to life. */
export async function loadModel(
  spec: ModelSpec,
  steps: LoaderSteps,
  report: (step: string) => void,
  signal: AbortSignal,
): Promise<LoadedModel> {
  const prepared = await steps.prepare(spec, report, signal);
  const endpoint = steps.start(prepared.host);
  try {
    report("starting the host process");
    const connected = await steps.connect(endpoint, signal);
    const replica = await connected.warm(spec, report, signal);
    return { replica, endpoint, warnings: [...prepared.warnings, ...replica.description.warnings] };
  } catch (error) {
    await endpoint.stop(0);
    throw new LoadError(error, [...prepared.warnings, ...endpoint.logTail()]);
  }
}

/** Why a load failed, with what is odd about its environment and the last lines that the host printed. */
export class LoadError extends Error {
  readonly logTail: readonly string[];

  constructor(cause: unknown, logTail: readonly string[]) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = "LoadError";
    this.logTail = logTail;
  }
}
