import type { Cancellation } from "../../core/cancellation.ts";
import { messageOf, ServeError } from "../../core/errors.ts";
import type { Parameters, Payload } from "../../core/inference.ts";
import {
  type Lengths,
  type ModelDescription,
  type Replica,
  type ReplicaCall,
  ReplicaLostError,
  type ReplicaResult,
} from "../../core/replica.ts";
import { checkAnswer, checkChunk } from "../host/check-answer.ts";

/** A model whose code runs in this process. */
export interface ProgramModel {
  readonly description: ModelDescription;
  run(call: ProgramCall): Promise<Payload>;
  stream?(call: ProgramCall): AsyncIterable<Payload>;
  close(): Promise<void>;
}

interface ProgramCall {
  readonly method: string;
  readonly payload: Payload;
  readonly outputs: readonly string[] | undefined;
  readonly parameters: Parameters;
  readonly signal: AbortSignal;
  readonly lengths?: Lengths;
}

/** Answers calls with a model of this process: nothing is copied, and nothing of it can be ended from outside. */
export class ProgramReplica implements Replica {
  readonly id: string;
  readonly credit: number;
  readonly lost: Promise<void>;
  readonly exited: Promise<string>;
  readonly #model: ProgramModel;
  /** Calls and streams under way, each with what ends it. */
  readonly #running = new Set<(reason: Error) => void>();
  #end!: (how: string) => void;
  #onIdle = (): void => undefined;
  #gone: ReplicaLostError | undefined;

  /** @param credit calls that the model takes at once */
  constructor(id: string, model: ProgramModel, credit: number) {
    this.id = id;
    this.#model = model;
    this.credit = credit;
    this.exited = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.lost = this.exited.then(() => undefined);
  }

  get description(): ModelDescription {
    return this.#model.description;
  }

  async run(call: ReplicaCall, cancellation?: Cancellation): Promise<ReplicaResult> {
    const controller = new AbortController();
    cancellation?.onAbort((reason) => controller.abort(reason));
    const started = performance.now();
    return await this.#whileHere(controller, async () => {
      const payload = await this.#model.run(callOf(call, controller.signal));
      checkAnswer(call, payload, this.description);
      return { payload, computeMs: performance.now() - started };
    });
  }

  async *stream(call: ReplicaCall, signal: AbortSignal): AsyncGenerator<Payload, void, undefined> {
    const controller = new AbortController();
    const giveUp = (): void => controller.abort(signal.reason);
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
    let answers: AsyncIterator<Payload> | undefined;
    try {
      for (;;) {
        const next = await this.#whileHere(
          controller,
          async () => {
            answers ??= this.#model.stream?.(callOf(call, controller.signal))[Symbol.asyncIterator]();
            return await answers?.next();
          },
          true,
        );
        if (next === undefined || next.done === true) return;
        checkChunk(call, next.value, this.description);
        yield next.value;
      }
    } finally {
      signal.removeEventListener("abort", giveUp);
      controller.abort(new ServeError("CANCELLED", "nobody reads the stream any more"));
      // One that hangs must not keep its reader from leaving.
      void Promise.resolve(answers?.return?.()).catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    if (this.#running.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await this.#model.close();
    this.#end("was closed");
  }

  destroy(how: string): void {
    this.#gone = new ReplicaLostError(`the model ${how}`);
    for (const end of this.#running) end(this.#gone);
    this.#end(how);
  }

  /**
   * The outcome of work, unless the replica goes before that, or with `leaves` the controller is aborted.
   * @throws ServeError, INTERNAL for what the model's code throws
   */
  async #whileHere<Result>(controller: AbortController, work: () => Promise<Result>, leaves = false): Promise<Result> {
    if (this.#gone !== undefined) throw this.#gone;
    return await new Promise<Result>((resolve, reject) => {
      const { signal } = controller;
      const end = (reason: Error): void => {
        controller.abort(reason);
        reject(reason);
      };
      const leave = (): void => reject(signal.reason);
      const finish = (): void => {
        signal.removeEventListener("abort", leave);
        this.#running.delete(end);
        if (this.#running.size === 0) this.#onIdle();
      };
      this.#running.add(end);
      if (leaves) signal.addEventListener("abort", leave, { once: true });
      if (leaves && signal.aborted) leave();
      work()
        .then(resolve, (thrown: unknown) => reject(failureOf(thrown)))
        .finally(finish);
    });
  }
}

function callOf({ method, payload, outputs, parameters = {}, lengths }: ReplicaCall, signal: AbortSignal): ProgramCall {
  return { method, payload, outputs, parameters, signal, ...(lengths === undefined ? {} : { lengths }) };
}

/** As a host tells it. */
function failureOf(thrown: unknown): ServeError {
  if (thrown instanceof ServeError) return thrown;
  const text = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : messageOf(thrown);
  return new ServeError("INTERNAL", text, { cause: thrown });
}
