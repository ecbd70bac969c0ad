import { descendants } from "./soak-processes.ts";

/** For so long after a kill its models may say that they are not there: the longest wait for a restart here, and a start. */
const EXCUSED_MS = 20_000;
/** A host that lived so long does not count as one that keeps dying. */
const STABLE_MS = 61_000;
/** Deaths in a row of one model; the server gives a model up after seven. */
const MOST_IN_A_ROW = 3;

/** Ends hosts at random and remembers when. */
export class Kills {
  readonly #last = new Map<string, number>();
  readonly #inARow = new Map<string, number>();
  readonly #server: { readonly url: string; readonly pid: number };
  readonly #models: readonly string[];
  count = 0;

  constructor(server: { readonly url: string; readonly pid: number }, models: readonly string[]) {
    this.#server = server;
    this.#models = models;
  }

  isExcused(model: string): boolean {
    return Date.now() - (this.#last.get(model) ?? Number.NEGATIVE_INFINITY) < EXCUSED_MS;
  }

  /** The hosts that live now, by model. */
  async hosts(): Promise<Map<string, number>> {
    const found = new Map<string, number>();
    for (const model of this.#models) {
      const response = await fetch(`${this.#server.url}/nitrous/models/${model}`);
      const { hostPid } = (await response.json()) as { hostPid?: number };
      if (hostPid !== undefined) found.set(model, hostPid);
    }
    return found;
  }

  async kill(random: () => number): Promise<void> {
    const hosts = [...(await this.hosts())].filter(([model]) => this.#canDie(model));
    const victim = hosts[Math.floor(random() * hosts.length)]?.[1];
    // A host may have ended since, and another process may have its number.
    if (victim === undefined || !descendants(this.#server.pid).some(({ pid }) => pid === victim)) return;
    for (const [model, pid] of hosts) if (pid === victim) this.#remember(model);
    process.kill(victim, "SIGKILL");
    this.count++;
  }

  #canDie(model: string): boolean {
    return (this.#inARow.get(model) ?? 0) < MOST_IN_A_ROW || this.#isStable(model);
  }

  #isStable(model: string): boolean {
    return Date.now() - (this.#last.get(model) ?? 0) > STABLE_MS;
  }

  #remember(model: string): void {
    this.#inARow.set(model, this.#isStable(model) ? 1 : (this.#inARow.get(model) ?? 0) + 1);
    this.#last.set(model, Date.now());
  }
}
