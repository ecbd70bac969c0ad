import type { Clock } from "../core/clock.ts";
import { messageOf, ServeError } from "../core/errors.ts";
import { estimateMemory } from "./estimate.ts";
import { LoadError, type LoadedModel, type LoaderSteps, loadModel } from "./loader.ts";
import type { MemoryLedger, Reservation } from "./memory.ts";
import type { ModelVersion } from "./model-version.ts";
import { createSemaphore } from "./semaphore.ts";

export interface ManagerOptions {
  readonly clock: Clock;
  readonly steps: LoaderSteps;
  readonly ledger: MemoryLedger;
  /** Loads that may run at the same time. */
  readonly concurrentLoads: number;
  /** Resident bytes of a process. */
  readonly measure: (pid: number) => Promise<number>;
}

/** Waits between the restarts of a host that keeps dying, in milliseconds; after the last one the model has failed. */
const RESTART_DELAYS = [0, 1_000, 2_000, 5_000, 10_000, 30_000];
/** A host that has lived so long is not one that keeps dying. Milliseconds. */
const STABLE_AFTER = 60_000;

interface Running {
  readonly loaded: LoadedModel;
  readonly reservation: Reservation;
}

/** Brings models to life, keeps them alive, and lets them go. */
export class Manager {
  readonly #options: ManagerOptions;
  readonly #semaphore: ReturnType<typeof createSemaphore>;
  readonly #stopping = new AbortController();
  /** One promise for all models: a listener for each of them would pile up on the signal. */
  readonly #stopped = new Promise<"stop">((resolve) => {
    this.#stopping.signal.addEventListener("abort", () => resolve("stop"), { once: true });
  });
  readonly #running = new Map<ModelVersion, Promise<void>>();

  constructor(options: ManagerOptions) {
    this.#options = options;
    this.#semaphore = createSemaphore(options.concurrentLoads);
  }

  /** Loads a model and keeps it loaded. Settles when the first attempt has ended, well or badly; never rejects. */
  start(model: ModelVersion): Promise<void> {
    return new Promise((tried) => {
      this.#running.set(
        model,
        this.#keepAlive(model, tried)
          .catch((error: unknown) => model.become("failed", messageOf(error)))
          .finally(tried),
      );
    });
  }

  /** Drain: every model finishes what is under way, then its host ends. */
  async close(): Promise<void> {
    this.#stopping.abort(new ServeError("UNAVAILABLE", "the server is shutting down", { retryAfter: 1 }));
    await Promise.all(this.#running.values());
  }

  /** Every model stops now. */
  async destroy(): Promise<void> {
    for (const model of this.#running.keys()) model.scheduler.destroy(new ServeError("UNAVAILABLE", "the server is shutting down"));
    await this.close();
  }

  async #keepAlive(model: ModelVersion, tried: () => void): Promise<void> {
    const { signal } = this.#stopping;
    for (let deaths = 0; !signal.aborted; ) {
      let running: Running | undefined;
      try {
        running = await this.#semaphore.run(() => this.#bringUp(model));
        if (running === undefined) return;
        const startedAt = this.#options.clock.now();
        const death = this.#serveUntilDeath(model, running.loaded);
        tried();
        const how = await death;
        if (signal.aborted) return;
        deaths = this.#options.clock.now() - startedAt > STABLE_AFTER ? 1 : deaths + 1;
        const delay = RESTART_DELAYS[deaths - 1];
        if (delay === undefined)
          throw new LoadError(new Error(`its host ${how}, ${deaths} times in a row`), running.loaded.endpoint.logTail());
        model.become("loading", `its host ${how}; starting it again`);
        running.reservation.release();
        await this.#delay(delay);
      } catch (error) {
        if (!signal.aborted) this.#fail(model, error);
        return;
      } finally {
        running?.reservation.release();
      }
    }
  }

  /** Undefined when there is no memory for it. An estimate is replaced by a measurement before the next model is looked at. */
  async #bringUp(model: ModelVersion): Promise<Running | undefined> {
    this.#stopping.signal.throwIfAborted();
    const reservation = this.#reserve(model);
    if (reservation === undefined) return undefined;
    try {
      const loaded = await this.#load(model);
      await this.#measure(model, loaded, reservation);
      return { loaded, reservation };
    } catch (error) {
      reservation.release();
      throw error;
    }
  }

  #reserve(model: ModelVersion): Reservation | undefined {
    try {
      return this.#options.ledger.reserve(estimateMemory(model.spec));
    } catch (error) {
      model.become("registered", messageOf(error));
      return undefined;
    }
  }

  #load(model: ModelVersion): Promise<LoadedModel> {
    model.become("preparing", "preparing its environment");
    const report = (step: string): void => model.become("loading", step);
    return loadModel(model.spec, this.#options.steps, report, this.#stopping.signal);
  }

  /** Replaces the estimate by what the host really uses. */
  async #measure(model: ModelVersion, loaded: LoadedModel, reservation: Reservation): Promise<void> {
    const bytes = await this.#options.measure(loaded.endpoint.pid);
    if (bytes === 0) return;
    reservation.resize(bytes);
    model.memoryBytes = bytes;
  }

  async #serveUntilDeath(model: ModelVersion, { replica, endpoint, warnings }: LoadedModel): Promise<string> {
    model.description = { ...replica.description, warnings };
    model.hostPid = endpoint.pid;
    const remove = model.scheduler.add(replica);
    model.become("ready", warnings.join("\n"));
    const how = await Promise.race([replica.exited, this.#stopped]);
    if (how === "stop") {
      model.become("draining", "finishing what is under way");
      await Promise.race([model.scheduler.close(), replica.exited]);
      await replica.close();
    }
    remove();
    model.hostPid = undefined;
    model.memoryBytes = 0;
    return how;
  }

  #fail(model: ModelVersion, error: unknown): void {
    const tail = error instanceof LoadError ? error.logTail : [];
    const reason = [messageOf(error), ...tail.map((line) => `  ${line}`)].join("\n");
    model.become("failed", reason);
    model.scheduler.destroy(new ServeError("UNAVAILABLE", `Model with name ${model.spec.name} is not ready. ${messageOf(error)}`));
  }

  /** Ends early when the server stops. */
  async #delay(milliseconds: number): Promise<void> {
    let cancel: (() => void) | undefined;
    const over = new Promise<void>((resolve) => {
      cancel = this.#options.clock.after(milliseconds, resolve);
    });
    await Promise.race([over, this.#stopped]);
    cancel?.();
  }
}
