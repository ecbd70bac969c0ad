import type { Clock } from "../../core/clock.ts";

/**
 * What all models together may make the server's own process compute in one turn of the event loop, in predicted milliseconds. A
 * run begins at the end of the turn in which it was booked, or of the next one; a booking that has not run yet counts in both.
 */
export class InlineBudget {
  readonly #clock: Clock;
  readonly #limit: number;
  #spent = 0;
  #pending = 0;
  #runs = 0;
  #armed = false;

  /** @param limit milliseconds for each turn */
  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
  }

  /** Milliseconds that are left in this turn. */
  get left(): number {
    return Math.max(0, this.#limit - this.#spent);
  }

  get limit(): number {
    return this.#limit;
  }

  /** From the dispatch of a run on. */
  book(milliseconds: number): void {
    this.#spent += milliseconds;
    this.#pending += milliseconds;
    this.#runs++;
    this.#arm();
  }

  /** The run that was booked with as many milliseconds has ended. */
  ended(milliseconds: number): void {
    this.#runs--;
    // Sums of fractions come back to nothing only nearly.
    this.#pending = this.#runs === 0 ? 0 : Math.max(0, this.#pending - milliseconds);
  }

  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    this.#clock.afterTurn(this.#renew);
  }

  readonly #renew = (): void => {
    this.#armed = false;
    this.#spent = this.#pending;
    if (this.#runs > 0) this.#arm();
  };
}
