import type { Clock } from "../core/clock.ts";

/** One timer for any number of deadlines: armed for the earliest, and re-armed for what is left when it fires. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #expire: () => number;
  #armedFor = Number.POSITIVE_INFINITY;
  #cancel: (() => void) | undefined;

  /** `expire` gives up what is over and returns the earliest deadline of the rest, or Infinity. */
  constructor(clock: Clock, expire: () => number) {
    this.#clock = clock;
    this.#expire = expire;
  }

  watch(deadline: number): void {
    if (deadline >= this.#armedFor) return;
    this.stop();
    if (deadline === Number.POSITIVE_INFINITY) return;
    this.#armedFor = deadline;
    this.#cancel = this.#clock.after(Math.max(0, deadline - this.#clock.now()), () => {
      this.#armedFor = Number.POSITIVE_INFINITY;
      this.#cancel = undefined;
      this.watch(this.#expire());
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#armedFor = Number.POSITIVE_INFINITY;
  }
}
