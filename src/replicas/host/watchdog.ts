import type { Clock } from "../../core/clock.ts";

/** A call that a host works on. */
export interface WatchedCall {
  /** Nobody waits for it any more: the host has its patience to end it. */
  givenUp(): void;
  answered(): void;
}

/**
 * Ends a host that does not answer: nobody may wait for its calls any more, yet they keep all others out. A call that somebody waits
 * for is never too long; the request's own deadline says when that is over.
 */
export class Watchdog {
  readonly #clock: Clock;
  readonly #patience: number;
  readonly #onStuck: (how: string) => void;
  readonly #timers = new Set<() => void>();
  #wanted = 0;

  /** `patience` in milliseconds. */
  constructor(clock: Clock, patience: number, onStuck: (how: string) => void) {
    this.#clock = clock;
    this.#patience = patience;
    this.#onStuck = onStuck;
  }

  begin(): WatchedCall {
    let state: "wanted" | "given up" | "answered" = "wanted";
    let cancel = (): void => undefined;
    this.#wanted++;
    return {
      givenUp: () => {
        if (state !== "wanted") return;
        state = "given up";
        this.#wanted--;
        cancel = this.#after(() => this.#onStuck(`did not end a call within ${this.#patience / 1000} s after it had been given up`));
      },
      answered: () => {
        if (state === "wanted") this.#wanted--;
        state = "answered";
        cancel();
      },
    };
  }

  /** A ping has been sent; the returned function is for when it is answered. A host that works on a wanted call may be silent. */
  ping(): () => void {
    let cancel = (): void => undefined;
    let heard = false;
    const wait = (): void => {
      cancel = this.#after(() => {
        if (heard) return;
        if (this.#wanted > 0) wait();
        else this.#onStuck(`did not answer a ping within ${this.#patience / 1000} s`);
      });
    };
    wait();
    return () => {
      heard = true;
      cancel();
    };
  }

  /** Nothing is expected of the host any more. */
  stop(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  #after(callback: () => void): () => void {
    const cancel = this.#clock.after(this.#patience, () => {
      this.#timers.delete(cancel);
      callback();
    });
    this.#timers.add(cancel);
    return () => {
      this.#timers.delete(cancel);
      cancel();
    };
  }
}
