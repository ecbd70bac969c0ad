/** Part of a call's fixed cost that a batch may wait for those who come back. */
const PATIENCE = 0.5;
/** Milliseconds; a shorter wait is not worth a timer. */
const SHORTEST_WAIT = 1;
/** Part of those who were answered that must have come back lately for a batch to wait for them. Of requests that come at random, a busy replica sees about half. */
const LEAST_RETURNING = 0.75;
/** Weight of the newest observation. */
const WEIGHT = 0.3;

/**
 * Clients that send their next request when they have the answer to the last one come in two crowds that take turns: while one is
 * answered, the other waits, and each pays the whole fixed cost of a call. A moment's patience after an answer lets the crowds become
 * one. Whether they do come back is learned; where they do not, as with requests that come at random, nothing ever waits. Pure.
 */
export class Returns {
  /** Of the last answer, in clock milliseconds. */
  #answeredAt = Number.NEGATIVE_INFINITY;
  #answered = 0;
  #patience = 0;
  #arrived = 0;
  #ratio = 0;

  /** So many requests have been answered by a call whose fixed cost is known to be so many milliseconds. */
  answered(requests: number, fixedMs: number, now: number): void {
    this.#learn();
    this.#answeredAt = now;
    this.#answered = requests;
    this.#patience = PATIENCE * fixedMs;
    this.#arrived = 0;
  }

  arrived(now: number): void {
    if (now - this.#answeredAt <= this.#patience) this.#arrived++;
  }

  /** Clock milliseconds until which a batch should wait for those who are expected back; `now` or earlier for not at all. */
  waitUntil(now: number): number {
    const until = this.#answeredAt + this.#patience;
    if (this.#patience < SHORTEST_WAIT || now >= until || this.#ratio < LEAST_RETURNING) return now;
    return this.#arrived >= Math.floor(this.#ratio * this.#answered) ? now : until;
  }

  #learn(): void {
    if (this.#answered === 0) return;
    this.#ratio += WEIGHT * (Math.min(1, this.#arrived / this.#answered) - this.#ratio);
  }
}
