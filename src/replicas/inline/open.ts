import { webcrypto } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Clock } from "../../core/clock.ts";
import { messageOf, ServeError } from "../../core/errors.ts";
import type { ModelSpec } from "../../core/model.ts";
import type { ModelConfiguration } from "../../core/model-configuration.ts";
import type { ModelDescription, Replica, ReplicaCall } from "../../core/replica.ts";
import { InlineBudget } from "./budget.ts";
import { InlineCost } from "./cost.ts";
import type { CrashMarkers } from "./crash-markers.ts";
import { readGraph } from "./graph.ts";
import { prove } from "./proof.ts";
import { createInlineReplica, type InlineReplica, type InlineSession } from "./replica.ts";
import { obstacleInGraph, obstacleInSignature } from "./static-cost.ts";

export interface InlineRunsOptions {
  readonly clock: Clock;
  readonly markers: CrashMarkers;
  /** Milliseconds that all models together may compute in one turn of the event loop. */
  readonly budgetMs: number;
  /** Whether being named on the command line is trust enough; otherwise somebody must say so of the model. */
  readonly trustsCommandLine: boolean;
}

/** A larger artefact takes too long to read and to open in a process that has other things to do. */
const LARGEST_ARTEFACT_BYTES = 4 * 1024 * 1024;

/** Clients see it, who need not know where the folder is. */
const SERVER_DIED =
  "a server died while it ran in its process; to allow that again, stop the server and remove the folder 'inline' of its state directory";

/** Opens models in the server's own process. */
export class InlineRuns {
  readonly #options: InlineRunsOptions;
  readonly #budget: InlineBudget;

  constructor(options: InlineRunsOptions) {
    this.#options = options;
    this.#budget = new InlineBudget(options.clock, options.budgetMs);
  }

  /** Whether {@link open} is worth a try: what can be told without reading the artefact. */
  suits({ format, trust, fromCommandLine, bytes, configuration, variables = {} }: ModelSpec, { methods }: ModelDescription): boolean {
    if (configuration !== undefined && changesCalls(configuration)) return false;
    const isTrusted = trust !== undefined || (fromCommandLine === true && this.#options.trustsCommandLine);
    if (format !== "onnx" || !isTrusted) return false;
    if (bytes > LARGEST_ARTEFACT_BYTES || Object.keys(variables).length > 0) return false;
    return methods.predict !== undefined && obstacleInSignature(methods.predict) === undefined;
  }

  /** Loads ONNX Runtime into this process; the first time that takes some ten milliseconds in which nothing else happens. */
  async prepare(): Promise<void> {
    const { initializeRuntime } = await import("../../onnx/index.ts");
    await initializeRuntime();
  }

  /**
   * Opens a model here and proves it against its host; `sample` is a call that the host has answered. Opening and each proof run hold
   * up the event loop as long as they compute.
   * @throws ServeError FAILED_PRECONDITION when the model must not run here, with the reason; what reading or opening throws
   */
  async open(spec: ModelSpec, host: Replica, sample: ReplicaCall | undefined): Promise<InlineReplica> {
    const { clock, markers } = this.#options;
    const name = `${spec.namespace}/${spec.name} version ${spec.version}`;
    const artefact = await readFile(spec.file);
    if (artefact.byteLength !== spec.bytes) throw refusal("its file has changed, or is not the only one");
    const obstacle = obstacleIn(artefact);
    if (obstacle !== undefined) throw refusal(obstacle);
    const sha256 = Buffer.from(await webcrypto.subtle.digest("SHA-256", artefact)).toString("hex");
    if (markers.isSuspect(sha256)) throw refusal(SERVER_DIED);
    const release = await markers.hold(sha256, name);
    try {
      const { generateRows } = await import("../../onnx/index.ts");
      const session = await openSession(artefact);
      try {
        const cost = new InlineCost();
        await prove({ session, host, sample, clock, cost, budget: this.#budget.limit, makeRows: generateRows });
        const id = `${host.id}/inline`;
        return createInlineReplica({ id, session, host, cost, budget: this.#budget, clock, onClosed: release });
      } catch (error) {
        await session.release();
        throw error;
      }
    } catch (error) {
      release();
      throw error;
    }
  }
}

async function openSession(artefact: Uint8Array): Promise<InlineSession> {
  const { createSession, runSession } = await import("../../onnx/index.ts");
  // One thread: this one. Others would compete with the hosts for the processors.
  const session = await createSession(artefact, 1);
  return {
    run: (tensors, outputs) => runSession(session, tensors, outputs),
    release: () => session.release(),
  };
}

/** Why the artefact must not run here; undefined when it may. */
function obstacleIn(artefact: Uint8Array): string | undefined {
  try {
    return obstacleInGraph(readGraph(artefact));
  } catch (error) {
    return `its file cannot be understood: ${messageOf(error)}`;
  }
}

/** Its graph is asked for something else than its clients ask for; where only the proof can tell, that does. */
function changesCalls({ inputs, outputs, sequenceBatching }: ModelConfiguration): boolean {
  return sequenceBatching !== undefined || [...inputs, ...outputs].some(({ reshape }) => reshape !== undefined);
}

function refusal(reason: string): ServeError {
  return new ServeError("FAILED_PRECONDITION", reason);
}
