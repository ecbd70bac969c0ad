import type { Clock } from "../src/core/clock.ts";

/** Time that runs from one timer to the next as fast as the work between them allows. */
export class SimulatedClock implements Clock {
  #now = 0;
  #timers: Array<{ readonly at: number; readonly callback: () => void }> = [];

  now(): number {
    return this.#now;
  }

  after(delay: number, callback: () => void): () => void {
    const timer = { at: this.#now + delay, callback };
    // Most timers are the latest, or nearly.
    let index = this.#timers.length;
    while (index > 0 && (this.#timers[index - 1] as { at: number }).at > timer.at) index--;
    this.#timers.splice(index, 0, timer);
    return () => {
      const place = this.#timers.indexOf(timer);
      if (place >= 0) this.#timers.splice(place, 1);
    };
  }

  afterTurn(callback: () => void): void {
    setImmediate(callback);
  }

  /** Everything up to a moment, in its order. */
  async runUntil(moment: number): Promise<void> {
    for (;;) {
      await turn();
      const next = this.#timers[0];
      if (next === undefined || next.at > moment) break;
      this.#timers.shift();
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    this.#now = Math.max(this.#now, moment);
  }
}

/** Promises that are settled are handled. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
