import type { Clock } from "../core/clock.ts";
import { messageOf, ServeError } from "../core/errors.ts";
import type { ModelSpec } from "../core/model.ts";
import { estimateMemory } from "./estimate.ts";
import { HostPool } from "./host-pool.ts";
import type { InlinePromotion } from "./inline-promotion.ts";
import { LoadError, type LoadedModel, loadModel } from "./loader.ts";
import type { LoaderSteps } from "./loader-steps.ts";
import type { MemoryLedger, Reservation } from "./memory.ts";
import { MemoryWatch } from "./memory-watch.ts";
import type { ModelVersion } from "./model-version.ts";
import { createSemaphore, type Semaphore } from "./semaphore.ts";

export interface ManagerOptions {
  readonly clock: Clock;
  readonly steps: LoaderSteps;
  readonly ledger: MemoryLedger;
  /** Loads that may run at the same time. */
  readonly concurrentLoads: number;
  /** Models like this one that share a host; 1 for those that do not. */
  readonly modelsPerHost: (spec: ModelSpec) => number;
  /** Resident bytes of a process. */
  readonly measure: (pid: number) => Promise<number>;
  /** Bytes that one host may use before it is ended; undefined for no limit. */
  readonly maxHostMemory?: number;
  /** Milliseconds from the start of a host to the model's first answer; the environment is made before that. */
  readonly loadTimeoutMs: number;
  /** Answers tiny models in this process; undefined when none are. */
  readonly inline?: InlinePromotion;
}

/** Waits between the restarts of a host that keeps dying, in milliseconds; after the last one the model has failed. */
const RESTART_DELAYS = [0, 1_000, 2_000, 5_000, 10_000, 30_000];
/** Deaths in a row after which a model has a host of its own: the one that keeps killing a shared host ends alone. */
const ALONE_AFTER = 2;
/** A host that has lived so long is not one that keeps dying. Milliseconds. */
const STABLE_AFTER = 60_000;

interface Running {
  readonly model: ModelVersion;
  readonly loaded: LoadedModel;
  readonly reservation: Reservation;
}

/** A model from its start to its end. */
class Life {
  readonly #controller = new AbortController();
  /** One promise for all who wait: a listener for each of them would pile up on the signal. */
  readonly stopped = new Promise<"stop">((resolve) => {
    this.signal.addEventListener("abort", () => resolve("stop"), { once: true });
  });
  ended: Promise<void> = Promise.resolve();

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  stop(reason: ServeError): void {
    this.#controller.abort(reason);
  }
}

/** Brings models to life, keeps them alive, and lets them go. */
export class Manager {
  readonly #options: ManagerOptions;
  readonly #semaphore: Semaphore;
  readonly #hosts: HostPool;
  readonly #lives = new Map<ModelVersion, Life>();
  /** What runs in each host process; several models may share one. */
  readonly #running = new Map<number, Set<Running>>();
  readonly #memoryWatch: MemoryWatch | undefined;
  #closed: ServeError | undefined;

  constructor(options: ManagerOptions) {
    this.#options = options;
    this.#semaphore = createSemaphore(options.concurrentLoads);
    this.#hosts = new HostPool(options.steps);
    const { clock, maxHostMemory: limit } = options;
    if (limit === undefined) return;
    this.#memoryWatch = new MemoryWatch({
      clock,
      limit,
      measure: (pid) => this.#measure(pid),
      onExcess: (pid, how) => this.#endHost(pid, how),
    });
  }

  /** Loads a model and keeps it loaded. Settles when the first attempt has ended, well or badly; never rejects. */
  start(model: ModelVersion): Promise<void> {
    if (this.#lives.has(model) || this.#closed !== undefined) return Promise.resolve();
    const life = new Life();
    this.#lives.set(model, life);
    return new Promise((tried) => {
      life.ended = this.#keepAlive(model, life, tried)
        .catch((error: unknown) => this.#fail(model, error))
        .finally(() => {
          if (this.#lives.get(model) === life) this.#lives.delete(model);
          // Nothing will answer them: they would wait until their deadlines, and a drain with them.
          if (!this.#lives.has(model)) model.scheduler.rejectWaiting(unloaded(model));
          tried();
        });
    });
  }

  /** The model loads at its first request. */
  standBy(model: ModelVersion): void {
    model.standBy(() => this.start(model));
  }

  /** Drain: the model finishes what is under way, then its place in a host is free. A load under way is given up. */
  async remove(model: ModelVersion): Promise<void> {
    const life = this.#lives.get(model);
    life?.stop(new ServeError("CANCELLED", "the model is being removed"));
    await life?.ended;
    await model.scheduler.close();
  }

  /** Drain: every model finishes what is under way, then its host ends. */
  async close(): Promise<void> {
    this.#closed ??= new ServeError("UNAVAILABLE", "the server is shutting down", { retryAfter: 1, refusal: "shutting_down" });
    const lives = [...this.#lives.values()];
    for (const life of lives) life.stop(this.#closed);
    await Promise.all(lives.map((life) => life.ended));
  }

  /** Every model stops now. */
  async destroy(): Promise<void> {
    const reason = new ServeError("UNAVAILABLE", "the server is shutting down");
    for (const model of this.#lives.keys()) model.scheduler.destroy(reason);
    for (const pid of this.#running.keys()) this.#endHost(pid, "was ended because the server is shutting down");
    await this.close();
  }

  async #keepAlive(model: ModelVersion, life: Life, tried: () => void): Promise<void> {
    const { signal } = life;
    for (let deaths = 0; !signal.aborted; ) {
      let running: Running | undefined;
      try {
        const alone = deaths >= ALONE_AFTER;
        running = await this.#semaphore.run(() => this.#bringUp(model, signal, alone));
        const startedAt = this.#options.clock.now();
        const death = this.#serveUntilDeath(running, life);
        tried();
        const how = await death;
        if (signal.aborted) return;
        model.hostEnded(how, running.loaded.endpoint.logTail());
        deaths = this.#options.clock.now() - startedAt > STABLE_AFTER ? 1 : deaths + 1;
        const delay = RESTART_DELAYS[deaths - 1];
        if (delay === undefined)
          throw new LoadError(new Error(`its host ${how}, ${deaths} times in a row`), running.loaded.endpoint.logTail());
        model.become("loading", `its host ${how}; starting it again`);
        this.#release(running);
        await this.#delay(delay, life);
      } catch (error) {
        if (!signal.aborted) this.#fail(model, error);
        return;
      } finally {
        if (running !== undefined) this.#release(running);
      }
    }
  }

  /** An estimate is replaced by a measurement before the next model is looked at. `alone`: in a host that no other model shares. */
  async #bringUp(model: ModelVersion, signal: AbortSignal, alone: boolean): Promise<Running> {
    signal.throwIfAborted();
    const estimate = estimateMemory(model.spec, alone ? 1 : this.#options.modelsPerHost(model.spec));
    const reservation = this.#options.ledger.reserve(estimate);
    try {
      const loaded = await this.#load(model, signal, alone);
      await this.#options.inline?.prepare(model.spec, loaded.replica.description);
      const running = { model, loaded, reservation };
      const { pid } = loaded.endpoint;
      this.#running.set(pid, (this.#running.get(pid) ?? new Set()).add(running));
      this.#memoryWatch?.add(pid);
      await this.#measure(pid);
      return running;
    } catch (error) {
      reservation.release();
      // Which of the models in it ended the host nobody knows; the next host tells.
      if (error instanceof LoadError && error.endedSharedHost && !signal.aborted) return await this.#bringUp(model, signal, true);
      throw error;
    }
  }

  #load(model: ModelVersion, signal: AbortSignal, alone: boolean): Promise<LoadedModel> {
    model.become("preparing", "preparing its environment");
    const report = (step: string): void => model.become("loading", step);
    const { clock, loadTimeoutMs, steps } = this.#options;
    return loadModel({ spec: model.spec, alone, clock, timeoutMs: loadTimeoutMs }, steps, this.#hosts, report, signal);
  }

  /** Replaces estimates by what the host really uses, in equal parts for the models in it. */
  async #measure(pid: number): Promise<number> {
    const bytes = await this.#options.measure(pid);
    const sharers = this.#running.get(pid);
    if (bytes === 0 || sharers === undefined) return bytes;
    const share = Math.round(bytes / sharers.size);
    for (const { model, reservation } of sharers) {
      reservation.resize(share);
      model.memoryBytes = share;
    }
    return bytes;
  }

  /** `how` goes on after "its host". */
  #endHost(pid: number, how: string): void {
    for (const { loaded } of this.#running.get(pid) ?? []) loaded.replica.destroy(how);
  }

  #release(running: Running): void {
    const { pid } = running.loaded.endpoint;
    const sharers = this.#running.get(pid);
    if (sharers?.delete(running) !== true) return;
    running.reservation.release();
    running.model.memoryBytes = 0;
    if (sharers.size > 0) {
      void this.#measure(pid);
      return;
    }
    this.#running.delete(pid);
    this.#memoryWatch?.delete(pid);
  }

  async #serveUntilDeath({ model, loaded }: Running, life: Life): Promise<string> {
    const { replica, endpoint, warnings } = loaded;
    model.description = { ...replica.description, warnings };
    model.hostPid = endpoint.pid;
    model.hostName = endpoint.name;
    const inline = this.#options.inline?.attend(model, replica);
    const remove = model.scheduler.add(inline?.replica ?? replica);
    model.become("ready", warnings.join("\n"));
    // Nobody is to be told that it is ready until it is known how its host ended.
    void replica.lost.then(() => {
      if (model.state === "ready" && model.hostPid === endpoint.pid) model.become("loading", "its host is gone; starting it again");
    });
    const how = await Promise.race([replica.exited, life.stopped]);
    if (how === "stop") {
      model.become("draining", "finishing what is under way");
      await Promise.race([model.scheduler.close(), replica.exited]);
      await inline?.end();
      await replica.close();
    }
    remove();
    await inline?.end();
    model.hostPid = undefined;
    return how;
  }

  #fail(model: ModelVersion, error: unknown): void {
    // Whoever hears of it may start the model again at once.
    this.#lives.delete(model);
    const cause = ServeError.from(error instanceof LoadError ? error.cause : error, "INTERNAL", messageOf(error));
    const tail = error instanceof LoadError ? error.logTail : [];
    // What does not fit into memory has not been tried.
    const state = cause.code === "RESOURCE_EXHAUSTED" && !(error instanceof LoadError) ? "registered" : "failed";
    model.fail(state, cause.code, [messageOf(error), ...tail.map((line) => `  ${line}`)].join("\n"));
    model.scheduler.rejectWaiting(new ServeError("UNAVAILABLE", `Model with name ${model.spec.name} is not ready. ${messageOf(error)}`));
  }

  /** Ends early when the model is to stop. */
  async #delay(milliseconds: number, life: Life): Promise<void> {
    let cancel: (() => void) | undefined;
    const over = new Promise<void>((resolve) => {
      cancel = this.#options.clock.after(milliseconds, resolve);
    });
    await Promise.race([over, life.stopped]);
    cancel?.();
  }
}

function unloaded({ spec }: ModelVersion): ServeError {
  return new ServeError("UNAVAILABLE", `Model with name ${spec.name} is not ready. It is being unloaded`, {
    retryAfter: 1,
    refusal: "not_ready",
  });
}
