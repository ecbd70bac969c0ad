import type { ServeError } from "../core/errors.ts";
import { SequencePlaces } from "./sequence-places.ts";
import { neverBegun, replicaGone, wasGivenUp } from "./sequence-refusals.ts";

/** A request of a sequence: it waits until all before it have been answered. */
export interface Turn {
  /** Integers as bigint. */
  readonly id: string | bigint;
  readonly start: boolean;
  readonly end: boolean;
}

export interface Sequence<T extends Turn> {
  readonly id: string | bigint;
  /** Undefined in the backlog. */
  place: Place | undefined;
  /** In their order. */
  readonly waiting: T[];
  running: T | undefined;
  /** Its next request must begin it anew. */
  closed: boolean;
  /** Its replica has been given a request of it, and no end. */
  hasState: boolean;
}

/** A replica's id, and one of its slots. */
export interface Place {
  readonly replica: string;
  readonly slot: number;
}

export interface SequenceTableOptions<T extends Turn> {
  /** The model's name, for messages. */
  readonly model: string;
  /** Sequences that one replica has at once. */
  readonly perReplica: number;
  /** Milliseconds without any request after which a sequence ends by itself. */
  readonly idleMs: number;
  /** A request that waited will never run. */
  readonly onFailed: (turn: T, reason: ServeError) => void;
  /** A replica need not keep the state of a sequence any more. */
  readonly onForgotten: (replica: string, id: string | bigint) => void;
}

/** Sequences whose clients are told what became of them. */
const MOST_BROKEN = 4096;

/**
 * Sequences that are open: each has a slot of a replica from its start to its end, or waits in the backlog for one, first come first
 * served. A sequence ends with its END, after a while without any request, with its replica, or when one of its requests is given up: the
 * model would lack it. Its requests go one by one. An id is in one place at a time: a sequence that begins after another one of its id waits
 * until that has ended, and then behind all others that wait.
 */
export class SequenceTable<T extends Turn> {
  readonly #options: SequenceTableOptions<T>;
  readonly #places: SequencePlaces<Sequence<T>>;
  readonly #sequences = new Map<string | bigint, Sequence<T>>();
  readonly #backlog = new Set<Sequence<T>>();
  /** Those without any request, by since when: the one that is so for longest first. */
  readonly #idle = new Map<Sequence<T>, number>();
  /** Why sequences have ended before their END, until they begin anew or their clients are late. */
  readonly #broken = new Map<string | bigint, { readonly reason: ServeError; readonly since: number }>();

  constructor(options: SequenceTableOptions<T>) {
    this.#options = options;
    this.#places = new SequencePlaces(options.perReplica);
  }

  /** Sequences that are open, with those that wait for a slot. */
  get size(): number {
    return this.#sequences.size;
  }

  /** Whether a sequence of this id is open. */
  has(id: string | bigint): boolean {
    return this.#sequences.has(id);
  }

  /** Sequences that wait for a slot. */
  get backlog(): number {
    return this.#backlog.size;
  }

  /** Sequences that have a slot of the replica. */
  openOn(replica: string): number {
    return this.#places.used(replica);
  }

  /** Clock milliseconds at which the next sequence ends by itself; Infinity for never. */
  get expiresAt(): number {
    const [longest] = this.#idle.values();
    return longest === undefined ? Number.POSITIVE_INFINITY : longest + this.#options.idleMs;
  }

  /**
   * A request has come. It waits. One that begins a sequence which is open begins it anew where it is, but not on a replica that is
   * leaving, if nothing of it is there any more.
   * @throws ServeError INVALID_ARGUMENT for one of a sequence that has not begun, ABORTED for one that has broken off
   */
  arrive(turn: T, leaving: readonly string[], now: number): void {
    this.expire(now);
    let sequence = this.#sequences.get(turn.id);
    if (!turn.start && (sequence === undefined || sequence.closed)) {
      throw this.#broken.get(turn.id)?.reason ?? neverBegun(turn.id, this.#options.model);
    }
    this.#broken.delete(turn.id);
    if (sequence !== undefined && turn.start && this.#idle.has(sequence) && leaving.includes(sequence.place?.replica ?? "")) {
      this.#remove(sequence);
      sequence = undefined;
    }
    if (sequence === undefined) {
      sequence = { id: turn.id, place: undefined, waiting: [], running: undefined, closed: false, hasState: false };
      this.#sequences.set(turn.id, sequence);
      this.#backlog.add(sequence);
    }
    this.#idle.delete(sequence);
    sequence.waiting.push(turn);
    sequence.closed = turn.end;
  }

  /** Gives slots of these replicas to sequences in the backlog. */
  place(replicas: readonly string[]): void {
    for (const sequence of this.#backlog) {
      const place = this.#places.take(replicas, sequence);
      if (place === undefined) return;
      sequence.place = place;
      this.#backlog.delete(sequence);
    }
  }

  /** Sequences of the replica, by slot, that have a request which may run now. */
  *ready(replica: string): Generator<Sequence<T>> {
    for (const sequence of this.#places.of(replica)) {
      if (sequence?.running === undefined && sequence !== undefined && sequence.waiting.length > 0) yield sequence;
    }
  }

  /** Requests of the replica's sequences that run. */
  *running(replica: string): Generator<T> {
    for (const sequence of this.#places.of(replica)) if (sequence?.running !== undefined) yield sequence.running;
  }

  /** The first request that waits runs from now on. */
  begin(sequence: Sequence<T>): void {
    sequence.running = sequence.waiting.shift();
    sequence.hasState = true;
  }

  /** A request that ran has been answered, well or not. One that does not run is nothing to it. */
  finish(turn: T, now: number): void {
    const sequence = this.#sequences.get(turn.id);
    if (sequence?.running !== turn) return;
    sequence.running = undefined;
    if (turn.end) sequence.hasState = false;
    if (turn.end || sequence.place === undefined) this.#leavePlace(sequence);
    this.#rest(sequence, now);
  }

  /** Nobody waits for the request any more, and the sequence cannot go on without it. */
  giveUp(turn: T, now: number): void {
    const sequence = this.#sequences.get(turn.id);
    if (sequence === undefined) return;
    const index = sequence.waiting.indexOf(turn);
    if (index < 0 && sequence.running !== turn) return;
    if (index >= 0) sequence.waiting.splice(index, 1);
    this.#breakOff(sequence, Math.max(0, index), turn.end, wasGivenUp(turn.id), now);
    this.#rest(sequence, now);
  }

  /** The replica is gone, and with it the state of its sequences. */
  lose(replica: string, now: number): void {
    const lost = this.#places.remove(replica);
    for (const sequence of lost) {
      sequence.place = undefined;
      sequence.hasState = false;
      this.#breakOff(sequence, 0, sequence.running?.end === true, replicaGone(sequence.id), now);
      this.#rest(sequence, now);
    }
  }

  /** Ends the sequences that have been without a request for too long. */
  expire(now: number): void {
    const { idleMs } = this.#options;
    for (const [sequence, since] of this.#idle) {
      if (now - since < idleMs) break;
      this.#remove(sequence);
    }
    for (const [id, { since }] of this.#broken) {
      if (now - since < idleMs && this.#broken.size <= MOST_BROKEN) break;
      this.#broken.delete(id);
    }
  }

  /** Nothing waits any more; what runs goes on. Those that waited fail with the reason. */
  rejectWaiting(reason: ServeError, now: number): void {
    for (const sequence of [...this.#sequences.values()]) {
      if (sequence.waiting.length === 0) continue;
      for (const turn of sequence.waiting.splice(0)) this.#options.onFailed(turn, reason);
      sequence.closed = true;
      this.#rest(sequence, now);
    }
  }

  /** What waits from a place on fails, up to the next beginning; when there is none, its client is told unless it knows (`isOver`). */
  #breakOff(sequence: Sequence<T>, from: number, isOver: boolean, reason: ServeError, now: number): void {
    const { waiting, id } = sequence;
    let count = 0;
    while (from + count < waiting.length && waiting[from + count]?.start === false) count++;
    const dropped = waiting.splice(from, count);
    if (from === waiting.length) {
      const last = dropped.at(-1);
      if (!(last === undefined ? isOver : last.end)) this.#broken.set(id, { reason, since: now });
      sequence.closed = true;
    }
    for (const turn of dropped) this.#options.onFailed(turn, reason);
  }

  /** After something has ended in it: it goes on, waits for its next request, or is over. */
  #rest(sequence: Sequence<T>, now: number): void {
    if (sequence.running !== undefined) return;
    if (sequence.waiting.length > 0) {
      if (sequence.place === undefined) this.#backlog.add(sequence);
      return;
    }
    if (sequence.closed) this.#remove(sequence);
    else this.#idle.set(sequence, now);
  }

  #remove(sequence: Sequence<T>): void {
    this.#leavePlace(sequence);
    this.#sequences.delete(sequence.id);
    this.#backlog.delete(sequence);
    this.#idle.delete(sequence);
  }

  #leavePlace(sequence: Sequence<T>): void {
    const { place, hasState, id } = sequence;
    sequence.place = undefined;
    sequence.hasState = false;
    if (place === undefined) return;
    this.#places.give(place);
    if (hasState) this.#options.onForgotten(place.replica, id);
  }
}
