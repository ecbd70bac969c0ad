import type { Clock } from "../../core/clock.ts";
import type { EvictionCause } from "../../core/events.ts";
import { mebibytes } from "../mebibytes.ts";
import { createSemaphore } from "../semaphore.ts";
import { MODELS } from "./accounts.ts";
import type { Ledger, Reservation } from "./ledger.ts";
import { amountChoices, doesNotFit, type Need } from "./need.ts";
import { EVICTION_POLICIES, type EvictionPolicyName, whyChosen } from "./policies.ts";
import { chooseVictims, chooseWay, type Evictable } from "./victims.ts";

/** A loaded model, or one more replica of one, that can be asked to go. */
export interface Occupant extends Evictable {
  /** "namespace/name", for reasons. */
  readonly name: string;
  /** It serves a request now, or has just been given one; it may go when it has answered. */
  readonly busy: boolean;
  /** Drains it; settles when what it held is free. `reason` is for its status. */
  evict(reason: string, cause: EvictionCause): Promise<void>;
}

export interface RoomOptions {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly policy: EvictionPolicyName;
  /** Loaded models that are not pinned and not on their way out. */
  readonly occupants: () => readonly Occupant[];
}

/** Somebody who looks for room. */
export interface Seeker {
  /** "namespace/name", for reasons. */
  readonly name: string;
  /** Who else goes for it, when all others together are not enough. */
  readonly lastResort: () => readonly Occupant[];
}

/** Milliseconds between two looks at whether a busy model may go. */
const LOOK_AGAIN_MS = 20;
/** Milliseconds that a load waits for busy models. */
const PATIENCE_MS = 30_000;

/** Makes room for loads: reserves what is free, and has models go where that is not enough. One at a time, in their order. */
export class Room {
  readonly #options: RoomOptions;
  readonly #turns = createSemaphore(1);

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  /** What is free now, without anybody going; undefined when it does not fit. */
  reserve(need: Need): Reservation | undefined {
    const { ledger } = this.#options;
    for (const amounts of amountChoices(need, ledger)) {
      const reservation = ledger.reserve(amounts);
      if (reservation !== undefined) return reservation;
    }
    return undefined;
  }

  /**
   * Reserves what a load needs, after evictions where they are needed.
   * @param onReserved at once with the reservation, before anybody else looks for room
   * @throws ServeError RESOURCE_EXHAUSTED with the arithmetic, or the signal's reason
   */
  async make(seeker: Seeker, need: Need, onReserved: (reservation: Reservation) => Reservation, signal: AbortSignal): Promise<Reservation> {
    return await this.#turns.run(async () => onReserved(await this.#make(seeker, need, signal)));
  }

  /** After measurements: while hosts use more than there is, models that are not busy go. What is busy is looked at again next time. */
  settle(): void {
    const { ledger, clock, policy, occupants } = this.#options;
    const over = Object.keys(ledger.budgets).flatMap((account) => {
      const free = ledger.free(account);
      return free < 0 ? [[account, -free] as const] : [];
    });
    if (over.length === 0) return;
    const idle = occupants().filter(({ busy }) => !busy);
    const victims = new Set(
      over.flatMap(([account, amount]) => {
        const holders = idle.filter(({ holds }) => (holds[account] ?? 0) > 0);
        // As many as there are, when all of them are not enough.
        return chooseVictims({ [account]: amount }, holders, EVICTION_POLICIES[policy]) ?? holders;
      }),
    );
    const excess = `hosts use ${over.map(([account, amount]) => inWords(ledger, account, amount)).join(" and ")} more than there is`;
    for (const victim of victims) void victim.evict(`evicted: ${excess}, and ${whyChosen(policy, victim, clock.now())}`, "outgrown");
  }

  async #make({ name, lastResort }: Seeker, need: Need, signal: AbortSignal): Promise<Reservation> {
    const { ledger, clock, policy: policyName, occupants } = this.#options;
    const policy = EVICTION_POLICIES[policyName];
    const patientUntil = clock.now() + PATIENCE_MS;
    for (;;) {
      signal.throwIfAborted();
      const reservation = this.reserve(need);
      if (reservation !== undefined) return reservation;
      const ways = amountChoices(need, ledger).map((amounts) => ledger.lacking(amounts));
      const usual = occupants();
      const others = chooseWay(ways, usual, policy) === undefined ? [...usual, ...lastResort()] : usual;
      const way = chooseWay(
        ways,
        others.filter(({ busy }) => !busy),
        policy,
      );
      if (way !== undefined) {
        const needed = Object.entries(way.lacking).map(([account, amount]) => inWords(ledger, account, amount));
        const reason = (victim: Occupant): string =>
          `evicted: ${name} needed ${needed.join(" and ")} more, and ${whyChosen(policyName, victim, clock.now())}`;
        await Promise.all(way.victims.map((victim) => victim.evict(reason(victim), "room")));
        continue;
      }
      if (chooseWay(ways, others, policy) === undefined) throw doesNotFit(ledger, need, need.device === undefined ? "" : AFTER);
      const busy = others.filter((other) => other.busy).length;
      if (clock.now() >= patientUntil) throw doesNotFit(ledger, need, `, and ${busy} models that could go are busy`);
      await new Promise<void>((resolve) => clock.after(LOOK_AGAIN_MS, resolve));
    }
  }
}

/** With many models "free" is not all that could be had. */
const AFTER = ", and evicting what may go is not enough";

function inWords(ledger: Ledger, account: string, amount: number): string {
  return account === MODELS
    ? `room for ${amount === 1 ? "one model" : `${amount} models`}`
    : `${mebibytes(amount)} of ${ledger.title(account)}`;
}
