import type { Clock } from "../core/clock.ts";
import { ServeError } from "../core/errors.ts";
import type { Replica } from "../core/replica.ts";
import { type Entry, failEntry } from "./entry.ts";
import type { FairQueue } from "./fair-queue.ts";
import type { Slots } from "./slots.ts";

/** Milliseconds between two looks at whether sequences have ended by themselves. */
const LOOK_MS = 1_000;

/** Which replicas have the state of sequences. */
export interface OpenSequences {
  /** Sequences whose state a replica has. */
  openOn(replica: string): number;
  /** Ends those that have been idle for too long. */
  expire(now: number): void;
  /** The replica is gone. */
  lose(replica: string): void;
}

/** How replicas go: those that finish what they have and get nothing new, and those that are gone. */
export class Departures {
  readonly #clock: Clock;
  readonly #slots: Slots;
  readonly #queue: FairQueue<Entry>;
  readonly #sequences: OpenSequences;
  readonly #leaving = new Map<Replica, () => void>();

  constructor(clock: Clock, slots: Slots, queue: FairQueue<Entry>, sequences: OpenSequences) {
    this.#clock = clock;
    this.#slots = slots;
    this.#queue = queue;
    this.#sequences = sequences;
  }

  /** Clock milliseconds at which to look again; Infinity when nobody leaves. */
  get lookAt(): number {
    return this.#leaving.size === 0 ? Number.POSITIVE_INFINITY : this.#clock.now() + LOOK_MS;
  }

  /** Settles when the replica has answered its calls and streams, and its sequences have ended. */
  begin(replica: Replica): Promise<void> {
    this.#slots.leave(replica);
    return new Promise((resolve) => this.#leaving.set(replica, resolve));
  }

  /** The replica is gone, and with it the state of its sequences. */
  lose(replica: Replica): void {
    this.#slots.delete(replica);
    this.#finish(replica);
    this.#sequences.lose(replica.id);
    for (const entry of [...this.#queue]) {
      if (entry.replica !== replica.id) continue;
      this.#queue.remove(entry);
      failEntry(entry, new ServeError("ABORTED", "the replica that had the state of the sequence is gone; begin the sequence again"));
    }
  }

  /** To be called when something has ended. */
  look(): void {
    if (this.#leaving.size === 0) return;
    this.#sequences.expire(this.#clock.now());
    for (const replica of [...this.#leaving.keys()]) if (!this.#hasWork(replica)) this.#finish(replica);
  }

  #finish(replica: Replica): void {
    this.#leaving.get(replica)?.();
    this.#leaving.delete(replica);
  }

  #hasWork(replica: Replica): boolean {
    if (this.#slots.isBusy(replica) || this.#sequences.openOn(replica.id) > 0) return true;
    for (const entry of this.#queue) if (entry.replica === replica.id) return true;
    return false;
  }
}
