import { ServeError } from "../../core/errors.ts";
import type { Datatype } from "../../core/tensor.ts";

/** What one model, or the ensemble itself, says of a tensor of the ensemble. */
export interface TensorNode {
  readonly model: string;
  readonly datatype: Datatype;
  /** Without the dimension of rows; -1 is variable. */
  readonly dims: readonly number[];
  readonly hasRows: boolean;
}

/** What all models together say of the tensors of an ensemble, after ValidateTensorConsistency of Triton's ensemble_utils.cc. */
export class TensorNodes {
  readonly #ensemble: string;
  readonly #nodes = new Map<string, TensorNode>();

  constructor(ensemble: string) {
    this.#ensemble = ensemble;
  }

  get(tensor: string): TensorNode | undefined {
    return this.#nodes.get(tensor);
  }

  /** @throws ServeError INVALID_ARGUMENT when somebody else has said something else */
  add(tensor: string, node: TensorNode): void {
    const known = this.#nodes.get(tensor);
    if (known === undefined) {
      this.#nodes.set(tensor, node);
      return;
    }
    if (known.datatype !== node.datatype) throw this.#inconsistent(tensor, "data type", known, node, known.datatype, node.datatype);
    // A model without rows may take a tensor of rows as a whole.
    if (areLike(known.dims, node.dims) || areLike(whole(known), whole(node))) return;
    throw this.#inconsistent(tensor, "shape", known, node, shown(whole(known)), shown(whole(node)));
  }

  #inconsistent(tensor: string, what: string, one: TensorNode, other: TensorNode, ...[first, second]: [string, string]): ServeError {
    return new ServeError(
      "INVALID_ARGUMENT",
      `in ensemble '${this.#ensemble}', ensemble tensor '${tensor}': inconsistent ${what}: ${first} is inferred from model '${one.model}' ` +
        `while ${second} is inferred from model '${other.model}'`,
    );
  }
}

/** Equal but for variable dimensions. */
export function areLike(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((size, axis) => size === -1 || other[axis] === -1 || size === other[axis]);
}

function whole({ dims, hasRows }: TensorNode): readonly number[] {
  return hasRows ? [-1, ...dims] : dims;
}

function shown(dims: readonly number[]): string {
  return `[${dims.join(",")}]`;
}
