/** Slots of replicas, each empty or with one sequence. */
export class SequencePlaces<Sequence> {
  readonly #perReplica: number;
  readonly #slots = new Map<string, (Sequence | undefined)[]>();
  readonly #used = new Map<string, number>();

  /** @param perReplica slots that each replica has */
  constructor(perReplica: number) {
    this.#perReplica = perReplica;
  }

  /** Slots of the replica that have a sequence. */
  used(replica: string): number {
    return this.#used.get(replica) ?? 0;
  }

  /** What is in the replica's slots, up to the last one that was ever used. */
  of(replica: string): ReadonlyArray<Sequence | undefined> {
    return this.#slots.get(replica) ?? [];
  }

  /** The first free slot of the replica that has the fewest sequences, and of several of the first; undefined when all are full. */
  take(replicas: readonly string[], sequence: Sequence): { readonly replica: string; readonly slot: number } | undefined {
    let best: string | undefined;
    let fewest = this.#perReplica;
    for (const replica of replicas) {
      const used = this.used(replica);
      if (used >= fewest) continue;
      fewest = used;
      best = replica;
    }
    if (best === undefined) return undefined;
    const slots = this.#slots.get(best) ?? [];
    this.#slots.set(best, slots);
    const empty = slots.indexOf(undefined);
    const slot = empty < 0 ? slots.length : empty;
    slots[slot] = sequence;
    this.#used.set(best, fewest + 1);
    return { replica: best, slot };
  }

  give({ replica, slot }: { readonly replica: string; readonly slot: number }): void {
    const slots = this.#slots.get(replica);
    if (slots?.[slot] === undefined) return;
    slots[slot] = undefined;
    this.#used.set(replica, this.used(replica) - 1);
  }

  /** The replica is gone; returns the sequences that were there. */
  remove(replica: string): Sequence[] {
    const sequences = this.of(replica).filter((sequence) => sequence !== undefined);
    this.#slots.delete(replica);
    this.#used.delete(replica);
    return sequences;
  }
}
