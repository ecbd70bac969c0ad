import { ServeError } from "../core/errors.ts";
import type { InferResponse, Payload, Target } from "../core/inference.ts";
import type { ControlPlane } from "../core/planes.ts";
import { whenAborted } from "../core/when-aborted.ts";
import { type CallsOptions, openContext, performCall } from "./calls.ts";
import type { HandleAnswer, HandleCall, HandleDoor, HandleTarget } from "./door.ts";
import { heldStatus } from "./held-status.ts";
import type { HandleFuture } from "./model-handle.ts";
import { outputsOf } from "./outputs.ts";
import { levelOf, timeoutOf } from "./schedule.ts";

export interface InProcessOptions extends CallsOptions {
  readonly controlPlane: Pick<ControlPlane, "get" | "list" | "scale" | "load" | "drain" | "evict">;
}

export interface InProcessDoor extends HandleDoor {
  /** Refuses calls from now on; those under way go on. */
  close(): void;
}

/** Handles of the program that the models are served in: no socket, no copy. */
export function createInProcessDoor(options: InProcessOptions): InProcessDoor {
  const { controlPlane } = options;
  let closed = false;
  let submitted = 0;

  const assertOpen = (): void => {
    if (closed) throw new ServeError("UNAVAILABLE", "the server is closed", { refusal: "shutting_down" });
  };

  /** The answer, and the promise that there is nothing more to do for it. */
  async function perform(call: HandleCall, streams: boolean, signal = call.signal): Promise<InferResponse & { forget: () => void }> {
    assertOpen();
    signal?.throwIfAborted();
    const { target, method, modelId, inputs, outputs, parameters } = call;
    const context = openContext(options, target.name, { modelId, priority: levelOf(call), timeoutMs: timeoutOf(call) });
    const giveUp = (): void => context.abort(new ServeError("CANCELLED", "the request was given up", { cause: signal?.reason }));
    const forget = whenAborted(signal, giveUp);
    try {
      const local = { target: targetOf(target, method), inputs, outputs, parameters, streams };
      return { ...(await performCall(options, local, context)), forget };
    } catch (error) {
      forget();
      throw signal?.aborted === true ? signal.reason : error;
    }
  }

  async function run(call: HandleCall, signal = call.signal): Promise<HandleAnswer<unknown>> {
    const { output, forget, modelId = "" } = await perform(call, false, signal);
    forget();
    return { modelId, output: outputsOf(output as Payload) };
  }

  return {
    run: (call) => run(call),
    async stream(call) {
      const { output, forget, modelId = "" } = await perform(call, true);
      return { modelId, output: valuesOf(output as AsyncIterable<Payload>, call.signal, forget) };
    },
    async submit(call) {
      assertOpen();
      const status = controlPlane.get(targetOf(call.target, undefined));
      const controller = new AbortController();
      call.signal?.throwIfAborted();
      const forget = whenAborted(call.signal, () => controller.abort(call.signal?.reason));
      const work = run({ ...call, modelId: call.modelId ?? status.id }, controller.signal).finally(forget);
      return { modelId: status.id, output: futureOf(`local-${++submitted}`, work, controller) };
    },
    status: async (target, modelId) => {
      assertOpen();
      return heldStatus(controlPlane, targetOf(target, undefined), modelId);
    },
    async scale(target, replicas) {
      assertOpen();
      await controlPlane.scale(targetOf(target, undefined), replicas);
    },
    async change(change, target) {
      assertOpen();
      const wanted = targetOf(target, undefined);
      if (change === "load") await controlPlane.load(wanted, openContext(options, target.name, {}));
      else await controlPlane[change](wanted);
    },
    close() {
      closed = true;
    },
  };
}

async function* valuesOf(
  payloads: AsyncIterable<Payload>,
  signal: AbortSignal | undefined,
  forget: () => void,
): AsyncGenerator<unknown, void, undefined> {
  try {
    for await (const payload of payloads) yield outputsOf(payload);
  } catch (error) {
    throw signal?.aborted === true ? signal.reason : error;
  } finally {
    forget();
  }
}

function futureOf(id: string, work: Promise<HandleAnswer<unknown>>, controller: AbortController): HandleFuture<unknown> {
  let done = false;
  const settle = (): void => {
    done = true;
  };
  // Nobody may ever ask for it.
  work.then(settle, settle);
  return {
    id,
    get done() {
      return done;
    },
    result: async () => (await work).output,
    async cancel() {
      controller.abort(new ServeError("CANCELLED", "the request was cancelled"));
      await work.catch(() => undefined);
    },
  };
}

function targetOf({ namespace, name, version, revision }: HandleTarget, method: string | undefined): Target {
  return {
    namespace,
    name,
    ...(version === undefined ? {} : { version }),
    ...(revision === undefined ? {} : { revision }),
    ...(method === undefined ? {} : { method }),
  };
}
