import type { Replica } from "../core/replica.ts";

interface Slot {
  readonly replica: Replica;
  calls: number;
  /** Requests in the calls that it has. */
  requests: number;
  streams: number;
  /** It gets nothing new but for the sequences whose state it has. */
  leaving: boolean;
}

/** Replicas of one model, and how many more calls each may be given. A call is bound to a replica when there is a free slot, not before. */
export class Slots {
  readonly #slots = new Map<Replica, Slot>();
  /** Replicas that take as many rows as they have room for, and are asked first. */
  readonly #inline: Slot[] = [];
  readonly #mostRequests: number;

  /** @param mostRequests that one replica outside of this process may have at once, calls and streams together */
  constructor(mostRequests = Number.POSITIVE_INFINITY) {
    this.#mostRequests = mostRequests;
  }

  /** Calls that the replicas outside of this process work on at once, all together. */
  get total(): number {
    let total = 0;
    for (const { replica, leaving } of this.#slots.values()) if (replica.roomForRows === undefined && !leaving) total += replica.credit;
    return total;
  }

  /** Replicas outside of this process that something new may be given to. */
  get count(): number {
    let count = 0;
    for (const { replica, leaving } of this.#slots.values()) if (replica.roomForRows === undefined && !leaving) count++;
    return count;
  }

  /** Of these replicas. */
  get ids(): string[] {
    return [...this.#slots.values()]
      .filter(({ replica, leaving }) => replica.roomForRows === undefined && !leaving)
      .map(({ replica }) => replica.id);
  }

  /** Of those that get nothing new. */
  get leavingIds(): string[] {
    return [...this.#slots.values()].filter(({ leaving }) => leaving).map(({ replica }) => replica.id);
  }

  /** Whether any replica outside of this process has a free slot, one that is leaving too. */
  get hasFree(): boolean {
    for (const slot of this.#slots.values()) if (slot.replica.roomForRows === undefined && this.#roomOf(slot) > 0) return true;
    return false;
  }

  /** Replicas outside of this process with a free slot. */
  get freeCount(): number {
    let count = 0;
    for (const slot of this.#slots.values()) if (slot.replica.roomForRows === undefined && !slot.leaving && this.#roomOf(slot) > 0) count++;
    return count;
  }

  /** The replica of that id when it has a free slot; also one that is leaving. */
  freeOf(id: string): Replica | undefined {
    for (const slot of this.#slots.values()) if (slot.replica.id === id && this.#roomOf(slot) > 0) return slot.replica;
    return undefined;
  }

  /** The replica of that id, whatever it does. */
  of(id: string): Replica | undefined {
    for (const { replica } of this.#slots.values()) if (replica.id === id) return replica;
    return undefined;
  }

  add(replica: Replica): void {
    const slot = { replica, calls: 0, requests: 0, streams: 0, leaving: false };
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

  leave(replica: Replica): void {
    const slot = this.#slots.get(replica);
    if (slot !== undefined) slot.leaving = true;
  }

  isLeaving(replica: Replica): boolean {
    return this.#slots.get(replica)?.leaving === true;
  }

  /** A call with so many requests. */
  take(replica: Replica, requests: number): void {
    this.#change(replica, 1, requests);
  }

  give(replica: Replica, requests: number): void {
    this.#change(replica, -1, -requests);
  }

  /** A stream holds no slot, but it is work. */
  changeStreams(replica: Replica, by: 1 | -1): void {
    const slot = this.#slots.get(replica);
    if (slot !== undefined) slot.streams += by;
  }

  /** It works on a call or a stream. */
  isBusy(replica: Replica): boolean {
    const slot = this.#slots.get(replica);
    return slot !== undefined && (slot.requests > 0 || slot.streams > 0);
  }

  /** Requests that the replica may be given in its next call; 0 when it has no free slot. */
  room(replica: Replica): number {
    const slot = this.#slots.get(replica);
    return slot === undefined ? 0 : this.#roomOf(slot);
  }

  /** Whether there are replicas that say how much room they have. */
  get hasInline(): boolean {
    return this.#inline.length > 0;
  }

  /** The one of these that has most room now. */
  roomiest(): { readonly replica: Replica; readonly rows: number } | undefined {
    let best: { replica: Replica; rows: number } | undefined;
    for (const slot of this.#inline) {
      const { replica } = slot;
      const rows = freeOf(slot) > 0 ? (replica.roomForRows?.() ?? 0) : 0;
      if (rows > (best?.rows ?? 0)) best = { replica, rows };
    }
    return best;
  }

  /** The least loaded of the others that can take so many requests, besides one; undefined when none has a free slot. */
  freest(besides?: Replica, requests = 1): Replica | undefined {
    return this.#leastLoaded(besides, (slot) => this.#roomOf(slot) >= requests)?.replica;
  }

  /** The least loaded of the others, also when all of them have as many calls as they may. */
  leastLoaded(): Replica | undefined {
    return this.#leastLoaded()?.replica;
  }

  /** For a stream: the least loaded of those that may have one more request. */
  freestForStream(): Replica | undefined {
    return this.#leastLoaded(undefined, ({ requests, streams }) => requests + streams < this.#mostRequests)?.replica;
  }

  /** Of those that are not ready one is asked only where all are: it says why. */
  #leastLoaded(besides?: Replica, isPossible: (slot: Slot) => boolean = () => true): Slot | undefined {
    let best: Slot | undefined;
    let unready: Slot | undefined;
    let isAnyReady = false;
    for (const slot of this.#slots.values()) {
      const { replica } = slot;
      if (replica.roomForRows !== undefined || slot.leaving) continue;
      const isReady = replica.readiness?.obstacle === undefined;
      isAnyReady ||= isReady;
      if (replica === besides || !isPossible(slot)) continue;
      const other = isReady ? best : unready;
      if (other !== undefined && freeOf(slot) - slot.streams <= freeOf(other) - other.streams) continue;
      if (isReady) best = slot;
      else unready = slot;
    }
    return isAnyReady ? best : unready;
  }

  #roomOf(slot: Slot): number {
    const { replica, requests, streams } = slot;
    if (freeOf(slot) <= 0) return 0;
    return replica.roomForRows === undefined ? this.#mostRequests - requests - streams : Number.POSITIVE_INFINITY;
  }

  #change(replica: Replica, calls: number, requests: number): void {
    const slot = this.#slots.get(replica);
    if (slot === undefined) return;
    slot.calls += calls;
    slot.requests += requests;
  }
}

/** Calls that it may be given besides those that it has; below 0 when it takes fewer than it did. */
function freeOf({ replica, calls }: Slot): number {
  return replica.credit - calls;
}
