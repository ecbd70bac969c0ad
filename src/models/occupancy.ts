import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { ModelSpec } from "../core/model.ts";
import { DEFAULT_PRIORITY } from "../core/scheduling.ts";
import { estimateMemory } from "./estimate.ts";
import type { Life } from "./life.ts";
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

export interface OccupancyOptions {
  readonly clock: Clock;
  readonly ledger: Ledger;
  /** Which loaded model goes first where room is needed. */
  readonly evictionPolicy: EvictionPolicyName;
  /** What earlier loads came to. */
  readonly measurements: Measurements;
  /** Models like this one that share a host; 1 for those that do not. */
  readonly modelsPerHost: (spec: ModelSpec) => number;
}

/** A request that a model has been given may not have reached its queue yet; so long after it the model counts as busy. Milliseconds. */
const JUST_USED_MS = 20;

/** What models need and hold of the budgets, and which of them could go. */
export class Occupancy {
  readonly #options: OccupancyOptions;
  readonly #lives: ReadonlyMap<ModelVersion, Life>;
  readonly #evict: (model: ModelVersion, reason: string) => Promise<void>;
  readonly #room: Room;

  /** @param lives of the models that are loaded or on their way */
  constructor(
    options: OccupancyOptions,
    lives: ReadonlyMap<ModelVersion, Life>,
    evict: (model: ModelVersion, reason: string) => Promise<void>,
  ) {
    this.#options = options;
    this.#lives = lives;
    this.#evict = evict;
    const { ledger, clock, evictionPolicy } = options;
    this.#room = new Room({ ledger, clock, policy: EVICTION_POLICIES[evictionPolicy], occupants: () => this.#occupants() });
  }

  /**
   * Why a model has to wait for its first request; undefined when it fits beside those that are loaded, and when it would not even fit on an
   * empty machine, which is told at once and not at the first request.
   */
  obstacle(model: ModelVersion): string | undefined {
    const amounts = this.#amountsOf(model, false);
    const { ledger } = this.#options;
    const mustWait = Object.keys(ledger.lacking(amounts)).length > 0 && Object.keys(ledger.excess(amounts)).length === 0;
    return mustWait ? messageOf(doesNotFit(ledger, amounts, "")) : undefined;
  }

  /**
   * Reserves what a model needs, after evictions where they are needed. `alone`: in a host that no other model shares.
   * @throws ServeError RESOURCE_EXHAUSTED with the arithmetic, or the signal's reason
   */
  async reserve(model: ModelVersion, alone: boolean, signal: AbortSignal): Promise<Reservation> {
    const amounts = this.#amountsOf(model, alone);
    const reservation = this.#room.reserve(amounts);
    if (reservation !== undefined) return reservation;
    model.become("preparing", "waiting for room");
    return await this.#room.make(`${model.spec.namespace}/${model.spec.name}`, amounts, signal);
  }

  /** To be called when hosts have been measured. */
  settle(): void {
    this.#room.settle();
  }

  /** It serves a request, or has just been given one. */
  isBusy({ scheduler, usage }: ModelVersion): boolean {
    return scheduler.busy || this.#options.clock.now() - (usage.usedAt ?? Number.NEGATIVE_INFINITY) < JUST_USED_MS;
  }

  #amountsOf({ spec }: ModelVersion, alone: boolean): Amounts {
    const { measurements, modelsPerHost } = this.#options;
    const measured = alone ? undefined : measurements.of(spec)?.bytes;
    const bytes = measured ?? estimateMemory(spec, alone ? 1 : modelsPerHost(spec));
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
        busy: this.isBusy(model),
        evict: (reason) => this.#evict(model, reason),
      };
    });
  }
}
