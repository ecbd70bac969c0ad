import type { Clock } from "../core/clock.ts";
import type { Events, LoadCause } from "../core/events.ts";
import { HostPool } from "./host-pool.ts";
import type { HostShares } from "./host-shares.ts";
import type { Attendance, InlinePromotion } from "./inline-promotion.ts";
import type { Life } from "./life.ts";
import { LoadError, type LoadedModel, loadModel } from "./loader.ts";
import type { LoaderSteps } from "./loader-steps.ts";
import type { Member, Running } from "./member.ts";
import { devicesOf, deviceVariables, type NeedOptions } from "./model-need.ts";
import { identityOf } from "./model-version.ts";
import type { Occupancy } from "./occupancy.ts";
import { devicesIn, MEMORY, type Reservation } from "./residency/index.ts";
import { createSemaphore, type Semaphore } from "./semaphore.ts";

export interface UpkeepOptions extends NeedOptions {
  readonly clock: Clock;
  readonly steps: LoaderSteps;
  readonly events: Events;
  /** Loads that may run at the same time. */
  readonly concurrentLoads: number;
  /** Milliseconds from the start of a host to the model's first answer; the environment is made before that. */
  readonly loadTimeoutMs: number;
  /** Answers tiny models in this process; undefined when none are. */
  readonly inline?: InlinePromotion;
}

export interface UpkeepParts {
  readonly occupancy: Occupancy;
  readonly shares: HostShares;
  /** A host has been started, or is empty. */
  readonly onHost: (pid: number, isThere: boolean) => void;
  /** The replica is given requests from now on. */
  readonly onServing: (life: Life) => void;
  /** It is given none any more. */
  readonly onSilent: (life: Life) => void;
}

/** Waits between the restarts of a host that keeps dying, in milliseconds; after the last one the replica has failed. */
const RESTART_DELAYS = [0, 1_000, 2_000, 5_000, 10_000, 30_000];
/** Deaths in a row after which a model has a host of its own: the one that keeps killing a shared host ends alone. */
const ALONE_AFTER = 2;
/** A host that has lived so long is not one that keeps dying. Milliseconds. */
const STABLE_AFTER = 60_000;

/** Brings one replica to life, keeps it alive through the deaths of its hosts, and lets it go. */
export class Upkeep {
  readonly #options: UpkeepOptions;
  readonly #parts: UpkeepParts;
  readonly #semaphore: Semaphore;
  readonly #hosts: HostPool;

  constructor(options: UpkeepOptions, parts: UpkeepParts) {
    this.#options = options;
    this.#parts = parts;
    this.#semaphore = createSemaphore(options.concurrentLoads);
    this.#hosts = new HostPool(options.steps);
  }

  /**
   * Settles when the member has been ended. `tried` is called when it answers for the first time.
   * @throws what kept it from that, or LoadError when its hosts keep dying
   */
  async keep(life: Life, member: Member, tried: () => void): Promise<void> {
    const { signal } = member;
    const { model } = life;
    for (let deaths = 0; !signal.aborted; ) {
      let running: Running | undefined;
      try {
        // Two replicas in one process would be one.
        const alone = deaths >= ALONE_AFTER || member.index > 0;
        const cause = deaths > 0 ? "restart" : member.index > 0 ? "replica" : life.cause;
        const bringUp = (): Promise<Running> => this.#bringUp(life, member, alone, cause);
        // An ensemble costs nothing and waits for the loads of its models: with a place of its own it could keep them from theirs.
        running = model.spec.format === "ensemble" ? await bringUp() : await this.#semaphore.run(bringUp);
        member.running = running;
        const startedAt = this.#options.clock.now();
        const death = this.#serveUntilEnd(life, member, running);
        tried();
        const how = await death;
        if (signal.aborted) return;
        model.hostEnded(how, running.loaded.endpoint.logTail());
        deaths = this.#options.clock.now() - startedAt > STABLE_AFTER ? 1 : deaths + 1;
        const delay = RESTART_DELAYS[deaths - 1];
        if (delay === undefined)
          throw new LoadError(new Error(`its host ${how}, ${deaths} times in a row`), running.loaded.endpoint.logTail());
        life.report(member, "loading", `its host ${how}; starting it again`);
        this.#release(running);
        member.reservation = undefined;
        await this.#delay(delay, member);
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      } finally {
        member.running = undefined;
        if (running !== undefined) this.#release(running);
        member.reservation = undefined;
      }
    }
  }

  /** An estimate is replaced by a measurement before the next model is looked at. `alone`: in a host that no other model shares. */
  async #bringUp(life: Life, member: Member, alone: boolean, cause: LoadCause): Promise<Running> {
    const { signal } = member;
    signal.throwIfAborted();
    const { model } = life;
    const { clock, measurements, events, inline } = this.#options;
    const { occupancy, shares, onHost } = this.#parts;
    const wanted = { alone, more: life.place !== undefined, spare: life.isSpare(member) };
    const reservation = await occupancy.reserve(model, member, wanted, () => life.report(member, "preparing", "waiting for room"));
    life.place ??= occupancy.placeOf(reservation);
    const began = clock.now();
    const reservedBytes = reservation.amounts[MEMORY] ?? 0;
    try {
      const loaded = await this.#load(life, member, reservation, alone);
      await inline?.prepare(model.spec, loaded.replica.description);
      const loadedAt = clock.now();
      const devices = devicesOf(reservation.amounts, this.#options);
      const checkReadiness = loaded.replica.checkReadiness?.bind(loaded.replica);
      const host = { pid: loaded.endpoint.pid, bytes: 0, deviceBytes: 0, devices, serves: false, checkReadiness };
      const running = { model, loaded, host, reservation, loadedAt, loadMs: loadedAt - began, reservedBytes };
      shares.add(running);
      onHost(host.pid, true);
      await shares.measure(host.pid);
      running.reservedBytes = Math.max(reservedBytes, host.bytes);
      // An estimate may have been too small.
      occupancy.settle();
      const bytes = reservation.amounts[MEMORY] ?? 0;
      if (member.index === 0) measurements.note(model.spec, { bytes, deviceBytes: host.deviceBytes, loadMs: running.loadMs });
      events.emit("model-loaded", { ...identityOf(model), loadMs: running.loadMs, cause, bytes: host.bytes, reservedBytes });
      return running;
    } catch (error) {
      reservation.release();
      member.reservation = undefined;
      // Which of the models in it ended the host nobody knows; the next host tells.
      if (error instanceof LoadError && error.endedSharedHost && !signal.aborted) return await this.#bringUp(life, member, true, cause);
      throw error;
    }
  }

  #load(life: Life, member: Member, { amounts }: Reservation, alone: boolean): Promise<LoadedModel> {
    life.report(member, "preparing", life.model.spec.upstream === undefined ? "preparing its environment" : "preparing its server");
    const report = (step: string): void => life.report(member, "loading", step);
    const { clock, loadTimeoutMs, steps } = this.#options;
    const { spec } = life.model;
    // Those that share a host see the same devices.
    const onDevice = devicesIn(amounts).length > 0;
    return loadModel(
      { spec, environment: deviceVariables(spec, amounts, this.#options), alone: alone || onDevice, clock, timeoutMs: loadTimeoutMs },
      steps,
      this.#hosts,
      report,
      member.signal,
    );
  }

  #release(running: Running): void {
    if (this.#parts.shares.release(running)) this.#parts.onHost(running.host.pid, false);
  }

  async #serveUntilEnd(life: Life, member: Member, { loaded, host }: Running): Promise<string> {
    const { model } = life;
    const { replica, endpoint, warnings } = loaded;
    model.describe({ ...replica.description, warnings });
    // The others have hosts for themselves, which are known by the model's own name.
    if (member.index === 0) model.hostName = endpoint.name;
    const inline = member.index === 0 ? this.#options.inline?.attend(model, replica) : undefined;
    const scheduled = inline?.replica ?? replica;
    const remove = model.scheduler.add(scheduled);
    host.serves = true;
    if (model.state === "ready") model.replicasChanged();
    else model.become("ready", warnings.join("\n"));
    this.#parts.onServing(life);
    // Nobody is to be told that it is ready until it is known how its host ended.
    void replica.lost.then(() => {
      if (!host.serves) return;
      host.serves = false;
      if (!member.signal.aborted) life.report(member, "loading", "its host is gone; starting it again");
    });
    const unwatch = replica.readiness?.watch(() => {
      const obstacle = replica.readiness?.obstacle;
      host.serves = obstacle === undefined;
      life.report(member, host.serves ? "ready" : "loading", obstacle ?? warnings.join("\n"));
    });
    const how = await Promise.race([replica.exited, member.stopped]);
    unwatch?.();
    host.serves = false;
    this.#parts.onSilent(life);
    if (how === "stop") {
      life.report(member, "draining", "finishing what is under way");
      await Promise.race([model.scheduler.close(), replica.exited]);
    } else if (how === "retire" || how === "renew") {
      model.replicasChanged();
      await Promise.race([model.scheduler.drain(scheduled), replica.exited]);
    }
    // One that is evicted had nothing to do when it was chosen; what comes from now on waits for its next load.
    await this.#takeOut(remove, inline);
    if (how === "stop" || how === "retire" || how === "evict" || how === "renew") await replica.close();
    return how;
  }

  async #takeOut(remove: () => void, inline: Attendance | undefined): Promise<void> {
    remove();
    await inline?.end();
  }

  /** Ends early when the member is to end. */
  async #delay(milliseconds: number, member: Member): Promise<void> {
    let cancel: (() => void) | undefined;
    const over = new Promise<void>((resolve) => {
      cancel = this.#options.clock.after(milliseconds, resolve);
    });
    await Promise.race([over, member.stopped]);
    cancel?.();
  }
}
