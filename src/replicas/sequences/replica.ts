import type { Cancellation } from "../../core/cancellation.ts";
import { ServeError } from "../../core/errors.ts";
import type { Payload } from "../../core/inference.ts";
import {
  type ModelDescription,
  type Replica,
  type ReplicaCall,
  ReplicaLostError,
  type ReplicaReadiness,
  type ReplicaResult,
} from "../../core/replica.ts";
import type { Tensor } from "../../core/tensor.ts";
import { askJoined, askTogether, type MemberAnswer, type ModelCall } from "./ask-model.ts";
import { controlTensors, LONE_STEP } from "./controls.ts";
import { describeSequences, type SequenceConfiguration } from "./description.ts";
import { type Member, nextGroup, type Waiting } from "./group.ts";
import { readInitialStates, SequenceStates } from "./states.ts";

/**
 * A replica whose calls are requests of sequences: it gives the model the control inputs and implicit states of each, and takes states out of
 * the answers. A model that takes rows gets one call for requests of several sequences, each a row, at its slot where it has one. The names
 * are those of Triton's sequence batcher (model_config.proto, ModelSequenceBatching).
 * @param folder the model's folder, where files of initial states are
 * @throws ServeError INVALID_ARGUMENT when the model is not as the configuration says, or a file of an initial state is not
 */
export async function createSequenceReplica(inner: Replica, configuration: SequenceConfiguration, folder: string): Promise<Replica> {
  const description = describeSequences(inner.description, configuration);
  const { states } = configuration.sequenceBatching;
  const initial = await readInitialStates(states, configuration.maxBatchSize > 0, folder);
  return new SequenceReplica(inner, configuration, description, new SequenceStates(states, initial));
}

class SequenceReplica implements Replica {
  readonly id: string;
  readonly credit: number;
  readonly description: ModelDescription;
  readonly lost: Promise<void>;
  readonly exited: Promise<string>;
  readonly roomForRows?: () => number;
  readonly readiness?: ReplicaReadiness;
  readonly checkReadiness?: () => Promise<string | undefined>;
  readonly #inner: Replica;
  readonly #configuration: SequenceConfiguration;
  readonly #states: SequenceStates;
  readonly #hasRows: boolean;

  constructor(inner: Replica, configuration: SequenceConfiguration, description: ModelDescription, states: SequenceStates) {
    this.id = inner.id;
    this.credit = inner.credit;
    this.description = description;
    this.lost = inner.lost;
    this.exited = inner.exited;
    if (inner.roomForRows !== undefined) this.roomForRows = inner.roomForRows;
    if (inner.readiness !== undefined) this.readiness = inner.readiness;
    if (inner.checkReadiness !== undefined) this.checkReadiness = inner.checkReadiness.bind(inner);
    this.#inner = inner;
    this.#configuration = configuration;
    this.#states = states;
    this.#hasRows = configuration.maxBatchSize > 0;
  }

  async run(call: ReplicaCall, cancellation?: Cancellation): Promise<ReplicaResult> {
    const [result] = await this.runTogether([call], cancellation);
    if (result === undefined || result instanceof ServeError) throw result ?? new ServeError("INTERNAL", "a request was not answered");
    return result;
  }

  async runTogether(calls: readonly ReplicaCall[], cancellation?: Cancellation): Promise<ReadonlyArray<ReplicaResult | ServeError>> {
    const results: Array<ReplicaResult | ServeError> = [];
    let waiting: readonly Waiting[] = calls.map((call, index) => ({ index, call, step: call.sequence ?? LONE_STEP }));
    const prepare = (each: Waiting): Member | undefined => {
      try {
        return this.#prepare(each);
      } catch (error) {
        results[each.index] = ServeError.from(error);
        return undefined;
      }
    };
    const together = this.#inner.description.methods[calls[0]?.method ?? ""]?.together === true;
    const largest = together || this.#hasRows ? Number.POSITIVE_INFINITY : 1;
    while (waiting.length > 0) {
      const { group, rest } = nextGroup(waiting, prepare, { largest, oneShape: !together });
      waiting = rest;
      if (group.length === 0) continue;
      const answers = await this.#answersOf(group, together, cancellation);
      group.forEach((member, at) => {
        results[member.index] = this.#settle(member, answers[at]);
      });
      const gone = answers.find((answer) => answer instanceof ReplicaLostError);
      if (gone === undefined) continue;
      if (results.every((result) => result instanceof ServeError)) throw gone;
      for (const { index } of rest) results[index] = gone;
      break;
    }
    return results;
  }

  async *stream(call: ReplicaCall, signal: AbortSignal): AsyncGenerator<Payload, void, undefined> {
    const tensors = [...tensorsOf(call), ...this.#controlsOf(call.sequence)];
    yield* this.#inner.stream({ ...call, payload: { kind: "tensors", tensors } }, signal);
  }

  endSequence(id: string | bigint): void {
    this.#states.forget(id);
    this.#inner.endSequence?.(id);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  destroy(how: string): void {
    this.#inner.destroy(how);
  }

  /** @throws ServeError when the request cannot be given to the model */
  #prepare({ index, call, step }: Waiting): Member {
    const own = tensorsOf(call);
    if (this.#hasRows) checkOneRow(own);
    const controls = this.#controlsOf(step);
    const state = this.#states.of(step);
    return { index, call, step, state, tensors: [...own, ...state.tensors, ...controls] };
  }

  #controlsOf(step = LONE_STEP): Tensor[] {
    return controlTensors(this.#configuration.sequenceBatching.controls, step, this.#hasRows);
  }

  async #answersOf(
    group: readonly Member[],
    together: boolean,
    cancellation: Cancellation | undefined,
  ): Promise<Array<MemberAnswer | ServeError>> {
    const { controls, states } = this.#configuration.sequenceBatching;
    const call: ModelCall = {
      inner: this.#inner,
      controls,
      hasRows: this.#hasRows,
      needed: states.map(({ outputName }) => outputName),
      group,
      wanted: group.map((member) => this.#wanted(member.call)),
    };
    try {
      return together ? await askTogether(call, cancellation) : await askJoined(call, cancellation);
    } catch (error) {
      const failure = ServeError.from(error);
      if (group.length === 1 || together || !this.#mayAskAgain(failure, group)) return group.map(() => failure);
      // One of them is to blame, and the others need not fail with it: nothing has changed any state yet.
      const answers: Array<MemberAnswer | ServeError> = [];
      for (const member of group) answers.push(...(await this.#answersOf([member], together, cancellation)));
      return answers;
    }
  }

  #mayAskAgain({ code }: ServeError, [first]: readonly Member[]): boolean {
    return code === "INVALID_ARGUMENT" && this.#inner.description.methods[first?.call.method ?? ""]?.stateful !== true;
  }

  #settle(member: Member, answer: MemberAnswer | ServeError | undefined): ReplicaResult | ServeError {
    const { step, state, call } = member;
    try {
      if (answer === undefined || answer instanceof ServeError) throw answer ?? new ServeError("INTERNAL", "a request was not answered");
      this.#states.advance(step, state, answer.tensors);
      const wanted = this.#wanted(call);
      const tensors = wanted.flatMap((name) => answer.tensors.find((tensor) => tensor.name === name) ?? []);
      const { parameters, computeMs } = answer;
      return { payload: { kind: "tensors", tensors, ...(parameters === undefined ? {} : { parameters }) }, computeMs };
    } catch (error) {
      this.#states.fail(step, state);
      return ServeError.from(error);
    }
  }

  #wanted({ method, outputs }: ReplicaCall): readonly string[] {
    if (outputs !== undefined) return outputs;
    const specs = this.description.methods[method]?.outputs ?? [];
    return specs.filter(({ optional }) => optional !== true).map(({ name }) => name);
  }
}

function tensorsOf({ payload }: ReplicaCall): readonly Tensor[] {
  if (payload.kind === "tensors") return payload.tensors;
  throw new ServeError("INVALID_ARGUMENT", `a request of a sequence must have tensors, found ${payload.kind}`);
}

function checkOneRow(tensors: readonly Tensor[]): void {
  for (const { name, shape } of tensors) {
    if (shape[0] === 1) continue;
    throw new ServeError(
      "INVALID_ARGUMENT",
      `inference request must specify batch-size 1 due to requirements of sequence batcher; input '${name}' has shape [${shape}]`,
    );
  }
}
