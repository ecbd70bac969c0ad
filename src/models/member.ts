import { ServeError } from "../core/errors.ts";
import type { LoadedModel } from "./loader.ts";
import type { ReplicaHost } from "./model-replicas.ts";
import type { ModelVersion } from "./model-version.ts";
import type { Reservation } from "./residency/index.ts";

/** A replica in its host, with what it holds of the budgets. */
export interface Running {
  readonly model: ModelVersion;
  readonly loaded: LoadedModel;
  /** Where it is, for its status. */
  readonly host: ReplicaHost;
  readonly reservation: Reservation;
  /** What was reserved of memory when it had been loaded, by an estimate or a measurement, whichever is more. */
  reservedBytes: number;
  /** Clock milliseconds. */
  readonly loadedAt: number;
  /** What its load took, from the preparation to the first answer. */
  readonly loadMs: number;
}

/**
 * Why a replica ends: the model takes nothing any more; the model goes to make room and may be asked for again; others of the model
 * go on without this one; or the model goes on in another host.
 */
export type Ending = "stop" | "evict" | "retire" | "renew";

/** One replica of a model, from its start to its end, through all the hosts that it has. */
export class Member {
  readonly #controller = new AbortController();
  #ending: Ending = "stop";
  /** Its place among the replicas of its model, from 0. */
  readonly index: number;
  /** Set while it answers. */
  running: Running | undefined;
  /** What it holds of the budgets, from before its load until its host is gone. */
  reservation: Reservation | undefined;
  /** One promise for all who wait: a listener for each of them would pile up on the signal. */
  readonly stopped = new Promise<Ending>((resolve) => {
    this.signal.addEventListener("abort", () => resolve(this.#ending), { once: true });
  });

  /** It goes as soon as another one serves in its place. */
  isOutgoing = false;
  /** Settles when its first attempt has ended, well or badly. Set by whoever keeps it alive, as the next one. */
  tried: Promise<void> = Promise.resolve();
  /** Settles when what it held is free. */
  ended: Promise<void> = Promise.resolve();

  constructor(index: number) {
    this.index = index;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** It is given requests. */
  get serves(): boolean {
    return this.running?.host.serves === true;
  }

  /** The first time counts. */
  end(ending: Ending, reason: ServeError): void {
    if (this.signal.aborted) return;
    this.#ending = ending;
    this.#controller.abort(reason);
  }

  /** What is under way is answered; others answer what comes. */
  retire(): void {
    this.end("retire", new ServeError("CANCELLED", "the model has fewer replicas from now on"));
  }
}
