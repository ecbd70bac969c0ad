import type { Clock } from "../../core/clock.ts";
import { ServeError } from "../../core/errors.ts";
import type { Replica, ReplicaCall } from "../../core/replica.ts";
import type { TensorSpec } from "../../core/signature.ts";
import { byteSize, elementsOf, type Tensor } from "../../core/tensor.ts";
import type { InlineCost } from "./cost.ts";
import type { InlineSession } from "./replica.ts";

/** Sizes of the batches whose cost is measured; the first is what every model must be able to. */
const PROOF_ROWS = [1, 4, 16, 64, 256, 1024];
/** The fastest counts: the others were interrupted, or the first of their size. */
const REPETITIONS = 5;
const LARGEST_INPUT_BYTES = 4 * 1024 * 1024;
/** Two processes of one ONNX Runtime compute the same; a host elsewhere may add up in another order. */
const RELATIVE_TOLERANCE = 1e-5;

export interface Proof {
  readonly session: InlineSession;
  readonly host: Replica;
  /** A call that the host has answered. */
  readonly sample: ReplicaCall | undefined;
  readonly clock: Clock;
  readonly cost: InlineCost;
  /** Milliseconds that a batch may take. */
  readonly budget: number;
  readonly makeRows: (inputs: readonly TensorSpec[], rows: number) => Tensor[];
}

/**
 * Asks the session and the host the same, and measures what batches of different sizes cost here.
 * @throws ServeError FAILED_PRECONDITION when the answers differ or one row costs more than the budget; what the host throws
 */
export async function prove(proof: Proof): Promise<void> {
  const { session, host, sample, makeRows, budget, cost } = proof;
  const { inputs, batchable } = host.description.methods.predict ?? { inputs: [] };
  const calls = (batchable === true ? [1, 2] : [1]).map((rows) => callOf(makeRows(inputs, rows)));
  for (const call of sample === undefined ? calls : [sample, ...calls]) await compare(session, host, call);
  for (const rows of batchable === true ? PROOF_ROWS : [1]) {
    if (cost.predict(rows) > budget) break;
    const tensors = makeRows(inputs, rows);
    if (tensors.reduce((sum, tensor) => sum + byteSize(tensor), 0) > LARGEST_INPUT_BYTES) break;
    const fastest = await fastestOf(proof, tensors);
    if (fastest > budget) break;
    cost.prove(rows, fastest);
  }
  if (cost.rowsWithin(budget) < 1) {
    throw new ServeError("FAILED_PRECONDITION", `one row costs more than the ${budget} ms of a turn`);
  }
}

async function fastestOf({ session, clock, budget }: Proof, tensors: readonly Tensor[]): Promise<number> {
  let fastest = Number.POSITIVE_INFINITY;
  for (let repetition = 0; repetition < REPETITIONS; repetition++) {
    let started = clock.now();
    clock.afterTurn(() => {
      started = clock.now();
    });
    await session.run(tensors, undefined);
    fastest = Math.min(fastest, clock.now() - started);
    // Each of them holds up everybody else; the first may just have been interrupted.
    if (fastest > budget && repetition > 0) break;
  }
  return fastest;
}

function callOf(tensors: readonly Tensor[]): ReplicaCall {
  return { method: "predict", payload: { kind: "tensors", tensors } };
}

async function compare(session: InlineSession, host: Replica, call: ReplicaCall): Promise<void> {
  if (call.payload.kind !== "tensors") throw new ServeError("FAILED_PRECONDITION", "it is asked with something else than tensors");
  const { payload } = await host.run(call);
  const expected = payload.kind === "tensors" ? payload.tensors : [];
  const found = await session.run(call.payload.tensors, call.outputs);
  for (const tensor of found) {
    const other = expected.find(({ name }) => name === tensor.name);
    if (other === undefined || !isSame(tensor, other)) {
      throw new ServeError("FAILED_PRECONDITION", `its output '${tensor.name}' differs from what the model answers in its host`);
    }
  }
  if (found.length !== expected.length) throw new ServeError("FAILED_PRECONDITION", "it has other outputs than in its host");
}

/** Whether two tensors have one type and shape, and elements that differ by rounding at most. */
export function isSame(left: Tensor, right: Tensor): boolean {
  if (left.datatype !== right.datatype || left.shape.join() !== right.shape.join()) return false;
  if (left.datatype === "BYTES" || right.datatype === "BYTES") {
    const others = right.data as readonly Uint8Array[];
    return (left.data as readonly Uint8Array[]).every((element, index) => Buffer.from(element).equals(others[index] ?? Buffer.of()));
  }
  if (Buffer.from(left.data).equals(right.data)) return true;
  if (left.datatype !== "FP32" && left.datatype !== "FP64") return false;
  const others = elementsOf(right);
  return (elementsOf(left) as Float64Array).every((value, index) => isClose(value, Number(others[index])));
}

function isClose(left: number, right: number): boolean {
  if (left === right || (Number.isNaN(left) && Number.isNaN(right))) return true;
  return Math.abs(left - right) <= RELATIVE_TOLERANCE * Math.max(Math.abs(left), Math.abs(right), 1e-6);
}
