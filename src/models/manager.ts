import type { Clock } from "../core/clock.ts";
import { messageOf, ServeError } from "../core/errors.ts";
import type { Events } from "../core/events.ts";
import type { ModelSpec } from "../core/model.ts";
import { DEFAULT_PRIORITY } from "../core/scheduling.ts";
import { estimateMemory } from "./estimate.ts";
import { HostPool } from "./host-pool.ts";
import { HostShares } from "./host-shares.ts";
import { IdleWatch } from "./idle-watch.ts";
import type { InlinePromotion } from "./inline-promotion.ts";
import { Life, type Running } from "./life.ts";
import { LoadError, type LoadedModel, loadModel } from "./loader.ts";
import type { LoaderSteps } from "./loader-steps.ts";
import { MemoryWatch } from "./memory-watch.ts";
import type { ModelVersion } from "./model-version.ts";
import {
  type Amounts,
  doesNotFit,
  EVICTION_POLICIES,
  type EvictionPolicyName,
  type Ledger,
  MEMORY,
  type Measurements,
  MODELS,
  memoryOfNamespace,
  type Occupant,
  type Reservation,
  Room,
} from "./residency/index.ts";
import { createSemaphore, type Semaphore } from "./semaphore.ts";

export interface ManagerOptions {
  readonly clock: Clock;
  readonly steps: LoaderSteps;
  readonly ledger: Ledger;
  /** Which loaded model goes first where room is needed. */
  readonly evictionPolicy: EvictionPolicyName;
  readonly events: Events;
  /** What earlier loads came to. */
  readonly measurements: Measurements;
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

/** A request that a model has been given may not have reached its queue yet; so long after it the model counts as busy. Milliseconds. */
const JUST_USED_MS = 20;

/** Brings models to life, keeps them alive, and lets them go. */
export class Manager {
  readonly #options: ManagerOptions;
  readonly #semaphore: Semaphore;
  readonly #hosts: HostPool;
  readonly #lives = new Map<ModelVersion, Life>();
  readonly #shares: HostShares;
  readonly #room: Room;
  readonly #idle: IdleWatch;
  readonly #memoryWatch: MemoryWatch | undefined;
  #closed: ServeError | undefined;

  constructor(options: ManagerOptions) {
    this.#options = options;
    this.#semaphore = createSemaphore(options.concurrentLoads);
    this.#hosts = new HostPool(options.steps);
    this.#shares = new HostShares(options.measure);
    const { clock, ledger, evictionPolicy, maxHostMemory: limit } = options;
    this.#room = new Room({ ledger, clock, policy: EVICTION_POLICIES[evictionPolicy], occupants: () => this.#occupants() });
    this.#idle = new IdleWatch(
      clock,
      (model) => this.#isBusy(model),
      (model, reason) => void this.evict(model, reason),
    );
    if (limit === undefined) return;
    this.#memoryWatch = new MemoryWatch({
      clock,
      limit,
      measure: async (pid) => {
        const bytes = await this.#shares.measure(pid);
        this.#room.settle();
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
    const amounts = this.#amountsOf(model, false);
    const { ledger } = this.#options;
    // What would not fit on an empty machine is told at once, and not at the first request.
    if (Object.keys(ledger.lacking(amounts)).length > 0 && Object.keys(ledger.excess(amounts)).length === 0) {
      this.standBy(model, `it loads at its first request: ${messageOf(doesNotFit(ledger, amounts, ""))}`);
    } else await this.start(model);
  }

  /**
   * Loads a model and keeps it loaded; others are evicted for it where that is needed and can be done. Settles when the first attempt
   * has ended, well or badly; never rejects.
   */
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
    if (model.state === "ready" && this.#isBusy(model))
      throw new ServeError("ABORTED", `model ${name} serves requests now; try again when it has answered them`);
    await this.evict(model, "evicted on request");
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
    const reservation = await this.#reserve(model, signal, alone);
    const began = clock.now();
    try {
      const loaded = await this.#load(model, signal, alone);
      await this.#options.inline?.prepare(model.spec, loaded.replica.description);
      const loadedAt = clock.now();
      const running = { model, loaded, reservation, loadedAt, loadMs: loadedAt - began };
      this.#shares.add(running);
      this.#memoryWatch?.add(loaded.endpoint.pid);
      await this.#shares.measure(loaded.endpoint.pid);
      // An estimate may have been too small.
      this.#room.settle();
      this.#options.measurements.note(model.spec, { bytes: reservation.amounts[MEMORY] ?? 0, loadMs: running.loadMs });
      this.#options.events.emit("model-loaded", { ...identityOf(model), loadMs: running.loadMs, bytes: model.memoryBytes });
      return running;
    } catch (error) {
      reservation.release();
      // Which of the models in it ended the host nobody knows; the next host tells.
      if (error instanceof LoadError && error.endedSharedHost && !signal.aborted) return await this.#bringUp(model, signal, true);
      throw error;
    }
  }

  #reserve(model: ModelVersion, signal: AbortSignal, alone: boolean): Promise<Reservation> {
    const amounts = this.#amountsOf(model, alone);
    const reservation = this.#room.reserve(amounts);
    if (reservation !== undefined) return Promise.resolve(reservation);
    model.become("preparing", "waiting for room");
    return this.#room.make(`${model.spec.namespace}/${model.spec.name}`, amounts, signal);
  }

  #amountsOf({ spec }: ModelVersion, alone: boolean): Amounts {
    const measured = alone ? undefined : this.#options.measurements.of(spec)?.bytes;
    const bytes = measured ?? estimateMemory(spec, alone ? 1 : this.#options.modelsPerHost(spec));
    return { [MEMORY]: bytes, [memoryOfNamespace(spec.namespace)]: bytes, [MODELS]: 1 };
  }

  /** Models that could go: loaded, not pinned, and not on their way out. */
  #occupants(): Occupant[] {
    const now = this.#options.clock.now();
    return [...this.#lives].flatMap(([model, { running, signal }]) => {
      const { spec, usage, state } = model;
      if (running === undefined || signal.aborted || state !== "ready" || spec.residency?.kind === "pinned") return [];
      const { reservation, loadedAt, loadMs } = running;
      return {
        name: `${spec.namespace}/${spec.name}`,
        holds: reservation.amounts,
        bytes: reservation.amounts[MEMORY] ?? 0,
        loadedAt,
        usedAt: usage.usedAt ?? loadedAt,
        uses: usage.uses,
        rate: usage.rate(now),
        loadMs,
        priority: spec.scheduling?.priority ?? DEFAULT_PRIORITY,
        busy: this.#isBusy(model),
        evict: (reason) => this.evict(model, reason),
      };
    });
  }

  #isBusy({ scheduler, usage }: ModelVersion): boolean {
    return scheduler.busy || this.#options.clock.now() - (usage.usedAt ?? Number.NEGATIVE_INFINITY) < JUST_USED_MS;
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

  async #serveUntilDeath({ model, loaded }: Running, life: Life): Promise<string> {
    const { replica, endpoint, warnings } = loaded;
    model.description = { ...replica.description, warnings };
    model.hostPid = endpoint.pid;
    model.hostName = endpoint.name;
    const inline = this.#options.inline?.attend(model, replica);
    const remove = model.scheduler.add(inline?.replica ?? replica);
    model.become("ready", warnings.join("\n"));
    this.#idle.add(model);
    // Nobody is to be told that it is ready until it is known how its host ended.
    void replica.lost.then(() => {
      if (model.state === "ready" && model.hostPid === endpoint.pid) model.become("loading", "its host is gone; starting it again");
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
    model.hostPid = undefined;
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
