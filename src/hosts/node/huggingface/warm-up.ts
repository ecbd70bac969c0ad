import { messageOf, ServeError } from "../../../core/errors.ts";
import type { JsonObject, Payload } from "../../../core/inference.ts";
import { elementsOf, type Tensor } from "../../../core/tensor.ts";
import type { TaskMethod } from "./loaded.ts";

/** Of floating point numbers, as a share of the largest: their sums differ with the padding that they are made over. */
const TOLERANCE = 1e-4;

/**
 * Asks for the method's samples, and whether two answer alike in one call and in calls of their own.
 * @throws ServeError INVALID_ARGUMENT when the model does not answer
 */
export async function tryMethod(name: string, { run, samples = [], isRowWise = false }: TaskMethod): Promise<boolean> {
  const answer = async (rows: readonly JsonObject[string][]): Promise<Payload> => {
    const signal = new AbortController().signal;
    try {
      return await run({ method: name, payload: { kind: "rows", rows }, outputs: undefined, parameters: {}, signal });
    } catch (error) {
      const message = `the model does not answer an example of method '${name}': ${messageOf(error)}`;
      throw new ServeError("INVALID_ARGUMENT", message, { cause: error });
    }
  };
  if (samples.length === 0) return false;
  const first = await answer(samples.slice(0, 1));
  if (!isRowWise || samples.length < 2 || first.kind !== "tensors") return false;
  const second = await answer(samples.slice(1, 2));
  const both = await answer(samples.slice(0, 2));
  if (both.kind !== "tensors" || second.kind !== "tensors") return false;
  return both.tensors.every((tensor, index) => {
    const parts = [first.tensors[index], second.tensors[index]];
    return (
      tensor.shape[0] === 2 &&
      same(
        valuesOf(tensor),
        parts.flatMap((part) => (part === undefined ? [] : valuesOf(part))),
      )
    );
  });
}

function valuesOf(tensor: Tensor): Array<number | bigint | string> {
  if (tensor.datatype === "BYTES") return tensor.data.map((element) => Buffer.from(element).toString("latin1"));
  return Array.from(elementsOf(tensor) as Iterable<number | bigint>);
}

function same(left: ReadonlyArray<number | bigint | string>, right: ReadonlyArray<number | bigint | string>): boolean {
  if (left.length !== right.length) return false;
  const scale = Math.max(1e-6, ...right.map((value) => (typeof value === "number" ? Math.abs(value) : 0)));
  return left.every((value, index) => {
    const other = right[index];
    return value === other || (typeof value === "number" && typeof other === "number" && Math.abs(value - other) <= TOLERANCE * scale);
  });
}
