import { ServeError } from "../core/errors.ts";
import type { ReplicaCall } from "../core/replica.ts";

/** As in Triton's sequence extension: text, or an unsigned integer of 64 bits. 1 and "1" are two sequences, 1 and 1n are one. */
export type SequenceId = string | number | bigint;

export interface SequenceFlags {
  readonly start: boolean;
  readonly end: boolean;
}

export interface SequenceLimits {
  /** Sequences that may be open at once. */
  readonly maxSequences: number;
  /** Milliseconds after its last request at which a sequence ends by itself. */
  readonly idleMs: number;
}

interface Sequence {
  readonly replica: string;
  /** Clock milliseconds. */
  usedAt: number;
}

const LONGEST_ID = 128;
const LARGEST_ID = 2n ** 64n - 1n;

/** Which replica has the state of which sequence. */
export class Sequences {
  readonly #limits: SequenceLimits;
  /** The one that was used longest ago first. */
  readonly #open = new Map<string | bigint, Sequence>();
  readonly #load = new Map<string, number>();

  constructor(limits: SequenceLimits) {
    this.#limits = limits;
  }

  /** Sequences that are open. */
  get size(): number {
    return this.#open.size;
  }

  /**
   * The replica that a request of the sequence belongs to: at its start the one with the fewest sequences, and of several the first; then the
   * same one until its end. A start of an open sequence begins it anew where it is. `replicas` are the ids of those that run, `leaving` of
   * those that also run and get no new sequence; `now` is in clock milliseconds.
   * @throws ServeError INVALID_ARGUMENT for what is no id, FAILED_PRECONDITION for a sequence that is not open, ABORTED when its replica
   * is gone, RESOURCE_EXHAUSTED when too many are open, UNAVAILABLE when no replica runs
   */
  assign(
    id: SequenceId,
    { start, end }: SequenceFlags,
    { replicas, leaving = [] }: { readonly replicas: readonly string[]; readonly leaving?: readonly string[] },
    now: number,
  ): string {
    const key = keyOf(id);
    this.expire(now);
    let sequence = this.#open.get(key);
    const isGone = sequence !== undefined && !replicas.includes(sequence.replica) && !leaving.includes(sequence.replica);
    if (sequence !== undefined && (isGone || (start && leaving.includes(sequence.replica)))) {
      this.#close(key);
      if (!start) {
        throw new ServeError("ABORTED", `the replica that had the state of sequence ${show(id)} is gone; begin the sequence again`);
      }
      sequence = undefined;
    }
    if (sequence === undefined) {
      if (!start) throw notOpen(id, this.#limits.idleMs);
      sequence = { replica: this.#place(replicas), usedAt: now };
      this.#load.set(sequence.replica, (this.#load.get(sequence.replica) ?? 0) + 1);
    }
    sequence.usedAt = now;
    // Deleted first, or it would keep its place in the order.
    this.#open.delete(key);
    this.#open.set(key, sequence);
    if (end) this.#close(key);
    return sequence.replica;
  }

  /** The replica that has the state of the call's sequence, if it is of one. @throws ServeError as {@link assign} does */
  replicaOf(
    call: ReplicaCall,
    { ids, leavingIds }: { readonly ids: readonly string[]; readonly leavingIds: readonly string[] },
    now: number,
  ) {
    const sequence = sequenceOf(call);
    return sequence && this.assign(sequence.id, sequence, { replicas: ids, leaving: leavingIds }, now);
  }

  /** Sequences whose state a replica has. */
  openOn(replica: string): number {
    return this.#load.get(replica) ?? 0;
  }

  /** Ends a sequence whose last request will never come; one that is not open is nothing to it. */
  end(id: SequenceId): void {
    this.#close(keyOf(id));
  }

  /** Ends the sequences that have been idle for too long; returns their ids, integers as bigint. */
  expire(now: number): (string | bigint)[] {
    const ended: (string | bigint)[] = [];
    for (const [key, { usedAt }] of this.#open) {
      if (now - usedAt < this.#limits.idleMs) break;
      ended.push(key);
      this.#close(key);
    }
    return ended;
  }

  /** The replica is gone, and with it the state of its sequences; returns the ids of those that have ended. */
  lose(replica: string): (string | bigint)[] {
    const ended: (string | bigint)[] = [];
    if (!this.#load.has(replica)) return ended;
    for (const [key, sequence] of this.#open) {
      if (sequence.replica !== replica) continue;
      ended.push(key);
      this.#close(key);
    }
    return ended;
  }

  #place(replicas: readonly string[]): string {
    if (this.#open.size >= this.#limits.maxSequences) {
      throw new ServeError(
        "RESOURCE_EXHAUSTED",
        `the model has ${this.#open.size} sequences open, and no more are allowed at once; end one with sequence_end, or try again later`,
        { retryAfter: 1 },
      );
    }
    let best: string | undefined;
    let fewest = Number.POSITIVE_INFINITY;
    for (const replica of replicas) {
      const load = this.#load.get(replica) ?? 0;
      if (load >= fewest) continue;
      fewest = load;
      best = replica;
    }
    if (best === undefined) throw new ServeError("UNAVAILABLE", "no replica of the model is running", { retryAfter: 1 });
    return best;
  }

  #close(key: string | bigint): void {
    const sequence = this.#open.get(key);
    if (sequence === undefined) return;
    this.#open.delete(key);
    const left = (this.#load.get(sequence.replica) ?? 1) - 1;
    if (left === 0) this.#load.delete(sequence.replica);
    else this.#load.set(sequence.replica, left);
  }
}

/** What the call's parameters say of a sequence; undefined when it is of none. @throws ServeError INVALID_ARGUMENT */
export function sequenceOf({ parameters = {} }: ReplicaCall): (SequenceFlags & { readonly id: SequenceId }) | undefined {
  const { sequence_id: id, sequence_start: start = false, sequence_end: end = false } = parameters;
  // As in Triton, 0 and "" stand for no sequence.
  if (id === undefined || id === 0 || id === "") return undefined;
  if (typeof id !== "boolean" && typeof start === "boolean" && typeof end === "boolean") return { id, start, end };
  throw new ServeError(
    "INVALID_ARGUMENT",
    "expected sequence_id as a string or number, and sequence_start and sequence_end as true or false",
  );
}

function notOpen(id: SequenceId, idleMs: number): ServeError {
  return new ServeError(
    "FAILED_PRECONDITION",
    `sequence ${show(id)} is not open: it was never started, has ended, was idle for ${idleMs} ms, or its replica is gone; ` +
      "send the first request of a sequence with sequence_start",
  );
}

/** Integers as bigint, so that none is the same key as its text. @throws ServeError INVALID_ARGUMENT for what is no id */
export function keyOf(id: SequenceId): string | bigint {
  if (typeof id === "string") {
    if (id.length > 0 && id.length <= LONGEST_ID) return id;
    throw new ServeError("INVALID_ARGUMENT", `a sequence_id that is text must have 1 to ${LONGEST_ID} characters, found ${id.length}`);
  }
  if (typeof id === "bigint" || Number.isSafeInteger(id)) {
    const integer = BigInt(id);
    if (integer > 0n && integer <= LARGEST_ID) return integer;
  }
  throw new ServeError("INVALID_ARGUMENT", `a sequence_id that is a number must be a whole one from 1 to ${LARGEST_ID}, found ${id}`);
}

function show(id: SequenceId): string {
  return typeof id === "string" ? JSON.stringify(id) : String(id);
}
