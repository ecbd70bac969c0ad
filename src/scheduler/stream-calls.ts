import type { RequestContext } from "../core/context.ts";
import type { Payload } from "../core/inference.ts";
import { type ReplicaCall, ReplicaLostError } from "../core/replica.ts";
import type { Calls } from "./calls.ts";
import type { Departures } from "./departures.ts";
import type { Quarantine } from "./quarantine.ts";
import { cannotStream } from "./refusals.ts";
import type { SequenceBatcher, StreamTurn } from "./sequence-batcher.ts";
import { replicaGone } from "./sequence-refusals.ts";
import type { Streams } from "./streams.ts";

export interface StreamCallsOptions {
  readonly calls: Calls;
  readonly streams: Streams;
  readonly departures: Departures;
  readonly quarantine: Quarantine;
  /** Of a model whose owner said how sequences share its calls. */
  readonly sequenced: SequenceBatcher | undefined;
  /** A stream has ended. */
  readonly onFree: () => void;
}

/** Gives streams to replicas: to the least loaded one, or to the one that has the state of the stream's sequence, when it is its turn. */
export class StreamCalls {
  readonly #options: StreamCallsOptions;

  constructor(options: StreamCallsOptions) {
    this.#options = options;
  }

  /** @throws ServeError RESOURCE_EXHAUSTED, UNAVAILABLE when no replica runs, or why the stream ended */
  async *run(call: ReplicaCall, context: RequestContext): AsyncGenerator<Payload, void, undefined> {
    const { calls, streams, departures, quarantine, sequenced, onFree } = this.#options;
    const { slots } = calls;
    let turn: StreamTurn | undefined;
    if (sequenced !== undefined) {
      streams.assertRoom(sequenced.waitingStreams);
      try {
        turn = await sequenced.awaitStream(call, context);
      } catch (error) {
        // Whoever waits for the end of all work has waited for it too.
        onFree();
        throw error;
      }
    }
    const replica = turn?.replica ?? slots.freestForStream();
    if (replica === undefined) throw cannotStream(slots.leastLoaded() !== undefined);
    slots.changeStreams(replica, 1);
    try {
      yield* streams.run(replica, turn?.call ?? call, context);
    } catch (error) {
      if (!(error instanceof ReplicaLostError)) throw error;
      departures.lose(replica);
      if (error.alone) quarantine.recordDeath(call);
      const sequence = turn?.call.sequence;
      throw sequence === undefined ? error : replicaGone(sequence.id);
    } finally {
      slots.changeStreams(replica, -1);
      turn?.end(context.aborted !== undefined);
      // With a limit for each replica calls may have waited for it.
      onFree();
    }
  }
}
