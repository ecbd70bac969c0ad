import type { InferenceService, ServingRuntime } from "../core/resource.ts";
import { isElsewhere, type RuntimeChoice, selectRuntime, toServingRuntime } from "../resources/index.ts";
import type { ResourceTable } from "./resource-table.ts";

/** Which runtime a service gets, of those that there are. */
export class RuntimeChooser {
  readonly #table: ResourceTable;
  #runtimes: readonly ServingRuntime[] | undefined;

  constructor(table: ResourceTable) {
    this.#table = table;
  }

  choose(service: InferenceService): RuntimeChoice {
    const { namespace, predictor } = service;
    // Its containers are the runtime, or it runs elsewhere.
    if (predictor.model === undefined || isElsewhere(service)) return { candidates: [] };
    this.#runtimes ??= (["ServingRuntime", "ClusterServingRuntime"] as const).flatMap((kind) =>
      this.#table.list(kind).items.map(toServingRuntime),
    );
    return selectRuntime({ namespace, model: predictor.model, multiNode: predictor.multiNode }, this.#runtimes);
  }

  /** Runtimes have changed. False when nobody has looked at them since the last change. */
  forget(): boolean {
    const known = this.#runtimes !== undefined;
    this.#runtimes = undefined;
    return known;
  }
}
