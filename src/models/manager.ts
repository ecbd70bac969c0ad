import { messageOf, ServeError } from "../core/errors.ts";
import type { Events, EvictionCause, LoadCause } from "../core/events.ts";
import type { ModelSpec } from "../core/model.ts";
import { Fleet } from "./fleet.ts";
import { HostShares, type Measure, type MeasureDevices } from "./host-shares.ts";
import { IdleWatch } from "./idle-watch.ts";
import { Life } from "./life.ts";
import { LoadError } from "./loader.ts";
import type { Member, Running } from "./member.ts";
import { MemoryWatch } from "./memory-watch.ts";
import { identityOf, type ModelVersion } from "./model-version.ts";
import { Occupancy, type OccupancyOptions } from "./occupancy.ts";
import { type Outgrown, Outgrowth } from "./outgrowth.ts";
import { Upkeep, type UpkeepOptions } from "./upkeep.ts";

export interface ManagerOptions extends OccupancyOptions, UpkeepOptions {
  readonly events: Events;
  readonly measure: Measure;
  /** Absent: nobody can tell. */
  readonly measureDevices?: MeasureDevices;
  /** Bytes that one host may use before it is ended; undefined for no limit. */
  readonly maxHostMemory?: number;
  /** Times what was reserved for it that a host may use before it is exchanged; absent for no limit. */
  readonly outgrowFactor?: number;
}

/** Brings models to life, keeps them alive, and lets them go. */
export class Manager {
  readonly #options: ManagerOptions;
  readonly #lives = new Map<ModelVersion, Life>();
  readonly #shares: HostShares;
  readonly #occupancy: Occupancy;
  readonly #idle: IdleWatch;
  readonly #upkeep: Upkeep;
  readonly #fleet: Fleet;
  /** Whoever still holds one of them begins nothing. */
  readonly #removed = new WeakSet<ModelVersion>();
  #closed: ServeError | undefined;

  constructor(options: ManagerOptions) {
    this.#options = options;
    const { clock, events } = options;
    this.#shares = new HostShares(options.measure, options.measureDevices);
    this.#occupancy = new Occupancy(options, this.#lives, {
      evict: (model, reason, cause) => this.evict(model, reason, cause),
      retire: (life, running, reason) => this.#fleet.retire(life, running, reason),
    });
    this.#idle = new IdleWatch(
      clock,
      (model) => this.#occupancy.isBusy(model),
      (model, reason) => void this.evict(model, reason, "idle"),
    );
    const memoryWatch = this.#watchMemory();
    this.#upkeep = new Upkeep(options, {
      occupancy: this.#occupancy,
      shares: this.#shares,
      onHost: (pid, isThere) => (isThere ? memoryWatch?.add(pid) : memoryWatch?.delete(pid)),
      onServing: (life) => {
        this.#idle.add(life.model);
        this.#fleet.serving(life);
      },
      onSilent: (life) => {
        if (!life.serves) this.#idle.delete(life.model);
      },
    });
    this.#fleet = new Fleet({ clock, events, begin: (life) => void this.#begin(life) });
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
   * has ended, well or badly; never rejects. Its other replicas follow when the first one answers.
   */
  start(model: ModelVersion, cause: LoadCause = "start"): Promise<void> {
    if (this.#lives.has(model) || this.#removed.has(model) || this.#closed !== undefined) return Promise.resolve();
    const life = new Life(model, cause);
    this.#lives.set(model, life);
    this.#fleet.add(life);
    return this.#begin(life);
  }

  /** The model loads at its first request. */
  standBy(model: ModelVersion, reason?: string): void {
    const error = this.#occupancy.impossible(model);
    if (error === undefined) model.standBy((cause) => this.start(model, cause), reason);
    else model.fail("failed", error.code, error.message);
  }

  /**
   * Evicts a model because somebody wants it; one that is not loaded stays as it is.
   * @throws ServeError FAILED_PRECONDITION for a pinned one, ABORTED for one that serves a request
   */
  async letGo(model: ModelVersion): Promise<void> {
    const { name, residency, inProgram } = model.spec;
    if (inProgram !== undefined)
      throw new ServeError("FAILED_PRECONDITION", `model ${name} runs in the program that serves it: there is nothing to free`);
    if (residency?.kind === "pinned")
      throw new ServeError(
        "FAILED_PRECONDITION",
        `model ${name} is pinned: its minReplicas is 1 or more, or nitrous/pin says so; nitrous drain ${name} takes it out of service`,
      );
    if (model.state === "ready" && this.#occupancy.isBusy(model))
      throw new ServeError("ABORTED", `model ${name} serves requests now; try again when it has answered them`);
    await this.evict(model, "evicted on request");
  }

  /**
   * Gives a model so many replicas, or as many as its load needs ("auto"). Settles when they answer, or have been tried.
   * @throws ServeError INVALID_ARGUMENT for another number, UNAVAILABLE for a model that cannot be loaded, and as {@link letGo} for 0
   */
  async scale(model: ModelVersion, replicas: number | "auto"): Promise<void> {
    if (replicas === 0) await this.letGo(model);
    this.#fleet.fix(model, replicas);
    if (replicas === 0) return;
    if (model.state === "standby") await model.wake();
    else await this.start(model);
    const life = this.#lives.get(model);
    if (life === undefined) model.assertReady();
    else await this.#fleet.apply(life);
  }

  /**
   * The same model is to have another number of replicas, whatever somebody has said of them before; those that there are go on. Settles
   * as {@link scale} does.
   */
  async respec(model: ModelVersion, spec: ModelSpec): Promise<void> {
    model.spec = spec;
    this.#fleet.fix(model, "auto");
    const life = this.#lives.get(model);
    if (life !== undefined) await this.#fleet.apply(life);
  }

  /**
   * The model refuses requests until its `drained` is taken back. Settles when those under way have been answered and what it held is free;
   * pinned ones go too.
   */
  async drain(model: ModelVersion): Promise<void> {
    model.drained = true;
    // A load under way cannot be told from one that a request waits for.
    await this.#lives.get(model)?.active[0]?.tried;
    // A request that was let in may be on its way to the queue.
    await new Promise<void>((resolve) => this.#options.clock.afterTurn(resolve));
    await model.scheduler.idle();
    if (model.drained) await this.evict(model, "drained on request");
  }

  /** A loaded model goes, and stands by for its next request, which waits until it has gone. Settles when what it held is free. */
  async evict(model: ModelVersion, reason: string, cause: EvictionCause = "request"): Promise<void> {
    const life = this.#lives.get(model);
    if (life === undefined || life.isOver || life.running.length === 0) return;
    life.evict();
    const { ended } = life;
    this.#options.events.emit("model-evicted", { ...identityOf(model), cause, reason });
    model.standBy(async (wantedBy) => {
      await ended;
      await this.start(model, wantedBy);
    }, `${reason}; it loads at its next request`);
    await ended;
    // A request that was on its way to the queue when the replica left.
    if (model.state === "standby" && model.scheduler.queued > 0) void this.start(model, "request");
  }

  /** Drain: the model finishes what is under way, then its places in hosts are free. A load under way is given up. */
  async remove(model: ModelVersion): Promise<void> {
    this.#removed.add(model);
    const life = this.#lives.get(model);
    if (life !== undefined && !life.isOver && life.running.length > 0) {
      const reason = "its revision has been replaced, or its service deleted or stopped";
      this.#options.events.emit("model-evicted", { ...identityOf(model), cause: "removed", reason });
    }
    life?.stop(new ServeError("CANCELLED", "the model is being removed"));
    // Whoever waits for its load waits for nothing.
    if (model.state === "preparing" || model.state === "loading") model.become("draining", "it is being removed");
    await life?.ended;
    await model.scheduler.close();
  }

  /** Drain: every model finishes what is under way, then its hosts end. */
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

  /** One more replica; settles when its first attempt has ended. */
  #begin(life: Life): Promise<void> {
    const { model } = life;
    const member = life.add();
    member.tried = new Promise((tried) => {
      member.ended = this.#upkeep
        .keep(life, member, tried)
        .catch((error: unknown) => this.#lost(life, member, error))
        .finally(() => {
          const wasLast = life.delete(member);
          if (wasLast) this.#fleet.delete(life);
          if (wasLast && this.#lives.get(model) === life) this.#lives.delete(model);
          // Nothing will answer them: they would wait until their deadlines, and a drain with them.
          if (!this.#lives.has(model) && !life.keepsQueue) model.scheduler.rejectWaiting(unloaded(model));
          tried();
        });
    });
    return member.tried;
  }

  /** A replica could not be had: the others go on without it, if there are any. */
  #lost(life: Life, member: Member, error: unknown): void {
    const others = life.active.some((other) => other !== member);
    if (!others && !life.isOver) this.#fail(life, error);
    else this.#fleet.lost(life, messageOf(error));
    this.#exchangeInPlace(life);
  }

  /** Of a host that has outgrown what was reserved for it: its model goes on in another one, or is refused. */
  #outgrown({ model, action, reason }: Outgrown, running: Running): void {
    const life = this.#lives.get(model);
    const member = life?.active.find((each) => each.running === running);
    if (life === undefined || life.isOver || member === undefined) return;
    this.#options.events.emit("model-outgrown", { ...identityOf(model), action, reason });
    if (action === "restart") {
      this.#fleet.exchange(life, member);
      return;
    }
    life.renew(false);
    this.#fail(life, new LoadError(new ServeError("FAILED_PRECONDITION", reason), running.loaded.endpoint.logTail()));
  }

  /** There is no room for a new host beside the outgoing one. */
  #exchangeInPlace(life: Life): void {
    const outgoing = life.active.filter(({ isOutgoing }) => isOutgoing);
    if (life.isOver || outgoing.length === 0) return;
    if (life.active.some(({ serves, isOutgoing }) => serves && !isOutgoing)) for (const member of outgoing) member.retire();
    else void this.#renew(life);
  }

  /** The model answers what is under way, and goes on in other hosts; requests wait meanwhile. */
  async #renew(life: Life): Promise<void> {
    const { model, ended } = life;
    life.renew(true);
    model.standBy(async () => {
      await ended;
      await this.start(model, "restart");
    }, "it gets another host");
    await model.wake();
  }

  #fail(life: Life, error: unknown): void {
    const { model } = life;
    life.finish();
    life.release();
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

  #watchMemory(): MemoryWatch | undefined {
    const { clock, maxHostMemory: limit, outgrowFactor: factor } = this.#options;
    if (limit === undefined) return undefined;
    const outgrowth = factor === undefined ? undefined : new Outgrowth(clock, factor);
    return new MemoryWatch({
      clock,
      limit,
      measure: async (pid) => {
        const bytes = await this.#shares.measure(pid);
        this.#occupancy.settle();
        const sharers = this.#shares.sharersOf(pid);
        const outgrown = bytes > limit ? [] : (outgrowth?.judge(sharers, bytes) ?? []);
        for (const [index, each] of outgrown.entries()) this.#outgrown(each, sharers[index] as Running);
        return bytes;
      },
      onExcess: (pid, how) => this.#shares.end(pid, how),
    });
  }
}

function unloaded({ spec }: ModelVersion): ServeError {
  return new ServeError("UNAVAILABLE", `Model with name ${spec.name} is not ready. It is being unloaded`, {
    retryAfter: 1,
    refusal: "not_ready",
  });
}
