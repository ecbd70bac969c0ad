import type { BatchRecord } from "../core/batch.ts";
import type { Clock } from "../core/clock.ts";
import { ServeError } from "../core/errors.ts";
import { ReplicaLostError, type ReplicaResult } from "../core/replica.ts";
import { splitPayload } from "./assemble.ts";
import type { Batch } from "./batch.ts";
import type { CallResults } from "./calls.ts";
import { again, answerEntry, type Entry, failEntry } from "./entry.ts";
import type { FairQueue } from "./fair-queue.ts";
import type { Quarantine } from "./quarantine.ts";
import { replicaGone } from "./sequence-refusals.ts";

export interface OutcomesOptions {
  readonly clock: Clock;
  readonly queue: FairQueue<Entry>;
  readonly quarantine: Quarantine;
  /** Whether a request whose host has died is given to another one. */
  readonly retry: boolean;
  /** A call has been answered. */
  readonly onBatch: (batch: BatchRecord) => void;
  /** Nobody waits any more for a request that waits for its second try, or has it. */
  readonly onGivenUp: (entry: Entry, reason: Error) => void;
}

/** What the end of a call means for the requests in it: who is answered, who pays, who is tried again and who is refused from now on. */
export class Outcomes {
  readonly #options: OutcomesOptions;

  constructor(options: OutcomesOptions) {
    this.#options = options;
  }

  /** @throws ServeError INTERNAL when the answer cannot be shared out; then nobody has been told, and the call is to be taken for failed */
  answered({ entries, record: batch }: Batch, results: CallResults): void {
    const shares = "payload" in results ? splitResult(results, entries) : results;
    const { computeMs } = batch;
    if (shares === results) {
      const failedRows = entries.reduce((sum, { rows }, index) => (shares[index] instanceof ServeError ? sum + rows : sum), 0);
      if (failedRows > 0) batch.failedRows = failedRows;
    }
    this.#options.queue.charge(entries, computeMs);
    this.#options.onBatch(batch);
    const shared = entries.length > 1 ? batch : undefined;
    for (let index = 0; index < entries.length; index++) {
      const entry = entries[index] as Entry;
      const share = shares[index] as ReplicaResult | ServeError;
      const { record } = entry.context;
      record.computeMs = computeMs;
      record.batchSize = batch.size;
      record.batch = shared;
      record.inline = batch.inline;
      if (share instanceof ServeError) failEntry(entry, share);
      else answerEntry(entry, share);
    }
  }

  /**
   * One bad request must not fail its neighbours: each gets one more try by itself. So it does when the host died, unless it is refused
   * from now on.
   */
  failed({ entries, record: { startedAt } }: Batch, error: ServeError): void {
    const { clock, queue, quarantine, retry, onGivenUp } = this.#options;
    const died = error instanceof ReplicaLostError;
    const refused = died && error.alone && entries.length === 1 && quarantine.recordDeath((entries[0] as Entry).call);
    // Nobody knows whether a sequence has gone on.
    const isOfSequences = entries[0]?.sequence !== undefined;
    const worthATry = !isOfSequences && (died ? !refused && retry : entries.length > 1);
    queue.charge(entries, clock.now() - startedAt);
    const retries: Entry[] = [];
    for (const entry of entries) {
      if (entry.settled) continue;
      // What a sequence has told a replica that is gone, no other knows.
      if (!worthATry || entry.retried || (died && entry.replica !== undefined))
        failEntry(entry, died && entry.sequence !== undefined ? replicaGone(entry.sequence.id) : error);
      else retries.push(again(entry));
    }
    for (const entry of retries) {
      entry.context.record.stage = "queued";
      entry.context.record.retries++;
      entry.context.onAbort((reason) => onGivenUp(entry, reason));
    }
    queue.unshift(retries);
  }
}

function splitResult(result: ReplicaResult, entries: readonly Entry[]): ReplicaResult[] {
  if (entries.length === 1) return [result];
  const { payload, computeMs } = result;
  return splitPayload(payload, entries).map((own) => ({ payload: own, computeMs }));
}
