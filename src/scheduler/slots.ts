import type { Replica } from "../core/replica.ts";

interface Slot {
  readonly replica: Replica;
  /** Calls that it may be given besides those that it has. */
  free: number;
}

/** Replicas of one model, and how many more calls each may be given. A call is bound to a replica when there is a free slot, not before. */
export class Slots {
  readonly #slots = new Map<Replica, Slot>();
  /** Replicas that take as many rows as they have room for, and are asked first. */
  readonly #inline: Slot[] = [];

  /** Calls that the replicas outside of this process work on at once, all together. */
  get total(): number {
    let total = 0;
    for (const { credit, roomForRows } of this.#slots.keys()) if (roomForRows === undefined) total += credit;
    return total;
  }

  get ids(): string[] {
    return [...this.#slots.keys()].filter(({ roomForRows }) => roomForRows === undefined).map(({ id }) => id);
  }

  /** Replicas with a free slot that do not say how much room they have. */
  get free(): Replica[] {
    return [...this.#slots.values()]
      .filter(({ replica, free }) => free > 0 && replica.roomForRows === undefined)
      .map(({ replica }) => replica);
  }

  add(replica: Replica): void {
    const slot = { replica, free: replica.credit };
    this.#slots.set(replica, slot);
    if (replica.roomForRows !== undefined) this.#inline.push(slot);
  }

  delete(replica: Replica): void {
    const slot = this.#slots.get(replica);
    if (slot === undefined) return;
    this.#slots.delete(replica);
    const index = this.#inline.indexOf(slot);
    if (index >= 0) this.#inline.splice(index, 1);
  }

  take(replica: Replica): void {
    const slot = this.#slots.get(replica);
    if (slot !== undefined) slot.free--;
  }

  give(replica: Replica): void {
    const slot = this.#slots.get(replica);
    if (slot !== undefined) slot.free++;
  }

  /** Whether there are replicas that say how much room they have. */
  get hasInline(): boolean {
    return this.#inline.length > 0;
  }

  /** The one of these that has most room now. */
  roomiest(): { readonly replica: Replica; readonly rows: number } | undefined {
    let best: { replica: Replica; rows: number } | undefined;
    for (const { replica, free } of this.#inline) {
      const rows = free > 0 ? (replica.roomForRows?.() ?? 0) : 0;
      if (rows > (best?.rows ?? 0)) best = { replica, rows };
    }
    return best;
  }

  /** The least loaded of the others, besides one; undefined when none has a free slot. */
  freest(besides?: Replica): Replica | undefined {
    const slot = this.#leastLoaded(besides);
    return slot !== undefined && slot.free > 0 ? slot.replica : undefined;
  }

  /** The least loaded of the others, also when all of them have as many calls as they may. */
  leastLoaded(): Replica | undefined {
    return this.#leastLoaded()?.replica;
  }

  #leastLoaded(besides?: Replica): Slot | undefined {
    let best: Slot | undefined;
    for (const slot of this.#slots.values()) {
      if (slot.replica === besides || slot.replica.roomForRows !== undefined) continue;
      if (best === undefined || slot.free > best.free) best = slot;
    }
    return best;
  }
}
