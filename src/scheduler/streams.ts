import type { Clock } from "../core/clock.ts";
import type { RequestContext } from "../core/context.ts";
import type { ServeError } from "../core/errors.ts";
import type { Payload } from "../core/inference.ts";
import type { Replica, ReplicaCall } from "../core/replica.ts";
import { admitStream, type QueueLimits } from "./admission.ts";

/** Answers that come in pieces. Each holds one of the model's slots for streams, beside its calls, until its request ends. */
export class Streams {
  readonly #clock: Clock;
  readonly #limits: QueueLimits;
  readonly #tooLate: (context: RequestContext) => ServeError;
  readonly #open = new Set<RequestContext>();

  constructor(clock: Clock, limits: QueueLimits, tooLate: (context: RequestContext) => ServeError) {
    this.#clock = clock;
    this.#limits = limits;
    this.#tooLate = tooLate;
  }

  get open(): number {
    return this.#open.size;
  }

  /** All of them end now. */
  abort(reason: Error): void {
    for (const context of this.#open) context.abort(reason);
  }

  /** @throws ServeError RESOURCE_EXHAUSTED when no stream more may be opened, with so many that are to come */
  assertRoom(waiting = 0): void {
    admitStream(this.#open.size + waiting, this.#limits);
  }

  /** The host sends no more than the client has taken, but for a few pieces. @throws ServeError RESOURCE_EXHAUSTED */
  async *run(replica: Replica, call: ReplicaCall, context: RequestContext): AsyncGenerator<Payload, void, undefined> {
    this.assertRoom();
    const { record } = context;
    const startedAt = this.#clock.now();
    const cancelTimer = this.#clock.after(Math.max(0, context.deadline - startedAt), () => context.abort(this.#tooLate(context)));
    this.#open.add(context);
    record.stage = "running";
    record.batchSize = 1;
    try {
      yield* replica.stream(call, context.signal);
    } finally {
      cancelTimer();
      record.computeMs = this.#clock.now() - startedAt;
      this.#open.delete(context);
    }
  }
}
