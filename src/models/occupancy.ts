import type { Clock } from "../core/clock.ts";
import { messageOf, ServeError } from "../core/errors.ts";
import type { EvictionCause } from "../core/events.ts";
import { DEFAULT_PRIORITY } from "../core/scheduling.ts";
import type { Life } from "./life.ts";
import type { Member, Running } from "./member.ts";
import { type NeedOptions, needOf } from "./model-need.ts";
import type { ModelVersion } from "./model-version.ts";
import {
  amountChoices,
  chooseWay,
  doesNotFit,
  EVICTION_POLICIES,
  type EvictionPolicyName,
  fitsNever,
  type Ledger,
  MEMORY,
  MODELS,
  type Need,
  type Occupant,
  type Reservation,
  Room,
} from "./residency/index.ts";

export interface OccupancyOptions extends NeedOptions {
  readonly clock: Clock;
  readonly ledger: Ledger;
  /** Which loaded model goes first where room is needed. */
  readonly evictionPolicy: EvictionPolicyName;
}

/** How a replica is to be had. */
export interface Wanted {
  /** In a host that no other model shares. */
  readonly alone: boolean;
  /** It is one more of a model that is loaded already. */
  readonly more: boolean;
  /** The model can do without it: it takes what is free, or the room of models that are worth less and that nobody asks for. */
  readonly spare: boolean;
}

/** Who can go for the sake of a model. */
export interface Leaving {
  evict(model: ModelVersion, reason: string, cause: EvictionCause): Promise<void>;
  /** One of the replicas that the model can do without; settles when it has gone. */
  retire(life: Life, running: Running, reason: string): Promise<void>;
}

/** A model goes for the spare replica of another one only when nobody has asked for it for so long. Milliseconds. */
const UNUSED_MS = 60_000;

/** A request that a model has been given may not have reached its queue yet; so long after it the model counts as busy. Milliseconds. */
const JUST_USED_MS = 20;

/** What models need and hold of the budgets, and which of them could go. */
export class Occupancy {
  readonly #options: OccupancyOptions;
  readonly #lives: ReadonlyMap<ModelVersion, Life>;
  readonly #leaving: Leaving;
  readonly #room: Room;

  /** @param lives of the models that are loaded or on their way */
  constructor(options: OccupancyOptions, lives: ReadonlyMap<ModelVersion, Life>, leaving: Leaving) {
    this.#options = options;
    this.#lives = lives;
    this.#leaving = leaving;
    const { ledger, clock, evictionPolicy } = options;
    this.#room = new Room({ ledger, clock, policy: evictionPolicy, occupants: () => this.#occupants() });
  }

  /**
   * Why a model has to wait for its first request; undefined when it fits beside those that are loaded, and when it would not even fit on an
   * empty machine, which is told at once and not at the first request.
   */
  obstacle(model: ModelVersion): string | undefined {
    const { ledger } = this.#options;
    const need = this.#firstNeed(model);
    if (need instanceof ServeError) return undefined;
    const fits = amountChoices(need, ledger).some((amounts) => Object.keys(ledger.lacking(amounts)).length === 0);
    return fits || fitsNever(need, ledger) ? undefined : messageOf(doesNotFit(ledger, need, ""));
  }

  /** Why a model cannot be loaded whatever goes: it asks for devices that are not there. */
  impossible(model: ModelVersion): ServeError | undefined {
    const need = this.#firstNeed(model);
    return need instanceof ServeError ? need : undefined;
  }

  /**
   * Reserves what a replica needs, after evictions where they are needed and may be done for it. From then on the member has it.
   * @throws ServeError RESOURCE_EXHAUSTED with the arithmetic, FAILED_PRECONDITION when it asks for what the machine has not, or the
   * signal's reason
   */
  async reserve(model: ModelVersion, member: Member, wanted: Wanted, onWait: () => void): Promise<Reservation> {
    const need = needOf(model.spec, wanted, this.#options);
    const name = `${model.spec.namespace}/${model.spec.name}`;
    // Whoever looks for room must see at once who has it.
    const keep = (reservation: Reservation): Reservation => {
      member.reservation = reservation;
      return reservation;
    };
    const free = this.#room.reserve(need);
    if (free !== undefined) return keep(free);
    if (wanted.spare) return keep(await this.#reserveSpare(model, name, need));
    onWait();
    return await this.#room.make({ name, lastResort: () => this.#replacedBy(model) }, need, keep, member.signal);
  }

  /** The part of a reservation that is for the model, and not for one of its replicas; the model keeps it while hosts of it come and go. */
  placeOf(reservation: Reservation): Reservation | undefined {
    const count = reservation.amounts[MODELS] ?? 0;
    if (count === 0) return undefined;
    reservation.resize(MODELS, 0);
    return this.#options.ledger.reserve({ [MODELS]: count });
  }

  /** To be called when hosts have been measured. */
  settle(): void {
    this.#room.settle();
  }

  /** It serves a request, or has just been given one. */
  isBusy({ scheduler, usage }: ModelVersion): boolean {
    return scheduler.busy || this.#options.clock.now() - (usage.usedAt ?? Number.NEGATIVE_INFINITY) < JUST_USED_MS;
  }

  /** Of its first replica, or why there can be none. */
  #firstNeed({ spec }: ModelVersion): Need | ServeError {
    try {
      return needOf(spec, { alone: false, more: false }, this.#options);
    } catch (error) {
      return ServeError.from(error, "INTERNAL", messageOf(error));
    }
  }

  /** A model that it evicts is not to be asked for at once: then both would only take turns. */
  async #reserveSpare(model: ModelVersion, name: string, need: Need): Promise<Reservation> {
    const { ledger, evictionPolicy, clock } = this.#options;
    const policy = EVICTION_POLICIES[evictionPolicy];
    const own = this.#occupantOf(model, this.#lives.get(model)?.running ?? []);
    const unused = this.#occupants().filter(
      (other) =>
        own !== undefined &&
        other.name !== own.name &&
        other.spare !== true &&
        !other.busy &&
        other.priority >= own.priority &&
        clock.now() - other.usedAt >= UNUSED_MS &&
        policy(other) < policy(own),
    );
    const ways = amountChoices(need, ledger).map((amounts) => ledger.lacking(amounts));
    const victims = chooseWay(ways, unused, policy)?.victims ?? [];
    await Promise.all(victims.map((victim) => victim.evict(`evicted: another replica of ${name} needed its room`, "room")));
    const reservation = this.#room.reserve(need);
    if (reservation === undefined) throw doesNotFit(ledger, need, "");
    return reservation;
  }

  /**
   * What could go: models that are loaded, not pinned and not on their way out, and of all models the replicas that they can do without;
   * and as busy ones those that load or leave, whose room is worth waiting for.
   */
  #occupants(): Occupant[] {
    return [...this.#lives].flatMap(([model, life]): Occupant[] => {
      if (life.isOver || model.state !== "ready") return this.#onTheWay(model, life);
      const spare = life.spare.flatMap(({ running }) => running ?? []);
      const kept = life.running.filter((running) => !spare.includes(running));
      const whole = model.spec.residency?.kind === "pinned" ? undefined : this.#occupantOf(model, kept, life.place);
      return [...(whole === undefined ? [] : [whole]), ...this.#replicasOf(model, life, spare)];
    });
  }

  /**
   * Of the revisions that a model comes in the place of, what they answer with beyond one replica each: a service whose replicas take all
   * the room would otherwise never have another revision.
   */
  #replacedBy(model: ModelVersion): Occupant[] {
    const { namespace, name } = model.spec;
    if (this.#lives.get(model)?.serves === true) return [];
    return [...this.#lives].flatMap(([other, life]): Occupant[] => {
      const isReplaced = other.spec.namespace === namespace && other.spec.name === name && other.revision !== model.revision;
      if (!isReplaced || other === model || life.isOver || !life.serves) return [];
      const replicas = life.active.slice(1, other.replicas.kept).flatMap(({ running }) => running ?? []);
      return this.#replicasOf(other, life, replicas);
    });
  }

  /** Each of them can go without its model. */
  #replicasOf(model: ModelVersion, life: Life, replicas: readonly Running[]): Occupant[] {
    return replicas.flatMap((running): Occupant[] => {
      const one = this.#occupantOf(model, [running]);
      // What it works on it may finish.
      const busy = model.scheduler.hasSequences(running.loaded.replica.id);
      const evict = (reason: string): Promise<void> => this.#leaving.retire(life, running, reason);
      return one === undefined ? [] : [{ ...one, spare: true, busy, evict }];
    });
  }

  /** A model that comes may go when it has answered, unless it is pinned; one that goes will have gone. */
  #onTheWay(model: ModelVersion, { reservations, isOver }: Life): Occupant[] {
    if (reservations.length === 0 || (!isOver && model.spec.residency?.kind === "pinned")) return [];
    const now = this.#options.clock.now();
    return [{ ...this.#seen(model, reservations, { loadedAt: now, loadMs: 0 }), busy: true }];
  }

  #occupantOf(model: ModelVersion, running: readonly Running[], place?: Reservation): Occupant | undefined {
    const [first] = running;
    if (first === undefined) return undefined;
    const reservations = running.map(({ reservation }) => reservation);
    return this.#seen(model, place === undefined ? reservations : [...reservations, place], first);
  }

  #seen(model: ModelVersion, reservations: readonly Reservation[], load: Pick<Running, "loadedAt" | "loadMs">): Occupant {
    const { spec, usage } = model;
    const holds: Record<string, number> = {};
    for (const { amounts } of reservations)
      for (const [account, amount] of Object.entries(amounts)) holds[account] = (holds[account] ?? 0) + amount;
    return {
      name: `${spec.namespace}/${spec.name}`,
      holds,
      bytes: holds[MEMORY] ?? 0,
      loadedAt: load.loadedAt,
      usedAt: usage.usedAt ?? load.loadedAt,
      uses: usage.uses,
      rate: usage.rate(this.#options.clock.now()),
      loadMs: load.loadMs,
      priority: spec.scheduling?.priority ?? DEFAULT_PRIORITY,
      busy: this.isBusy(model),
      evict: (reason, cause) => this.#leaving.evict(model, reason, cause),
    };
  }
}
