/** What something takes of each account: bytes of "memory", one of "models", bytes of "namespace team" and of "device 0". */
export type Amounts = Readonly<Record<string, number>>;

/** A part of the budgets that somebody holds. */
export interface Reservation {
  readonly amounts: Amounts;
  /** An estimate becomes a measurement, which may be more than is free. */
  resize(account: string, amount: number): void;
  release(): void;
}

/** Keeps account of what hosts may use together: nothing is started that does not fit. Accounts without a budget are not limited. */
export class Ledger {
  readonly budgets: Amounts;
  readonly #titles: Readonly<Record<string, string>>;
  readonly #reserved = new Map<string, number>();

  /** @param titles what people call accounts, where that is not their name */
  constructor(budgets: Amounts, titles: Readonly<Record<string, string>> = {}) {
    this.budgets = budgets;
    this.#titles = titles;
  }

  /** For people. */
  title(account: string): string {
    return this.#titles[account] ?? account;
  }

  reserved(account: string): number {
    return this.#reserved.get(account) ?? 0;
  }

  /** What is not reserved of a budget; below zero when measurements turned out larger than their estimates. */
  free(account: string): number {
    return (this.budgets[account] ?? Number.POSITIVE_INFINITY) - this.reserved(account);
  }

  /** By account how much more than is free the amounts are; empty when they fit. */
  lacking(amounts: Amounts): Amounts {
    return positive(amounts, (account, amount) => amount - this.free(account));
  }

  /** By account how much the amounts are above the whole budget; empty when they would fit on an empty machine. */
  excess(amounts: Amounts): Amounts {
    return positive(amounts, (account, amount) => amount - (this.budgets[account] ?? Number.POSITIVE_INFINITY));
  }

  /** Undefined when the amounts do not fit. */
  reserve(amounts: Amounts): Reservation | undefined {
    if (Object.keys(this.lacking(amounts)).length > 0) return undefined;
    const held = new Map(Object.entries(amounts));
    for (const [account, amount] of held) this.#add(account, amount);
    return {
      get amounts() {
        return Object.fromEntries(held);
      },
      resize: (account, amount) => {
        const before = held.get(account);
        if (before === undefined) return;
        this.#add(account, amount - before);
        held.set(account, amount);
      },
      release: () => {
        for (const [account, amount] of held) this.#add(account, -amount);
        held.clear();
      },
    };
  }

  #add(account: string, amount: number): void {
    this.#reserved.set(account, this.reserved(account) + amount);
  }
}

function positive(amounts: Amounts, of: (account: string, amount: number) => number): Amounts {
  const entries = Object.entries(amounts).map(([account, amount]) => [account, of(account, amount)] as const);
  return Object.fromEntries(entries.filter(([, amount]) => amount > 0));
}
