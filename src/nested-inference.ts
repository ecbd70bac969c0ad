import type { Cancellation } from "./core/cancellation.ts";
import type { Clock } from "./core/clock.ts";
import { createRecord, RequestContext } from "./core/context.ts";
import { countedRequest } from "./core/counted-request.ts";
import { ServeError } from "./core/errors.ts";
import type { Events } from "./core/events.ts";
import { isStream, type Payload, type Target } from "./core/inference.ts";
import { MOST_NESTED_MODELS, type NestedInference, type NestedRequest, type NestedResponse } from "./core/nested-inference.ts";
import type { DataPlane } from "./core/planes.ts";
import type { CallOrigin, ModelDescription } from "./core/replica.ts";
import { untilAborted } from "./core/until-aborted.ts";
import { whenAborted } from "./core/when-aborted.ts";
import { BlockedHosts, type ModelVersion, type Registry } from "./models/index.ts";

export interface NestedInferenceOptions {
  /** One without limits of rate: the client's request has paid. */
  readonly dataPlane: Pick<DataPlane, "admit" | "infer">;
  readonly registry: Pick<Registry, "find">;
  readonly events: Events;
  readonly clock: Clock;
}

/** Milliseconds after which a model is looked at again that is on its way. */
const LOOK_AGAIN_MS = 250;
/** Milliseconds for which a name without any version is waited for: its files are being looked for. */
const PATIENCE_MS = 5_000;

/** Lets models ask other models of this server. */
export function createNestedInference(options: NestedInferenceOptions): NestedInference {
  const blocked = new BlockedHosts();
  return {
    infer: (request, parent, cancellation) => infer(options, blocked, request, parent, cancellation),
    describe: (target, signal) => describe(options, target, signal),
    watch: (target, listener) => watch(options, target, listener),
  };
}

async function infer(
  options: NestedInferenceOptions,
  blocked: BlockedHosts,
  request: NestedRequest,
  parent: CallOrigin,
  cancellation: Cancellation | undefined,
): Promise<NestedResponse> {
  const { dataPlane, registry, clock } = options;
  const { id = parent.id, target, payload, outputs, parameters, blocks } = request;
  const { models } = parent;
  if (models.length >= MOST_NESTED_MODELS) throw tooDeep(models, target.name);
  const context = contextOf(options, target, id, parent, models);
  const forget = follow(context, parent, cancellation);
  let unblock = nothing;
  try {
    const response = await countedRequest(options, context, async () => {
      dataPlane.admit(target, 0, context);
      if (blocks !== undefined) {
        const wait = { model: registry.find(target, context), deadline: context.deadline };
        try {
          unblock = blocked.begin(blocks, wait);
        } catch {
          // An answer that came together with the question has not been told to who waits for it.
          await new Promise<void>((resolve) => clock.afterTurn(resolve));
          unblock = blocked.begin(blocks, wait);
        }
      }
      return dataPlane.infer({
        target,
        payload,
        context,
        ...(outputs === undefined ? {} : { outputs }),
        ...(parameters === undefined ? {} : { parameters }),
      });
    });
    if (isStream(response.output)) return { ...response, output: untilItsEnd(response.output, forget), computeMs: 0 };
    forget();
    return { ...response, computeMs: context.record.computeMs };
  } catch (error) {
    forget();
    throw error;
  } finally {
    unblock();
  }
}

/** The request is given up with its parent, until the returned function is called. @throws why that has happened already */
function follow(context: RequestContext, parent: CallOrigin, cancellation: Cancellation | undefined): () => void {
  if (cancellation === undefined) {
    // Requests make theirs when it is asked for.
    const { signal } = parent;
    signal.throwIfAborted();
    return whenAborted(signal, () => context.abort(ServeError.from(signal.reason, "CANCELLED", "nobody waits for the answer any more")));
  }
  cancellation.onAbort((reason) => context.abort(reason));
  if (context.aborted !== undefined) throw context.aborted;
  return nothing;
}

const nothing = (): void => undefined;

function contextOf(
  { clock }: NestedInferenceOptions,
  { name }: Target,
  id: string | undefined,
  parent: CallOrigin,
  askedBy: readonly string[],
): RequestContext {
  const record = createRecord("nested", name, clock.now());
  const context = new RequestContext({ id, deadline: parent.deadline, record, askedBy });
  context.principal = parent.principal;
  context.priority = parent.priority;
  // As Triton gives an ensemble's time-out to the requests of its steps.
  context.timeoutMs = parent.timeoutMs;
  context.headers = parent.headers;
  // Models of one service that ask each other are of one revision; another service has none of that name.
  context.revision = parent.revision;
  context.assigned = parent.revision !== undefined;
  return context;
}

async function* untilItsEnd(payloads: AsyncIterable<Payload>, forget: () => void): AsyncGenerator<Payload, void, undefined> {
  try {
    yield* payloads;
  } finally {
    forget();
  }
}

async function describe(options: NestedInferenceOptions, target: Target, signal: AbortSignal): Promise<ModelDescription> {
  const { registry, clock } = options;
  const patience = clock.now() + PATIENCE_MS;
  for (;;) {
    signal.throwIfAborted();
    const model = find(registry, target, clock.now() < patience);
    if (model?.state === "standby" && !model.drained) {
      await untilAborted(model.wake(), signal);
      model.assertReady();
    }
    if (model?.state === "ready" && model.description !== undefined && !model.drained) return model.description;
    if (model?.drained === true || model?.failure !== undefined) model.assertReady();
    await untilAborted(changed(options, target), signal);
  }
}

function watch(
  { registry, events }: NestedInferenceOptions,
  target: Target,
  listener: (found: ModelDescription | ServeError) => void,
): () => void {
  const look = (): void => {
    try {
      const model = registry.find(target);
      const loads = !model.answers && !model.drained && (model.state === "preparing" || model.state === "loading");
      // Each of its steps would be another reason, and all of them are in its own status.
      if (loads) throw new ServeError("UNAVAILABLE", "it is being loaded");
      if (!model.answers) model.assertReady();
      // One that stands by and has never been loaded has told nothing.
      else if (model.description !== undefined) listener(model.description);
    } catch (error) {
      listener(ServeError.from(error));
    }
  };
  look();
  return events.on("model-state-changed", ({ namespace, name }) => {
    if (namespace === target.namespace && name === target.name) look();
  });
}

/** Undefined, with patience, for a name that has no versions yet. @throws ServeError */
function find(registry: NestedInferenceOptions["registry"], target: Target, isPatient: boolean): ModelVersion | undefined {
  try {
    return registry.find(target);
  } catch (error) {
    const isPending = error instanceof ServeError && error.code === "UNAVAILABLE";
    if (isPatient && isPending) return undefined;
    throw error;
  }
}

/** Settles when the model may be another one, or in another state. */
function changed({ events, clock }: NestedInferenceOptions, { namespace, name }: Target): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      end();
      cancel();
      resolve();
    };
    const end = events.on("model-state-changed", (status) => {
      if (status.namespace === namespace && status.name === name) settle();
    });
    const cancel = clock.after(LOOK_AGAIN_MS, settle);
  });
}

function tooDeep(models: readonly string[], next: string): ServeError {
  const chain = [...models, next].join(" -> ");
  return new ServeError(
    "FAILED_PRECONDITION",
    `models ask each other too deeply: ${chain}; at most ${MOST_NESTED_MODELS} may, so look for one that asks itself`,
  );
}
