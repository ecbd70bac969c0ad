import type { Clock } from "../src/core/clock.ts";

/** Time that stands still until a test moves it. */
export class FakeClock implements Clock {
  #now = 0;
  #timers: Array<{ readonly at: number; readonly callback: () => void }> = [];
  #turn: Array<() => void> = [];

  now(): number {
    return this.#now;
  }

  after(delay: number, callback: () => void): () => void {
    const timer = { at: this.#now + delay, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  afterTurn(callback: () => void): void {
    this.#turn.push(callback);
  }

  /** Ends the turn of the event loop, and lets promises settle. */
  async turn(): Promise<void> {
    const callbacks = this.#turn;
    this.#turn = [];
    for (const callback of callbacks) callback();
    await settle();
  }

  async advance(milliseconds: number): Promise<void> {
    this.#now += milliseconds;
    const due = this.#timers.filter(({ at }) => at <= this.#now);
    this.#timers = this.#timers.filter(({ at }) => at > this.#now);
    for (const { callback } of due) callback();
    await settle();
  }

  /** Callbacks for the end of this turn. */
  get waiting(): number {
    return this.#turn.length;
  }

  get timers(): number {
    return this.#timers.length;
  }
}

export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
