import { ServeError } from "../core/errors.ts";
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

/**
 * From an artefact on disk to a replica that has answered: the one way in which models come to life. `alone`: in a host that no other
 * model shares.
 * @throws LoadError, what the preparation throws, or the signal's reason
 */
export async function loadModel(
  { spec, alone }: { readonly spec: ModelSpec; readonly alone: boolean },
  steps: LoaderSteps,
  hosts: HostPool,
  report: (step: string) => void,
  signal: AbortSignal,
): Promise<LoadedModel> {
  const prepared = await steps.prepare(spec, report, signal);
  signal.throwIfAborted();
  const { sharing, ...unshared } = prepared;
  const isShared = sharing !== undefined && !alone;
  const { endpoint, connected } = hosts.open(isShared ? prepared : unshared, signal);
  try {
    report("starting the host process");
    const host = await unlessAborted(connected, signal);
    signal.throwIfAborted();
    const replica = await host.warm(endpoint, spec, report, signal);
    return { replica, endpoint, warnings: [...prepared.warnings, ...replica.description.warnings] };
  } catch (error) {
    await endpoint.stop(0);
    const endedHost = error instanceof ServeError && error.code === "ABORTED";
    throw new LoadError(error, [...prepared.warnings, ...endpoint.logTail()], isShared && endedHost);
  }
}

/** A host that never introduces itself must not keep its model from leaving. */
function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** Why a load failed, with what is odd about its environment and the last lines that the host printed. */
export class LoadError extends Error {
  readonly logTail: readonly string[];
  /** Its host ended during the load, and other models may have been in there. */
  readonly endedSharedHost: boolean;

  constructor(cause: unknown, logTail: readonly string[], endedSharedHost = false) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = "LoadError";
    this.logTail = logTail;
    this.endedSharedHost = endedSharedHost;
  }
}
