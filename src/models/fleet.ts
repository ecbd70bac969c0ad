import type { Clock } from "../core/clock.ts";
import { firstLine, ServeError } from "../core/errors.ts";
import type { Events, ScaleCause } from "../core/events.ts";
import { MOST_REPLICAS } from "../core/scaling.ts";
import { Autoscaler } from "./autoscaling/index.ts";
import type { Life } from "./life.ts";
import type { Member, Running } from "./member.ts";
import { identityOf, type ModelVersion } from "./model-version.ts";

export interface FleetOptions {
  readonly clock: Clock;
  readonly events: Events;
  /** Begins one more replica. */
  readonly begin: (life: Life) => void;
}

/** Waits before a replica is tried again that could not be had, in milliseconds: the first one, and the longest. */
const FIRST_RETRY_MS = 5_000;
const LONGEST_RETRY_MS = 60_000;
/** A replica that has gone because others needed its room does not come back before. Milliseconds. */
const AFTER_LEAVING_MS = 30_000;

/** Gives each loaded model the replicas that it should have: what its load asks for, or somebody. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #autoscaler: Autoscaler;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#autoscaler = new Autoscaler(options.clock);
  }

  /** The model begins to load. */
  add(life: Life): void {
    const { replicas } = life.model;
    replicas.others = () => ({ starting: life.active.filter(({ serves }) => !serves).length, leaving: life.leaving.length });
    replicas.wanted = replicas.fixed ?? replicas.kept;
    replicas.obstacle = undefined;
  }

  /** A replica of it answers from now on. */
  serving(life: Life): void {
    life.failures = 0;
    this.#adjust(life);
    this.#attend(life);
  }

  delete(life: Life): void {
    this.#autoscaler.leave(life);
  }

  /** From the next {@link apply} on. @throws ServeError INVALID_ARGUMENT */
  fix({ replicas }: ModelVersion, count: number | "auto"): void {
    if (count !== "auto" && !(Number.isInteger(count) && count >= 0 && count <= MOST_REPLICAS))
      throw new ServeError("INVALID_ARGUMENT", `expected a number of replicas from 0 to ${MOST_REPLICAS}, or auto; found ${count}`);
    replicas.fixed = count === "auto" || count === 0 ? undefined : count;
  }

  /** Does what has been fixed. Settles when the replicas answer or have been tried, and those that are too many have gone. */
  async apply(life: Life): Promise<void> {
    const { replicas } = life.model;
    const { fixed } = replicas;
    const count = fixed ?? Math.min(Math.max(replicas.wanted, replicas.kept), replicas.most);
    if (fixed === undefined) this.#attend(life);
    else this.#autoscaler.leave(life);
    // Whoever asks wants it tried now.
    life.cancelRetry?.();
    life.cancelRetry = undefined;
    this.#want(life, count, "manual", fixed === undefined ? "replicas follow the load again" : "asked for");
    await Promise.all(life.active.map(({ tried }) => tried));
    await Promise.all(life.leaving.map(({ ended }) => ended));
  }

  /** One of the replicas that the model can do without goes; settles when what it held is free. */
  async retire(life: Life, running: Running, reason: string): Promise<void> {
    const member = life.active.find((each) => each.running === running);
    if (member === undefined) return;
    const before = life.active.length;
    member.retire();
    life.model.replicas.obstacle = reason;
    this.#later(life, AFTER_LEAVING_MS);
    this.#tell(life, before, before - 1, "room", reason);
    await member.ended;
  }

  /** Another one is to serve in its place; then it goes. */
  exchange(life: Life, member: Member): void {
    member.isOutgoing = true;
    this.#adjust(life);
  }

  /** One that could not be had, or whose hosts keep dying: the others go on. */
  lost(life: Life, reason: string): void {
    if (life.isOver) return;
    const obstacle = firstLine(reason);
    if (obstacle !== life.model.replicas.obstacle)
      this.#options.events.emit("replica-failed", { ...identityOf(life.model), reason: obstacle });
    life.model.replicas.obstacle = obstacle;
    this.#later(life, Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** life.failures++));
    life.model.replicasChanged();
  }

  #attend(life: Life): void {
    const { model } = life;
    const { replicas, spec, usage } = model;
    const { scaling } = spec;
    if (scaling === undefined || replicas.fixed !== undefined || replicas.most === replicas.kept) return;
    this.#autoscaler.attend(life, {
      spec: scaling,
      inFlight: () => model.inFlight,
      arrivals: () => usage.uses,
      ready: () => replicas.serving.length,
      wanted: () => replicas.wanted,
      scale: (wanted, mode, reason) => this.#want(life, wanted, mode, reason),
    });
  }

  #want(life: Life, count: number, cause: ScaleCause, reason: string): void {
    if (life.isOver) return;
    const { replicas } = life.model;
    const before = replicas.wanted;
    replicas.wanted = count;
    if (count !== before) this.#tell(life, before, count, cause, reason);
    this.#adjust(life);
  }

  /** Begins what is missing, and lets go what is too many; without an answering one there is nothing to add to. */
  #adjust(life: Life): void {
    const { replicas } = life.model;
    if (life.isOver || !life.serves) return;
    const active = life.active.filter(({ isOutgoing }) => !isOutgoing);
    for (const member of active.slice(replicas.wanted)) member.retire();
    if (active.filter(({ serves }) => serves).length >= replicas.wanted)
      for (const member of life.active) if (member.isOutgoing) member.retire();
    const missing = replicas.wanted - active.length;
    if (missing > 0) {
      for (let count = 0; count < missing && life.cancelRetry === undefined; count++) this.#options.begin(life);
      return;
    }
    life.cancelRetry?.();
    life.cancelRetry = undefined;
    if (replicas.obstacle !== undefined && active.every(({ serves }) => serves)) {
      replicas.obstacle = undefined;
      life.model.replicasChanged();
    }
  }

  #later(life: Life, delay: number): void {
    life.cancelRetry?.();
    life.cancelRetry = this.#options.clock.after(delay, () => {
      life.cancelRetry = undefined;
      this.#adjust(life);
    });
  }

  #tell(life: Life, from: number, to: number, cause: ScaleCause, reason: string): void {
    this.#options.events.emit("model-scaled", { ...identityOf(life.model), from, to, cause, reason });
    life.model.replicasChanged();
  }
}
