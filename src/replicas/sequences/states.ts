import { ServeError } from "../../core/errors.ts";
import type { SequenceState } from "../../core/model-configuration.ts";
import type { SequenceStep } from "../../core/replica.ts";
import type { Tensor } from "../../core/tensor.ts";
import { checkSize, readInitialTensor, zeroTensor } from "./initial-tensor.ts";

/** What one sequence has: by the model's inputs, in the order of the configuration. A new one is made for each beginning. */
export interface KeptState {
  tensors: readonly Tensor[];
}

/** The implicit states of all sequences of one replica. */
export class SequenceStates {
  readonly #configured: readonly SequenceState[];
  readonly #initial: readonly Tensor[];
  readonly #kept = new Map<string | bigint, KeptState>();

  /** @param initial what each state holds at the beginning of a sequence, with the dimension of rows where the model has one */
  constructor(configured: readonly SequenceState[], initial: readonly Tensor[]) {
    this.#configured = configured;
    this.#initial = initial;
  }

  /** Sequences whose state is kept. */
  get size(): number {
    return this.#kept.size;
  }

  /**
   * What the next request of a sequence is computed with; a start begins anew.
   * @throws ServeError ABORTED when the replica has not seen the beginning
   */
  of({ id, start }: SequenceStep): KeptState {
    const known = start ? undefined : this.#kept.get(id);
    if (known !== undefined) return known;
    const fresh: KeptState = { tensors: this.#initial };
    if (this.#configured.length === 0) return fresh;
    if (!start) {
      throw new ServeError("ABORTED", `the state of sequence ${typeof id === "string" ? JSON.stringify(id) : id} is gone; begin it again`);
    }
    this.#kept.set(id, fresh);
    return fresh;
  }

  /**
   * Takes over the states of an answer; a sequence that has ended or begun anew meanwhile does not get them.
   * @param answered the model's outputs, cut to this request
   */
  advance({ id, end }: SequenceStep, state: KeptState, answered: readonly Tensor[]): void {
    state.tensors = this.#configured.map(({ inputName, outputName }) => {
      const output = answered.find(({ name }) => name === outputName);
      if (output !== undefined) return keep(inputName, output);
      throw new ServeError("INTERNAL", `the model did not answer '${outputName}', which its configuration names as a state`);
    });
    this.#end(id, end, state);
  }

  /** The request has failed: its sequence goes on with the states that it had, unless this was its end. */
  fail({ id, end }: SequenceStep, state: KeptState): void {
    this.#end(id, end, state);
  }

  /** The sequence is over; one that is not known is nothing to it. */
  forget(id: string | bigint): void {
    this.#kept.delete(id);
  }

  /** Another sequence of this id may have begun meanwhile. */
  #end(id: string | bigint, end: boolean, state: KeptState): void {
    if (end && this.#kept.get(id) === state) this.#kept.delete(id);
  }
}

/** A copy: the answer is a view of all that came with it, which would stay in memory for as long as the sequence. */
function keep(name: string, tensor: Tensor): Tensor {
  const { shape } = tensor;
  if (tensor.datatype === "BYTES") return { name, datatype: "BYTES", shape, data: tensor.data.map((element) => Uint8Array.from(element)) };
  return { name, datatype: tensor.datatype, shape, data: Uint8Array.from(tensor.data) };
}

/**
 * What each state holds at the beginning of a sequence; a variable dimension that nothing says is 1.
 * @throws ServeError INVALID_ARGUMENT when a file is not as the configuration says
 */
export async function readInitialStates(states: readonly SequenceState[], hasRows: boolean, folder: string): Promise<Tensor[]> {
  return await Promise.all(
    states.map(async ({ inputName, datatype, dims, initial }) => {
      const shape = dims.map((dimension) => (dimension === -1 ? 1 : dimension));
      checkSize(inputName, datatype, shape);
      const tensor = initial === undefined ? zeroTensor(inputName, datatype, shape) : await readInitialTensor(inputName, initial, folder);
      return hasRows ? { ...tensor, shape: [1, ...tensor.shape] } : tensor;
    }),
  );
}
