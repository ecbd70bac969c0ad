import type { HostEndpoint } from "../core/executor.ts";
import type { ModelSpec } from "../core/model.ts";
import type { Replica } from "../core/replica.ts";
import type { HostPool } from "./host-pool.ts";
import type { LoaderSteps } from "./loader-steps.ts";

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
  hosts: HostPool,
  report: (step: string) => void,
  signal: AbortSignal,
): Promise<LoadedModel> {
  const prepared = await steps.prepare(spec, report, signal);
  signal.throwIfAborted();
  const { endpoint, connected } = hosts.open(prepared, signal);
  try {
    report("starting the host process");
    const replica = await (await connected).warm(endpoint, spec, report, signal);
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
