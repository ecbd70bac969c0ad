import { ServeError } from "../../core/errors.ts";
import type { ModelDescription, ReplicaResult } from "../../core/replica.ts";
import type { LoadMetadata } from "../../frames/index.ts";

/** Calls that a host may have before it has answered the first of them, when they are short. */
const QUEUED = 8;
/** Milliseconds in the model up to which a call is short: about what it costs to wake a process and be woken by it, a few times. */
const SHORT_MS = 0.5;
/** Of the newest call in the mean. */
const WEIGHT = 0.2;

/**
 * Calls that a host may have at once. It carries them out one by one; but where requests share no calls and calls are short, the next ones
 * lie there when it has answered one, and nobody waits for anybody to wake up.
 */
export class CallCredit {
  readonly #least: number;
  readonly #queues: boolean;
  #meanMs = Number.POSITIVE_INFINITY;

  /** @param least calls that it always may have */
  constructor(least: number, queues: boolean) {
    this.#least = least;
    this.#queues = queues;
  }

  get calls(): number {
    return this.#queues && this.#meanMs <= SHORT_MS ? QUEUED : this.#least;
  }

  observe(answers: ReadonlyArray<ReplicaResult | ServeError>): void {
    const [first] = answers;
    if (first === undefined || first instanceof ServeError) return;
    const { computeMs } = first;
    // One that is not short ends it at once.
    this.#meanMs = computeMs > SHORT_MS || !Number.isFinite(this.#meanMs) ? computeMs : this.#meanMs + (computeMs - this.#meanMs) * WEIGHT;
  }
}

/** Whether calls of a model may wait in its host: those that share none, of a model without state between them. */
export function canQueue({ configuration }: Pick<LoadMetadata, "configuration">, { methods }: ModelDescription): boolean {
  return (
    configuration?.sequence_batching === undefined &&
    Object.values(methods).every((each) => each.together === true && each.batchable !== true)
  );
}

/** What a host takes at once, and at least as much as one of the model's methods works on at once. */
export function leastCredit(credit: number, { methods }: ModelDescription): number {
  return Math.max(credit, ...Object.values(methods).map(({ concurrency = 0 }) => concurrency));
}
