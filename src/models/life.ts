import { ServeError } from "../core/errors.ts";
import type { LoadedModel } from "./loader.ts";
import type { ReplicaHost } from "./model-replicas.ts";
import type { ModelVersion } from "./model-version.ts";
import type { Reservation } from "./residency/index.ts";

/** A model in its host, with what it holds of the budgets. */
export interface Running {
  readonly model: ModelVersion;
  readonly loaded: LoadedModel;
  /** Where it is, for its status. */
  readonly host: ReplicaHost;
  readonly reservation: Reservation;
  /** Clock milliseconds. */
  readonly loadedAt: number;
  /** What its load took, from the preparation to the first answer. */
  readonly loadMs: number;
}

/** Why a life ends: nothing is taken any more, or the model goes to make room and may be asked for again. */
type Ending = "stop" | "evict";

/** A model from its start to its end. */
export class Life {
  readonly #controller = new AbortController();
  #ending: Ending = "stop";
  /** Set while it answers. */
  running: Running | undefined;
  /** One promise for all who wait: a listener for each of them would pile up on the signal. */
  readonly stopped = new Promise<Ending>((resolve) => {
    this.signal.addEventListener("abort", () => resolve(this.#ending), { once: true });
  });
  ended: Promise<void> = Promise.resolve();

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  stop(reason: ServeError): void {
    this.#controller.abort(reason);
  }

  /** Only of a model that answers and has nothing to do. */
  evict(): void {
    this.#ending = "evict";
    this.#controller.abort(new ServeError("CANCELLED", "the model is being evicted"));
  }
}
