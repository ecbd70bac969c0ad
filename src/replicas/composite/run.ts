import { Cancellation } from "../../core/cancellation.ts";
import { ServeError } from "../../core/errors.ts";
import { isStream, type Parameters, type Payload } from "../../core/inference.ts";
import { mapInOrder } from "../../core/map.ts";
import type { NestedInference, NestedRequest } from "../../core/nested-inference.ts";
import type { CallOrigin, ReplicaCall } from "../../core/replica.ts";
import type { Tensor } from "../../core/tensor.ts";
import { endUnread } from "../../core/unread-stream.ts";
import { whenAborted } from "../../core/when-aborted.ts";
import type { Graph } from "./graph.ts";
import { Pass, type PassEnd, type StepRequest } from "./pass.ts";
import type { PlannedStep } from "./plan.ts";
import type { StepLimits } from "./step-limits.ts";
import { rowsOf, type Value } from "./values.ts";

/** Answers of a decoupled step that go through the steps behind it at once, where nobody has said how many. */
const AHEAD = 16;

export interface RunOptions {
  readonly graph: Graph;
  readonly call: ReplicaCall;
  /** Whose call it is. */
  readonly origin: CallOrigin;
  readonly nested: Pick<NestedInference, "infer">;
  readonly limits: StepLimits;
}

/** One request of an ensemble. */
export class EnsembleRun {
  readonly #options: RunOptions;
  /** Milliseconds that the models of the steps have worked, all together. */
  computeMs = 0;

  constructor(options: RunOptions) {
    this.#options = options;
  }

  /**
   * Of an ensemble without decoupled steps. @param onBegun is told at once how it is given up
   * @throws ServeError that names the step which failed, or why it was given up
   */
  async answer(onBegun: (abort: (reason: Error) => void) => void): Promise<Payload> {
    const pass = this.#pass(this.#given());
    onBegun((reason) => pass.abort(reason));
    return this.#answerOf(await pass.end);
  }

  /** Answers in the order in which the decoupled steps have given theirs. @throws ServeError as {@link answer} does */
  answers(signal: AbortSignal): AsyncGenerator<Payload, void, undefined> {
    return this.#answers(0, this.#given(), signal);
  }

  async *#answers(depth: number, given: ReadonlyMap<string, Value>, signal: AbortSignal): AsyncGenerator<Payload, void, undefined> {
    const { graph, limits } = this.#options;
    const end = await this.#endOf(given, signal);
    if ("answer" in end) {
      yield end.answer;
      return;
    }
    const pieces = this.#pieces(end.decoupled, signal);
    const behind = depth + 1;
    if (behind < graph.depth) {
      for await (const piece of pieces) yield* this.#answers(behind, piece, signal);
      return;
    }
    const work = async (piece: ReadonlyMap<string, Value>, own: AbortSignal): Promise<Payload> =>
      this.#answerOf(await this.#endOf(piece, own));
    yield* mapInOrder({ source: pieces, concurrency: limits.ahead(AHEAD), signal, work });
  }

  #pass(given: ReadonlyMap<string, Value>): Pass {
    return new Pass({ graph: this.#options.graph, ask: (request, cancellation) => this.#ask(request, cancellation) }, given);
  }

  async #endOf(given: ReadonlyMap<string, Value>, signal: AbortSignal): Promise<PassEnd> {
    signal.throwIfAborted();
    const pass = this.#pass(given);
    const forget = whenAborted(signal, () => pass.abort(signal.reason));
    return await pass.end.finally(forget);
  }

  #answerOf(end: PassEnd): Payload {
    if ("answer" in end) return end.answer;
    throw this.#changed(end.decoupled.step);
  }

  async #ask(request: StepRequest, cancellation: Cancellation): Promise<ReadonlyMap<string, Value>> {
    const { limits, nested, origin } = this.#options;
    const { step, rows } = request;
    const turn = limits.take(step.index, cancellation);
    if (turn !== undefined) await turn;
    try {
      const { output, computeMs } = await nested.infer(this.#requestFor(request), origin, cancellation);
      if (isStream(output)) {
        const error = this.#inStep(step, this.#changed(step), cancellation);
        cancellation.abort(error);
        await endUnread(output);
        throw error;
      }
      this.computeMs += computeMs;
      return this.#valuesOf(step, output, rows);
    } catch (error) {
      throw this.#inStep(step, error, cancellation);
    } finally {
      limits.give(step.index);
    }
  }

  /** The answers of a decoupled step. */
  async *#pieces(request: StepRequest, signal: AbortSignal): AsyncGenerator<ReadonlyMap<string, Value>, void, undefined> {
    const { limits, nested, origin } = this.#options;
    const { step, rows } = request;
    const cancellation = new Cancellation();
    const forget = whenAborted(signal, () => cancellation.abort(signal.reason));
    try {
      const turn = limits.take(step.index, cancellation);
      if (turn !== undefined) await turn;
      try {
        const { output } = await nested.infer(this.#requestFor(request), origin, cancellation);
        if (!isStream(output)) throw this.#changed(step);
        for await (const payload of output) yield this.#valuesOf(step, payload, rows);
      } catch (error) {
        throw this.#inStep(step, error, cancellation);
      } finally {
        limits.give(step.index);
      }
    } finally {
      forget();
    }
  }

  #requestFor({ step, tensors }: StepRequest): NestedRequest {
    const { graph, call } = this.#options;
    const outputs = graph.asked.get(step);
    const parameters = call.parameters === undefined || step.hearsOfSequences ? call.parameters : withoutSequence(call.parameters);
    return {
      target: step.target,
      payload: { kind: "tensors", tensors },
      ...(outputs === undefined ? {} : { outputs }),
      ...(parameters === undefined ? {} : { parameters }),
    };
  }

  #given(): ReadonlyMap<string, Value> {
    const { graph, call } = this.#options;
    const { inputs, hasRows } = graph.plan;
    const tensors: readonly Tensor[] = call.payload.kind === "tensors" ? call.payload.tensors : [];
    const rows = rowsOf(tensors, hasRows);
    return new Map(inputs.map((name) => [name, { tensor: tensors.find((tensor) => tensor.name === name), rows }]));
  }

  /** @throws ServeError INVALID_ARGUMENT for an answer that has no tensors */
  #valuesOf(step: PlannedStep, payload: Payload, rows: number): ReadonlyMap<string, Value> {
    if (payload.kind !== "tensors") {
      throw new ServeError(
        "INVALID_ARGUMENT",
        `its answer is ${payload.kind === "json" ? "JSON" : payload.kind}, and an ensemble needs tensors`,
      );
    }
    const { tensors } = payload;
    return new Map(step.outputs.map(({ name, tensor }) => [tensor, { tensor: tensors.find((each) => each.name === name), rows }]));
  }

  /** What a step fails with; why the request was given up goes on as it is. */
  #inStep({ title }: PlannedStep, thrown: unknown, cancellation: Cancellation): Error {
    if (cancellation.aborted) return ServeError.from(thrown);
    const { code, message, retryAfter } = ServeError.from(thrown);
    const { name } = this.#options.graph.plan;
    return new ServeError(code, `in ensemble '${name}', ${title}: ${message}`, {
      cause: thrown,
      ...(retryAfter === undefined ? {} : { retryAfter }),
    });
  }

  #changed({ streams }: PlannedStep): ServeError {
    const how = streams ? "one answer and not a stream" : "a stream and not with one answer";
    return new ServeError("FAILED_PRECONDITION", `the model has been replaced by one that answers with ${how}; load the ensemble again`);
  }
}

/** Requests of different sequences could not share a call of a model that keeps no state. */
function withoutSequence(parameters: Parameters): Parameters | undefined {
  const { sequence_id: _id, sequence_start: _start, sequence_end: _end, ...others } = parameters;
  return Object.keys(others).length === 0 ? undefined : others;
}
