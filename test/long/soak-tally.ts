/** What became of the requests of each kind, and how long those took that were answered. */
export class Tally {
  readonly #outcomes = new Map<string, Map<string, number>>();
  readonly #durations = new Map<string, number[]>();

  add(kind: string, outcome: string, milliseconds: number): void {
    const outcomes = this.#outcomes.get(kind) ?? new Map<string, number>();
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    this.#outcomes.set(kind, outcomes);
    if (outcome !== "answered") return;
    const durations = this.#durations.get(kind) ?? [];
    durations.push(milliseconds);
    this.#durations.set(kind, durations);
  }

  total(outcome?: string): number {
    const each = [...this.#outcomes.values()].flatMap((outcomes) => [...outcomes]);
    return each.reduce((sum, [name, count]) => sum + (outcome === undefined || outcome === name ? count : 0), 0);
  }

  lines(): string[] {
    return [...this.#outcomes].sort().map(([kind, outcomes]) => {
      const durations = (this.#durations.get(kind) ?? []).sort((left, right) => left - right);
      const at = (share: number): string => (durations[Math.ceil(durations.length * share) - 1] ?? 0).toFixed(1);
      const counts = [...outcomes].sort().map(([outcome, count]) => `${outcome} ${count}`);
      const times = durations.length === 0 ? "" : `; p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms`;
      return `  ${kind}: ${counts.join(", ")}${times}`;
    });
  }
}

export function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}
