import type { Events } from "./core/events.ts";
import type { Manager, Registry } from "./models/index.ts";

export interface EnsembleRestartsOptions {
  readonly registry: Pick<Registry, "revisions">;
  readonly manager: Pick<Manager, "start">;
  readonly events: Pick<Events, "on">;
}

/**
 * An ensemble that could not be loaded for want of a model is loaded when that model answers, until the returned function is called. One that
 * is loaded follows its models itself.
 */
export function restartEnsembles({ registry, manager, events }: EnsembleRestartsOptions): () => void {
  /** Namespace and name of ensembles that have failed. */
  const failed = new Map<string, { readonly namespace: string; readonly name: string }>();
  return events.on("model-state-changed", ({ namespace, name, format, state }) => {
    if (format === "ensemble") {
      const key = `${namespace}/${name}`;
      if (state === "failed") failed.set(key, { namespace, name });
      else failed.delete(key);
    }
    if (state !== "ready") return;
    for (const ensemble of failed.values()) {
      if (ensemble.namespace !== namespace) continue;
      for (const model of registry.revisions(ensemble).flatMap(({ versions }) => versions)) {
        const steps = model.spec.configuration?.ensemble?.steps ?? [];
        if (model.state === "failed" && !model.drained && steps.some(({ modelName }) => modelName === name)) void manager.start(model);
      }
    }
  });
}
