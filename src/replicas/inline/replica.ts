import type { Cancellation } from "../../core/cancellation.ts";
import type { Clock } from "../../core/clock.ts";
import { ServeError } from "../../core/errors.ts";
import type { Payload } from "../../core/inference.ts";
import type { ModelDescription, Replica, ReplicaCall, ReplicaResult } from "../../core/replica.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { InlineBudget } from "./budget.ts";
import type { InlineCost } from "./cost.ts";

/** A graph that is open in this process. */
export interface InlineSession {
  /**
   * Computes synchronously at the end of a turn of the event loop: of this one, or, when that is under way, of the next.
   * @throws ServeError INVALID_ARGUMENT for an input that the graph refuses
   */
  run(tensors: readonly Tensor[], outputs: readonly string[] | undefined): Promise<Tensor[]>;
  release(): Promise<void>;
}

export interface InlineReplicaOptions {
  readonly id: string;
  readonly session: InlineSession;
  /** Answers what there is no room for here, and describes the model. */
  readonly host: Replica;
  readonly cost: InlineCost;
  readonly budget: InlineBudget;
  readonly clock: Clock;
  /** Called once, when the session is closed. */
  readonly onClosed: () => void;
}

/** A replica in the server's own process. */
export interface InlineReplica extends Replica {
  readonly roomForRows: () => number;
  /** Predicted milliseconds of a call with one row. */
  readonly costOfOneRow: number;
  /** Calls so far. */
  readonly runs: number;
}

/** A replica that runs a graph in this process, as much of it in one turn of the event loop as the budget allows. */
export function createInlineReplica(options: InlineReplicaOptions): InlineReplica {
  return new SessionReplica(options);
}

class SessionReplica implements InlineReplica {
  readonly id: string;
  readonly description: ModelDescription;
  readonly lost: Promise<void>;
  readonly exited: Promise<string>;
  /** For calls that cannot share a run; the budget bounds them together. */
  readonly credit = 16;
  readonly #options: InlineReplicaOptions;
  runs = 0;
  #under = 0;
  #closing: Promise<void> | undefined;
  #drained: () => void = () => undefined;
  #exit: (how: string) => void = () => undefined;

  constructor(options: InlineReplicaOptions) {
    this.#options = options;
    this.id = options.id;
    this.description = options.host.description;
    this.exited = new Promise((resolve) => {
      this.#exit = resolve;
    });
    this.lost = this.exited.then(() => undefined);
  }

  readonly roomForRows = (): number => {
    const { cost, budget } = this.#options;
    return this.#closing === undefined ? cost.rowsWithin(budget.left) : 0;
  };

  get costOfOneRow(): number {
    return this.#options.cost.predict(1);
  }

  /** Whoever asks for more than there is room for, as a call whose inputs disagree about its rows may, is answered by the host. */
  run(call: ReplicaCall, cancellation?: Cancellation): Promise<ReplicaResult> {
    const { payload, method, outputs } = call;
    const rows = payload.kind === "tensors" ? this.#rowsOf(method, payload.tensors) : undefined;
    if (payload.kind !== "tensors" || rows === undefined || rows > this.roomForRows()) return this.#options.host.run(call, cancellation);
    return this.#runHere(payload.tensors, rows, outputs);
  }

  async #runHere(inputs: readonly Tensor[], rows: number, outputs: readonly string[] | undefined): Promise<ReplicaResult> {
    const { session, cost, budget, clock } = this.#options;
    const booked = cost.predict(rows);
    budget.book(booked);
    this.#under++;
    this.runs++;
    let started = clock.now();
    // The session computes right after this: what the rest of the turn takes is not its cost.
    clock.afterTurn(() => {
      started = clock.now();
    });
    try {
      const tensors = await session.run(inputs, outputs);
      const computeMs = clock.now() - started;
      cost.observe(rows, computeMs);
      return { payload: { kind: "tensors", tensors }, computeMs };
    } finally {
      budget.ended(booked);
      this.#under--;
      if (this.#under === 0) this.#drained();
    }
  }

  /** Undefined when the tensors disagree. */
  #rowsOf(method: string, tensors: readonly Tensor[]): number | undefined {
    if (this.description.methods[method]?.batchable !== true) return 1;
    const rows = tensors[0]?.shape[0];
    return tensors.every(({ shape }) => shape[0] === rows) ? rows : undefined;
  }

  // biome-ignore lint/correctness/useYield: no graph streams
  async *stream(): AsyncGenerator<Payload, void, undefined> {
    throw new ServeError("UNIMPLEMENTED", "an ONNX model does not stream");
  }

  close(): Promise<void> {
    this.#closing ??= this.#release("was closed");
    return this.#closing;
  }

  /** What has been booked computes in this turn or the next, and cannot be stopped. */
  destroy(how: string): void {
    this.#closing ??= this.#release(how);
  }

  async #release(how: string): Promise<void> {
    if (this.#under > 0) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    try {
      await this.#options.session.release();
    } finally {
      this.#options.onClosed();
      this.#exit(how);
    }
  }
}
