import type { Clock } from "../core/clock.ts";

type Task = () => void;

/** Milliseconds of one turn of the event loop. */
const SLICE = 2;

/** Tasks in the order in which they come, only a slice of each turn of the event loop: requests are answered in between. */
export class PacedWork {
  readonly #clock: Clock;
  readonly #waiting: Task[] = [];
  /** Of this turn's slice; undefined when nothing has run in this turn. */
  #end: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Now, unless others wait or this turn's slice is over. */
  run(task: Task): void {
    this.#begin();
    if (this.#waiting.length === 0 && this.#clock.now() < (this.#end as number)) task();
    else this.#waiting.push(task);
  }

  /** After this turn. */
  later(task: Task): void {
    this.#begin();
    this.#waiting.push(task);
  }

  /** Settles when all that waits by now has run. */
  rest(): Promise<void> {
    return new Promise((resolve) => this.run(resolve));
  }

  #begin(): void {
    if (this.#end !== undefined) return;
    this.#end = this.#clock.now() + SLICE;
    this.#clock.afterTurn(() => this.#nextTurn());
  }

  #nextTurn(): void {
    this.#end = undefined;
    if (this.#waiting.length === 0) return;
    this.#begin();
    // What these tasks add waits for another turn.
    for (let left = this.#waiting.length; left > 0; left--) {
      this.#waiting.shift()?.();
      if (this.#clock.now() >= (this.#end ?? 0)) return;
    }
  }
}
