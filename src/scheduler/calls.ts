import type { BatchCut } from "../core/batch.ts";
import type { Clock } from "../core/clock.ts";
import { ServeError } from "../core/errors.ts";
import { LatencyCurve } from "../core/latency-curve.ts";
import { type Replica, ReplicaLostError, type ReplicaResult } from "../core/replica.ts";
import type { SchedulingSpec } from "../core/scheduling.ts";
import { type Attempt, Batch } from "./batch.ts";
import { callOf, type Entry } from "./entry.ts";
import type { Holder } from "./execution-limits.ts";
import { Hedging } from "./hedging.ts";
import { Slots } from "./slots.ts";

/** The one answer of all requests in a call, or what became of each. */
export type CallResults = ReplicaResult | ReadonlyArray<ReplicaResult | ServeError>;

/** Who hears how the calls end. */
export interface CallsListener {
  /** `results` has an answer or a failure for each request of a batch whose requests go together; else the one answer of all. */
  onAnswer(batch: Batch, results: CallResults): void;
  /** Nobody will answer the batch. */
  onFailure(batch: Batch, error: ServeError): void;
  onLost(replica: Replica): void;
  /** A slot has become free. */
  onFree(): void;
}

export interface CallsOptions extends CallsListener {
  readonly clock: Clock;
  readonly rules: SchedulingSpec;
  /** The named resources that each call holds, if it needs any. */
  readonly holder: Holder | undefined;
}

/** The calls that replicas work on, and what they cost. */
export class Calls {
  readonly slots: Slots;
  /** What a call of a host costs, with the way there and back. */
  readonly curve = new LatencyCurve();
  readonly #options: CallsOptions;
  readonly #hedging: Hedging | undefined;
  readonly #running = new Set<Batch>();

  constructor(options: CallsOptions) {
    this.#options = options;
    const { idempotent, hedgePercentile, requestsPerReplica } = options.rules;
    this.slots = new Slots(requestsPerReplica);
    // A call that may not be carried out twice is not given to two replicas.
    if (idempotent === true && hedgePercentile !== undefined) this.#hedging = new Hedging(hedgePercentile);
  }

  get running(): ReadonlySet<Batch> {
    return this.#running;
  }

  /** Requests in them that somebody waits for. */
  get requests(): number {
    let requests = 0;
    for (const { entries } of this.#running) for (const { settled } of entries) if (!settled) requests++;
    return requests;
  }

  /** A call that nobody waits for any more keeps nobody: its host may never answer. */
  get wanted(): boolean {
    for (const batch of this.#running) if (batch.wanted) return true;
    return false;
  }

  /** Milliseconds that the calls under way are expected to take still, all together. */
  underWay(now: number): number {
    let sum = 0;
    for (const {
      cost,
      record: { startedAt },
    } of this.#running) {
      const expected = this.curve.predict(cost) ?? 0;
      // One that takes longer than expected is not over for that.
      sum += Math.max(expected - (now - startedAt), expected / 10);
    }
    return sum;
  }

  /**
   * The replica has a slot and its call may hold what it needs.
   * @returns clock milliseconds at which {@link hedge} should be asked, or Infinity
   */
  start(replica: Replica, entries: readonly Entry[], cut: BatchCut, now: number): number {
    const batch = new Batch(entries, { startedAt: now, cut, inline: replica.roomForRows !== undefined });
    this.#running.add(batch);
    void this.#attempt(batch, replica, now);
    // What a sequence has told one replica, no other knows.
    if (entries[0]?.replica === undefined) batch.hedgeAt = this.#hedging?.hedgeAt(now) ?? Number.POSITIVE_INFINITY;
    return batch.hedgeAt;
  }

  /**
   * Asks a second replica for what has been running for longer than most, where there is a free one and the budget allows it.
   * @returns clock milliseconds at which there will be something to do here, or Infinity
   */
  hedge(now: number): number {
    if (this.#hedging === undefined) return Number.POSITIVE_INFINITY;
    let earliest = Number.POSITIVE_INFINITY;
    for (const batch of this.#running) {
      if (!batch.wanted) continue;
      if (batch.hedgeAt > now) {
        earliest = Math.min(earliest, batch.hedgeAt);
        continue;
      }
      batch.hedgeAt = Number.POSITIVE_INFINITY;
      const first = batch.attempts[0]?.replica;
      const second = this.slots.freest(first, batch.entries.length);
      if (first === undefined || second === undefined || !this.#hedging.tryTake()) continue;
      if (this.#options.holder?.tryHold() === false) continue;
      for (const { context } of batch.entries) context.record.hedge = "lost";
      void this.#attempt(batch, second, now);
    }
    return earliest;
  }

  /** Ends the calls of which nobody waits any more, after one who waited has gone. */
  giveUp(entry: Entry, reason: Error): void {
    for (const batch of this.#running) {
      if (batch.entries.includes(entry) && !batch.wanted) batch.abort(reason);
    }
  }

  async #attempt(batch: Batch, replica: Replica, now: number): Promise<void> {
    const attempt = batch.begin(replica);
    const requests = batch.entries.length;
    this.slots.take(replica, requests);
    try {
      this.#answered(
        batch,
        attempt,
        await (batch.together ? runTogether(batch, attempt) : replica.run(batch.call, attempt.cancellation)),
        now,
      );
    } catch (thrown) {
      this.#failed(batch, attempt, ServeError.from(thrown), now);
    } finally {
      batch.end(attempt);
      if (batch.attempts.length === 0) this.#running.delete(batch);
      this.slots.give(replica, requests);
      this.#options.holder?.release();
      this.#options.onFree();
    }
  }

  /** The first answer counts; the other replica need not go on. */
  #answered(batch: Batch, attempt: Attempt, results: CallResults, startedAt: number): void {
    if (batch.over) return;
    const { replica } = attempt;
    const now = this.#options.clock.now();
    // What runs in this process has a price of its own, and says itself how much it takes.
    if (replica.roomForRows === undefined) this.curve.observe(batch.cost, now - startedAt);
    this.#hedging?.observe(now - batch.record.startedAt);
    if (attempt !== batch.first) for (const { context } of batch.entries) context.record.hedge = "won";
    batch.record.computeMs = computeTime(results, now - startedAt);
    this.#options.onAnswer(batch, results);
    batch.over = true;
    batch.abortOthers(attempt);
  }

  /** Nobody is told as long as another replica works on it. */
  #failed(batch: Batch, { replica, cancellation }: Attempt, error: ServeError, startedAt: number): void {
    if (cancellation.aborted) this.#learnFromGivenUp(batch, replica, startedAt);
    // It must not be given its own requests back before its owner has noticed.
    if (error instanceof ReplicaLostError) {
      this.slots.delete(replica);
      this.#options.onLost(replica);
    }
    if (batch.over || batch.attempts.length > 1) return;
    batch.over = true;
    this.#options.onFailure(batch, error);
  }

  /** It would have taken longer still. If only answers counted, a model that has become too slow for all deadlines would seem quick for ever. */
  #learnFromGivenUp({ record: { rows } }: Batch, replica: Replica, startedAt: number): void {
    const took = this.#options.clock.now() - startedAt;
    if (replica.roomForRows === undefined && took > (this.curve.predict(rows) ?? took)) this.curve.observe(rows, took);
  }
}

/** @throws ServeError what the replica throws, INTERNAL when it cannot do what its description says or answers too few */
async function runTogether({ entries }: Batch, { replica, cancellation }: Attempt): Promise<CallResults> {
  if (replica.runTogether === undefined) {
    throw new ServeError("INTERNAL", `the replica ${replica.id} describes requests that go together, and takes only one at a time`);
  }
  const results = await replica.runTogether(entries.map(callOf), cancellation);
  if (results.length === entries.length) return results;
  throw new ServeError("INTERNAL", `the model gave ${results.length} answers to ${entries.length} requests; it must give one to each`);
}

/** Milliseconds in the model, all requests together; `took` where no answer tells. */
function computeTime(results: CallResults, took: number): number {
  if ("computeMs" in results) return results.computeMs;
  let longest: number | undefined;
  for (const result of results) {
    if (!(result instanceof ServeError)) longest = Math.max(longest ?? 0, result.computeMs);
  }
  return longest ?? took;
}
