import type { Clock } from "./core/clock.ts";
import { createRecord, RequestContext } from "./core/context.ts";
import { ServeError } from "./core/errors.ts";
import type { Target } from "./core/inference.ts";
import { isModelName, MODEL_NAME_RULE } from "./core/model.ts";
import type { NestedControl } from "./core/nested-control.ts";
import type { ControlPlane } from "./core/planes.ts";
import type { CallOrigin } from "./core/replica.ts";
import { whenAborted } from "./core/when-aborted.ts";
import { overrideOf } from "./protocols/oip/rest/index.ts";

/** Lets models load and unload others, as far as clients may. */
export function createNestedControl(controlPlane: Pick<ControlPlane, "readiness" | "repository">, clock: Clock): NestedControl {
  return {
    async ready(target) {
      try {
        const { state, answers } = await controlPlane.readiness(target);
        return state === "ready" && answers;
      } catch {
        return false;
      }
    },
    async load(target, { configuration, files }, parent) {
      controlPlane.repository.assertChangeable();
      // Files that come with it lie in a folder of that name.
      if (!isModelName(target.name)) {
        throw new ServeError(
          "INVALID_ARGUMENT",
          `failed to load '${String(target.name).slice(0, 100)}': a model's name has ${MODEL_NAME_RULE}`,
        );
      }
      const parameters = new Map<string, string | Uint8Array>([...files].map(([path, data]) => [`file:${path}`, data]));
      if (configuration !== undefined) parameters.set("config", configuration);
      const context = contextOf(target, parent, clock);
      const giveUp = (): void => context.abort(parent.signal.reason);
      const forget = whenAborted(parent.signal, giveUp);
      try {
        await controlPlane.repository.load(target, overrideOf(target.name, parameters), context);
      } finally {
        forget();
      }
    },
    async unload(target, dependents) {
      controlPlane.repository.assertChangeable();
      await controlPlane.repository.unload(target, { dependents });
    },
  };
}

/** The same for a model that nobody trusts: it may ask which models are ready, and change nothing. @param model for messages */
export function withoutChanges({ ready }: NestedControl, model: string): NestedControl {
  const refuse = async (): Promise<never> => {
    throw new ServeError(
      "PERMISSION_DENIED",
      `model '${model}' may not load or unload models, as its files came with a request and nobody trusts them; serve its folder from the command line`,
    );
  };
  return { ready, load: refuse, unload: refuse };
}

function contextOf({ name }: Target, { id, deadline, models }: CallOrigin, clock: Clock): RequestContext {
  return new RequestContext({ id, deadline, record: createRecord("nested", name, clock.now()), askedBy: models });
}
