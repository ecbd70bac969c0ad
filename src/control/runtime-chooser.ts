import type { InferenceService, ServingRuntime } from "../core/resource.ts";
import { type RuntimeChoice, selectRuntime, toServingRuntime } from "../resources/index.ts";
import type { ResourceTable } from "./resource-table.ts";

/** Which runtime a service gets, of those that there are. */
export class RuntimeChooser {
  readonly #table: ResourceTable;
  #runtimes: readonly ServingRuntime[] | undefined;

  constructor(table: ResourceTable) {
    this.#table = table;
  }

  choose({ namespace, predictor }: InferenceService): RuntimeChoice {
    // What a predictor of custom containers lacks is said when it is planned.
    if (predictor.model === undefined) return { candidates: [] };
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
