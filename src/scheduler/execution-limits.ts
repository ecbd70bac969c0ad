import { closestNames } from "../core/closest.ts";
import { ServeError } from "../core/errors.ts";
import { DEFAULT_PRIORITY, type ExecutionLimits, type SchedulingSpec } from "../core/scheduling.ts";

/** A model whose calls hold resources. */
export interface HolderOptions {
  /** For messages. */
  readonly name: string;
  /** How much of each resource one call holds. */
  readonly needs: ExecutionLimits;
  /** At priority 2 a model's waiting counts half, at 3 a third, as in Triton's rate limiter. */
  readonly priority: number;
  /** It is this model's turn: `tryHold` succeeds if it is called before this returns. A model that does not gives up its turn. */
  readonly wake: () => void;
}

/** One model's access to the resources. */
export interface Holder {
  /** Takes all that one call needs, or nothing; then the model waits, and is woken when it may go. */
  tryHold(): boolean;
  /** A call has ended. */
  release(): void;
  /** The model has nothing to do any more: it waits no longer. */
  withdraw(): void;
}

/**
 * Named resources that calls of all models share. Who has waited longest, weighted by priority, goes first; what it needs is kept for it, and a
 * later one goes before it only if enough is left for all that are ahead. So some of a resource may lie idle while a model that needs much of
 * it waits for the rest: that is the price for never starving it. It is paid only on resources that it needs.
 */
export class ExecutionResources {
  readonly #now: () => number;
  readonly #limits: ExecutionLimits;
  readonly #names: readonly string[];
  readonly #free: number[];
  readonly #waiting = new Set<Claim>();
  /** The model that is being woken; undefined between turns, and when it has taken its own. */
  #turn: Claim | undefined;
  #waking = false;

  /** `now` gives clock milliseconds. */
  constructor(limits: ExecutionLimits, now: () => number) {
    this.#now = now;
    this.#limits = limits;
    this.#names = Object.keys(limits);
    this.#free = this.#names.map((name) => limits[name] as number);
  }

  /** What is not held of each resource. */
  get free(): ExecutionLimits {
    return Object.fromEntries(this.#names.map((name, index) => [name, this.#free[index] as number]));
  }

  /** @throws ServeError INVALID_ARGUMENT for an amount that is none, FAILED_PRECONDITION for one that there can never be */
  register(options: HolderOptions): Holder {
    const claim: Claim = { needs: this.#compile(options), weight: 1 / options.priority, wake: options.wake, since: 0 };
    let held = 0;
    return {
      tryHold: () => {
        if (!this.#tryHold(claim)) return false;
        held++;
        return true;
      },
      release: () => {
        if (held === 0) throw new ServeError("INTERNAL", `${options.name} releases what it does not hold`);
        held--;
        for (const [resource, amount] of claim.needs) this.#free[resource] = (this.#free[resource] as number) + amount;
        this.#wakeNext();
      },
      withdraw: () => {
        if (this.#waiting.delete(claim)) this.#wakeNext();
      },
    };
  }

  #compile({ name, needs }: HolderOptions): Needs {
    return Object.entries(needs).map(([resource, amount]) => {
      if (!Number.isSafeInteger(amount) || amount < 1) {
        throw new ServeError("INVALID_ARGUMENT", `${name} needs ${amount} of resource "${resource}"; expected a whole number from 1`);
      }
      const index = this.#names.indexOf(resource);
      if (index < 0) {
        const [near] = closestNames(resource, this.#names);
        throw new ServeError(
          "FAILED_PRECONDITION",
          `${name} needs ${amount} of resource "${resource}", and the server has none${near === undefined ? "" : `; there is "${near}"`}; ` +
            `name it in --execution-limits, such as ${resource}=${amount}`,
        );
      }
      const limit = this.#limits[resource] as number;
      if (amount > limit) {
        throw new ServeError(
          "FAILED_PRECONDITION",
          `${name} needs ${amount} of resource "${resource}", and the server has ${limit}; raise it in --execution-limits or lower the need`,
        );
      }
      return [index, amount];
    });
  }

  #tryHold(claim: Claim): boolean {
    // Asked once only: time passes, and with it the order changes.
    if (claim !== this.#turn && !this.#fits(claim)) {
      if (!this.#waiting.has(claim)) {
        claim.since = this.#now();
        this.#waiting.add(claim);
      }
      return false;
    }
    if (claim === this.#turn) this.#turn = undefined;
    this.#waiting.delete(claim);
    reserve(this.#free, claim);
    return true;
  }

  /** Whether enough is left for it after all that are ahead. */
  #fits(claim: Claim): boolean {
    if (this.#waiting.size === 0) return covers(this.#free, claim);
    const left = [...this.#free];
    for (const ahead of this.#inOrder()) {
      if (ahead === claim) break;
      reserve(left, ahead);
    }
    return covers(left, claim);
  }

  /** One at a time, as each may take what the next one hoped for. */
  #wakeNext(): void {
    if (this.#waking || this.#waiting.size === 0) return;
    this.#waking = true;
    try {
      for (let next = this.#next(); next !== undefined; next = this.#next()) {
        this.#turn = next;
        next.wake();
        // Whoever does not take its turn must not keep the others waiting.
        if (this.#turn === next) this.#waiting.delete(next);
      }
    } finally {
      this.#turn = undefined;
      this.#waking = false;
    }
  }

  /** The first one for which enough is left after all that are ahead. */
  #next(): Claim | undefined {
    const left = [...this.#free];
    for (const claim of this.#inOrder()) {
      if (covers(left, claim)) return claim;
      reserve(left, claim);
    }
    return undefined;
  }

  /** A wait grows without end and begins anew when the model has been served, so each model's turn comes whatever its priority. */
  #inOrder(): Claim[] {
    const now = this.#now();
    const weightOf = ({ since, weight }: Claim): number => (now - since) * weight;
    return [...this.#waiting].sort((one, other) => weightOf(other) - weightOf(one));
  }
}

/** Index of a resource, and how much of it. */
type Needs = readonly (readonly [number, number])[];

interface Claim {
  readonly needs: Needs;
  readonly weight: number;
  readonly wake: () => void;
  /** Clock milliseconds. */
  since: number;
}

function covers(left: readonly number[], { needs }: Claim): boolean {
  return needs.every(([resource, amount]) => (left[resource] as number) >= amount);
}

function reserve(left: number[], { needs }: Claim): void {
  for (const [resource, amount] of needs) left[resource] = (left[resource] as number) - amount;
}

/**
 * What each call of a model holds of the machine's resources; undefined when it needs none. `wake` is called when there may be more.
 * @throws ServeError FAILED_PRECONDITION for needs that can never be met
 */
export function registerNeeds(
  {
    rules = {},
    resources,
    name = "the model",
  }: { readonly rules?: SchedulingSpec; readonly resources?: ExecutionResources; readonly name?: string },
  wake: () => void,
): Holder | undefined {
  const { resources: needs, priority: ofRequests = DEFAULT_PRIORITY, resourcePriority: priority = ofRequests } = rules;
  if (needs === undefined || Object.keys(needs).length === 0) return undefined;
  return (resources ?? new ExecutionResources({}, () => 0)).register({ name, needs, priority, wake });
}
