import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import type { TensorSpec } from "../../core/signature.ts";
import type { Tensor } from "../../core/tensor.ts";
import { generateRows, toOrt } from "../../onnx/index.ts";

const RELATIVE_TOLERANCE = 1e-5;

/**
 * True when every input and output has the same symbolic first dimension, which is what a batch grows along. `isDeclared`: ones without a
 * name are the same too, because somebody says so.
 */
export function firstDimensionIsShared(values: readonly InferenceSession.ValueMetadata[], isDeclared = false): boolean {
  const first = values.map((value) => (value.isTensor ? value.shape[0] : undefined));
  return typeof first[0] === "string" && (first[0] !== "" || isDeclared) && first.every((dimension) => dimension === first[0]);
}

/** Whether two different rows give the same together and apart: the proof that requests may share a call. */
export async function rowsAreIndependent(session: InferenceSession, inputs: readonly TensorSpec[]): Promise<boolean> {
  const both = generateRows(inputs, 2);
  try {
    const together = await run(session, both);
    const apart = [
      await run(
        session,
        both.map((tensor) => rowOf(tensor, 0)),
      ),
      await run(
        session,
        both.map((tensor) => rowOf(tensor, 1)),
      ),
    ];
    return session.outputNames.every((name) => {
      const whole = together[name];
      const parts = apart.map((result) => result[name]);
      if (whole?.dims[0] !== 2 || parts.some((part) => part?.dims[0] !== 1)) return false;
      return same(
        elementsOf(whole),
        parts.flatMap((part) => elementsOf(part as OrtTensor)),
      );
    });
  } catch {
    // A graph that cannot take two rows is simply not batched.
    return false;
  }
}

function run(session: InferenceSession, tensors: readonly Tensor[]): ReturnType<InferenceSession["run"]> {
  return session.run(Object.fromEntries(tensors.map((tensor) => [tensor.name, toOrt(tensor)])));
}

function rowOf(tensor: Tensor, row: number): Tensor {
  const shape = [1, ...tensor.shape.slice(1)];
  if (tensor.datatype === "BYTES")
    return { ...tensor, shape, data: tensor.data.slice((row * tensor.data.length) / 2, ((row + 1) * tensor.data.length) / 2) };
  const bytes = tensor.data.byteLength / 2;
  return { ...tensor, shape, data: tensor.data.slice(row * bytes, (row + 1) * bytes) };
}

function elementsOf(tensor: OrtTensor): unknown[] {
  return Array.from(tensor.data as Iterable<unknown>);
}

function same(left: readonly unknown[], right: readonly unknown[]): boolean {
  return left.length === right.length && left.every((value, index) => close(value, right[index]));
}

function close(left: unknown, right: unknown): boolean {
  if (typeof left !== "number" || typeof right !== "number") return left === right;
  if (Number.isNaN(left) && Number.isNaN(right)) return true;
  return left === right || Math.abs(left - right) <= RELATIVE_TOLERANCE * Math.max(Math.abs(left), Math.abs(right), 1e-6);
}
