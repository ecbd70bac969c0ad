import type { Cancellation } from "../../core/cancellation.ts";

/** How many requests each step of an ensemble may have under way, those of all clients together. */
export class StepLimits {
  readonly #most: number;
  readonly #running = new Map<number, number>();
  readonly #waiting = new Map<number, Array<() => void>>();

  /** @param most 0 for any number */
  constructor(most: number) {
    this.#most = most;
  }

  /** Answers of a decoupled step that may be on their way through the steps behind it. */
  ahead(otherwise: number): number {
    return this.#most === 0 ? otherwise : Math.min(this.#most, otherwise);
  }

  /** Undefined when there is a place, which is taken; else settles when there is, or rejects with why nobody waits any more. */
  take(step: number, cancellation: Cancellation): Promise<void> | undefined {
    const running = this.#running.get(step) ?? 0;
    if (this.#most > 0 && running >= this.#most) return this.#turn(step, cancellation);
    this.#running.set(step, running + 1);
    return undefined;
  }

  /** The place goes straight to the one that has waited for longest. */
  give(step: number): void {
    const next = this.#waiting.get(step)?.shift();
    if (next === undefined) this.#running.set(step, (this.#running.get(step) ?? 1) - 1);
    else next();
  }

  #turn(step: number, cancellation: Cancellation): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(step) ?? [];
      this.#waiting.set(step, waiting);
      waiting.push(resolve);
      cancellation.onAbort((reason) => {
        const place = waiting.indexOf(resolve);
        if (place < 0) return;
        waiting.splice(place, 1);
        reject(reason);
      });
    });
  }
}
