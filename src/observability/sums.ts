import type { Labels } from "./families.ts";

/** A counter for each set of labels, as a sum of what events bring. */
export class Sums {
  readonly #sums = new Map<string, { readonly labels: Labels; value: number }>();

  add(labels: Labels, amount: number): void {
    const key = JSON.stringify(labels);
    const sum = this.#sums.get(key) ?? { labels, value: 0 };
    sum.value += amount;
    this.#sums.set(key, sum);
  }

  samples(): Iterable<{ readonly labels: Labels; readonly value: number }> {
    return this.#sums.values();
  }
}
