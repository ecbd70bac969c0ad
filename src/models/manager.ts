import { messageOf, ServeError } from "../core/errors.ts";
import type { Events } from "../core/events.ts";
import { HostPool } from "./host-pool.ts";
import { HostShares } from "./host-shares.ts";
import { IdleWatch } from "./idle-watch.ts";
import type { InlinePromotion } from "./inline-promotion.ts";
import { Life, type Running } from "./life.ts";
import { LoadError, type LoadedModel, loadModel } from "./loader.ts";
import type { LoaderSteps } from "./loader-steps.ts";
import { MemoryWatch } from "./memory-watch.ts";
import type { ModelVersion } from "./model-version.ts";
import { Occupancy, type OccupancyOptions } from "./occupancy.ts";
import { MEMORY } from "./residency/index.ts";
import { createSemaphore, type Semaphore } from "./semaphore.ts";

export interface ManagerOptions extends OccupancyOptions {
  readonly steps: LoaderSteps;
  readonly events: Events;
  /** Loads that may run at the same time. */
  readonly concurrentLoads: number;
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

/** Brings models to life, keeps them alive, and lets them go. */
export class Manager {
  readonly #options: ManagerOptions;
  readonly #semaphore: Semaphore;
  readonly #hosts: HostPool;
  readonly #lives = new Map<ModelVersion, Life>();
  readonly #shares: HostShares;
  readonly #occupancy: Occupancy;
  readonly #idle: IdleWatch;
  readonly #memoryWatch: MemoryWatch | undefined;
  /** Whoever still holds one of them begins nothing. */
  readonly #removed = new WeakSet<ModelVersion>();
  #closed: ServeError | undefined;

  constructor(options: ManagerOptions) {
    this.#options = options;
    this.#semaphore = createSemaphore(options.concurrentLoads);
    this.#hosts = new HostPool(options.steps);
    this.#shares = new HostShares(options.measure);
    const { clock, maxHostMemory: limit } = options;
    this.#occupancy = new Occupancy(options, this.#lives, (model, reason) => this.evict(model, reason));
    this.#idle = new IdleWatch(
      clock,
      (model) => this.#occupancy.isBusy(model),
      (model, reason) => void this.evict(model, reason),
    );
    if (limit === undefined) return;
    this.#memoryWatch = new MemoryWatch({
      clock,
      limit,
      measure: async (pid) => {
        const bytes = await this.#shares.measure(pid);
        this.#occupancy.settle();
        return bytes;
      },
      onExcess: (pid, how) => this.#shares.end(pid, how),
    });
  }

  /**
   * Loads a model when it fits beside those that are loaded, and lets it stand by otherwise; a pinned one is started. Settles as
   * {@link start} does.
   */
  async prefer(model: ModelVersion): Promise<void> {
    if (model.spec.residency?.kind === "pinned") return await this.start(model);
    const obstacle = this.#occupancy.obstacle(model);
    if (obstacle === undefined) await this.start(model);
    else this.standBy(model, `it loads at its first request: ${obstacle}`);
  }

  /**
   * Loads a model and keeps it loaded; others are evicted for it where that is needed and can be done. Settles when the first attempt
   * has ended, well or badly; never rejects.
   */
  start(model: ModelVersion): Promise<void> {
    if (this.#lives.has(model) || this.#removed.has(model) || this.#closed !== undefined) return Promise.resolve();
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
  standBy(model: ModelVersion, reason?: string): void {
    model.standBy(() => this.start(model), reason);
  }

  /**
   * Evicts a model because somebody wants it; one that is not loaded stays as it is.
   * @throws ServeError FAILED_PRECONDITION for a pinned one, ABORTED for one that serves a request
   */
  async letGo(model: ModelVersion): Promise<void> {
    const { name, residency } = model.spec;
    if (residency?.kind === "pinned")
      throw new ServeError("FAILED_PRECONDITION", `model ${name} is pinned: its minReplicas is 1 or more, or nitrous/pin says so`);
    if (model.state === "ready" && this.#occupancy.isBusy(model))
      throw new ServeError("ABORTED", `model ${name} serves requests now; try again when it has answered them`);
    await this.evict(model, "evicted on request");
  }

  /** @throws ServeError */
  async scale(model: ModelVersion, replicas: number | "auto"): Promise<void> {
    if (replicas === 0) return await this.letGo(model);
    if (replicas !== 1 && replicas !== "auto") throw new ServeError("INVALID_ARGUMENT", `expected 0, 1 or "auto", found ${replicas}`);
    model.replicas.fixed = replicas === 1 ? 1 : undefined;
    await this.start(model);
  }

  /** A loaded model goes, and stands by for its next request, which waits until it has gone. Settles when what it held is free. */
  async evict(model: ModelVersion, reason: string): Promise<void> {
    const life = this.#lives.get(model);
    if (life?.running === undefined || life.signal.aborted) return;
    life.evict();
    const { ended } = life;
    this.#options.events.emit("model-evicted", { ...identityOf(model), reason });
    model.standBy(async () => {
      await ended;
      await this.start(model);
    }, `${reason}; it loads at its next request`);
    await ended;
    // A request that was on its way to the queue when the replica left.
    if (model.state === "standby" && model.scheduler.queued > 0) void this.start(model);
  }

  /** Drain: the model finishes what is under way, then its place in a host is free. A load under way is given up. */
  async remove(model: ModelVersion): Promise<void> {
    this.#removed.add(model);
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
    for (const pid of this.#shares.pids) this.#shares.end(pid, "was ended because the server is shutting down");
    await this.close();
  }

  async #keepAlive(model: ModelVersion, life: Life, tried: () => void): Promise<void> {
    const { signal } = life;
    for (let deaths = 0; !signal.aborted; ) {
      let running: Running | undefined;
      try {
        const alone = deaths >= ALONE_AFTER;
        running = await this.#semaphore.run(() => this.#bringUp(model, signal, alone));
        life.running = running;
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
        life.running = undefined;
        if (running !== undefined) this.#release(running);
      }
    }
  }

  /** An estimate is replaced by a measurement before the next model is looked at. `alone`: in a host that no other model shares. */
  async #bringUp(model: ModelVersion, signal: AbortSignal, alone: boolean): Promise<Running> {
    signal.throwIfAborted();
    const { clock } = this.#options;
    const reservation = await this.#occupancy.reserve(model, alone, signal);
    const began = clock.now();
    try {
      const loaded = await this.#load(model, signal, alone);
      await this.#options.inline?.prepare(model.spec, loaded.replica.description);
      const loadedAt = clock.now();
      const host = { pid: loaded.endpoint.pid, bytes: 0, serves: false };
      const running = { model, loaded, host, reservation, loadedAt, loadMs: loadedAt - began };
      this.#shares.add(running);
      this.#memoryWatch?.add(loaded.endpoint.pid);
      await this.#shares.measure(loaded.endpoint.pid);
      // An estimate may have been too small.
      this.#occupancy.settle();
      this.#options.measurements.note(model.spec, { bytes: reservation.amounts[MEMORY] ?? 0, loadMs: running.loadMs });
      this.#options.events.emit("model-loaded", { ...identityOf(model), loadMs: running.loadMs, bytes: host.bytes });
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

  #release(running: Running): void {
    if (this.#shares.release(running)) this.#memoryWatch?.delete(running.loaded.endpoint.pid);
  }

  async #serveUntilDeath({ model, loaded, host }: Running, life: Life): Promise<string> {
    const { replica, endpoint, warnings } = loaded;
    model.description = { ...replica.description, warnings };
    host.serves = true;
    model.hostName = endpoint.name;
    const inline = this.#options.inline?.attend(model, replica);
    const remove = model.scheduler.add(inline?.replica ?? replica);
    model.become("ready", warnings.join("\n"));
    this.#idle.add(model);
    // Nobody is to be told that it is ready until it is known how its host ended.
    void replica.lost.then(() => {
      if (model.state === "ready" && host.serves) model.become("loading", "its host is gone; starting it again");
    });
    const how = await Promise.race([replica.exited, life.stopped]);
    this.#idle.delete(model);
    if (how === "stop") {
      model.become("draining", "finishing what is under way");
      await Promise.race([model.scheduler.close(), replica.exited]);
      await inline?.end();
      await replica.close();
    } else if (how === "evict") {
      // It had nothing to do when it was chosen; what comes from now on waits for its next load.
      remove();
      await inline?.end();
      await replica.close();
    }
    remove();
    await inline?.end();
    host.serves = false;
    return how;
  }

  #fail(model: ModelVersion, error: unknown): void {
    // Whoever hears of it may start the model again at once.
    this.#lives.delete(model);
    const cause = ServeError.from(error instanceof LoadError ? error.cause : error, "INTERNAL", messageOf(error));
    const tail = error instanceof LoadError ? error.logTail : [];
    // What does not fit has not been tried.
    const isUntried = cause.code === "RESOURCE_EXHAUSTED" && !(error instanceof LoadError);
    if (isUntried && model.answeredOnDemand) this.standBy(model, messageOf(error));
    else model.fail(isUntried ? "registered" : "failed", cause.code, [messageOf(error), ...tail.map((line) => `  ${line}`)].join("\n"));
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

function identityOf({ spec }: ModelVersion): { namespace: string; model: string; version: string } {
  return { namespace: spec.namespace, model: spec.name, version: spec.version };
}

function unloaded({ spec }: ModelVersion): ServeError {
  return new ServeError("UNAVAILABLE", `Model with name ${spec.name} is not ready. It is being unloaded`, {
    retryAfter: 1,
    refusal: "not_ready",
  });
}
