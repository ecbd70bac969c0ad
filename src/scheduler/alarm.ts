import type { Clock } from "../core/clock.ts";

/** One timer for any number of moments: set for the earliest, and set again for what is left when it rings. */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => number;
  #setFor = Number.POSITIVE_INFINITY;
  #cancel: (() => void) | undefined;

  /** `ring` does what is due and returns the earliest moment of the rest, in clock milliseconds, or Infinity. */
  constructor(clock: Clock, ring: () => number) {
    this.#clock = clock;
    this.#ring = ring;
  }

  watch(moment: number): void {
    if (moment >= this.#setFor) return;
    this.stop();
    if (moment === Number.POSITIVE_INFINITY) return;
    this.#setFor = moment;
    this.#cancel = this.#clock.after(Math.max(0, moment - this.#clock.now()), () => {
      this.#setFor = Number.POSITIVE_INFINITY;
      this.#cancel = undefined;
      this.watch(this.#ring());
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#setFor = Number.POSITIVE_INFINITY;
  }
}
