import type { Clock } from "../core/clock.ts";
import { ServeError } from "../core/errors.ts";
import type { HostEndpoint } from "../core/executor.ts";
import type { ModelSpec } from "../core/model.ts";
import type { Replica } from "../core/replica.ts";
import { untilAborted } from "../core/until-aborted.ts";
import type { HostPool } from "./host-pool.ts";
import type { LoaderSteps, PreparedHost } from "./loader-steps.ts";

export interface LoadedModel {
  readonly replica: Replica;
  readonly endpoint: HostEndpoint;
  /** Of the environment and of the model together. */
  readonly warnings: readonly string[];
}

export interface Load {
  readonly spec: ModelSpec;
  /** For its host, whatever the preparation says. */
  readonly environment: Readonly<Record<string, string>>;
  /** In a host that no other model shares. */
  readonly alone: boolean;
  readonly clock: Clock;
  /** Milliseconds from the start of the host to the model's first answer. */
  readonly timeoutMs: number;
}

/**
 * From an artefact on disk to a replica that has answered: the one way in which models come to life.
 * @throws LoadError, what the preparation throws, or the signal's reason
 */
export async function loadModel(
  { spec, environment, alone, clock, timeoutMs }: Load,
  steps: LoaderSteps,
  hosts: HostPool,
  report: (step: string) => void,
  signal: AbortSignal,
): Promise<LoadedModel> {
  const { host, ...others } = await steps.prepare(spec, report, signal);
  const prepared = { ...others, host: { ...host, environment: { ...host.environment, ...environment } } };
  signal.throwIfAborted();
  const limited = withTimeout(signal, clock, timeoutMs);
  const { sharing, ...unshared } = prepared;
  const isShared = sharing !== undefined && !alone;
  const { endpoint, connected } = hosts.open(isShared ? prepared : unshared, limited.signal);
  try {
    report(firstStep(prepared.host));
    // A host that never introduces itself must not keep its model from leaving.
    const opened = await untilAborted(connected, limited.signal);
    limited.signal.throwIfAborted();
    const replica = await opened.warm(endpoint, spec, report, limited.signal);
    return { replica, endpoint, warnings: [...prepared.warnings, ...replica.description.warnings] };
  } catch (error) {
    await endpoint.stop(0);
    const endedHost = error instanceof ServeError && error.code === "ABORTED";
    throw new LoadError(error, [...prepared.warnings, ...endpoint.logTail()], isShared && endedHost);
  } finally {
    limited.dispose();
  }
}

/** ABORTED, as for a host that dies while it loads: the next attempt may end, and one that never does is not worth many. */
function withTimeout(signal: AbortSignal, clock: Clock, timeoutMs: number): { signal: AbortSignal; dispose: () => void } {
  const controller = new AbortController();
  const dispose = clock.after(timeoutMs, () => {
    controller.abort(
      new ServeError("ABORTED", `its load did not end within ${timeoutMs / 1000} s, so its host was ended; --load-timeout is the limit`),
    );
  });
  return { signal: AbortSignal.any([signal, controller.signal]), dispose };
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

function firstStep({ container, elsewhere, inProgram }: PreparedHost["host"]): string {
  if (inProgram === true) return "opening it in this process";
  if (elsewhere !== undefined) return "reaching its server";
  return container === undefined ? "starting the host process" : "starting its server";
}
