import type { RequestContext } from "../core/context.ts";
import { firstLine, ServeError } from "../core/errors.ts";
import type { Events } from "../core/events.ts";
import { untilAborted } from "../core/until-aborted.ts";
import type { Manager, ModelVersion } from "../models/index.ts";

export interface BringUpOptions {
  readonly manager: Pick<Manager, "start">;
  readonly events: Events;
}

/** Has models load that do not, and waits for those that do. @throws ServeError why one of them does not answer */
export async function bringUp(
  models: readonly ModelVersion[],
  { manager, events }: BringUpOptions,
  context: RequestContext,
): Promise<void> {
  await Promise.all(
    models.map(async (model) => {
      model.drained = false;
      if (model.state === "failed" || model.state === "registered" || model.state === "standby") {
        await untilAborted(manager.start(model), context.signal);
      }
      await settled(model, events, context);
      if (model.state !== "ready") throw failureOf(model);
    }),
  );
}

/** One that loads already is waited for. */
async function settled(model: ModelVersion, events: Events, context: RequestContext): Promise<void> {
  let end = (): void => undefined;
  const done = new Promise<void>((resolve) => {
    const look = (): void => {
      if (model.state !== "preparing" && model.state !== "loading") resolve();
    };
    end = events.on("model-state-changed", look);
    look();
  });
  await untilAborted(done, context.signal).finally(end);
}

/** Why a model does not answer. */
export function failureOf({ failure, spec, state, reason }: ModelVersion): ServeError {
  return failure === undefined
    ? new ServeError("UNAVAILABLE", `version ${spec.version} is ${state}: ${firstLine(reason)}`)
    : new ServeError(failure.code, firstLine(failure.message));
}
