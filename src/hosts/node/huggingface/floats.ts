import type { Tensor as OrtTensor } from "onnxruntime-node";
import { ServeError } from "../../../core/errors.ts";
import { bytesOf, type NumericArray } from "../../../core/tensor.ts";

/** An output [rows, width] or [rows, tokens, width] as single precision. @throws ServeError UNIMPLEMENTED for other outputs */
export async function floatsOf(
  tensor: OrtTensor,
  rows: number,
): Promise<{ readonly values: Float32Array; readonly tokens: number; readonly width: number }> {
  const [first, ...rest] = tensor.dims;
  if (first !== rows || rest.length < 1 || rest.length > 2)
    throw new ServeError(
      "UNIMPLEMENTED",
      `the graph answers the shape [${tensor.dims}] for ${rows} rows; expected [${rows}, tokens, values]`,
    );
  const [tokens, width] = rest.length === 1 ? [1, rest[0] as number] : [rest[0] as number, rest[1] as number];
  return { values: singles(tensor), tokens, width };
}

function singles(tensor: OrtTensor): Float32Array {
  const data = tensor.data as NumericArray;
  if (data instanceof Float32Array) return data;
  if (tensor.type === "float64") return Float32Array.from(data as Float64Array);
  if (tensor.type !== "float16")
    throw new ServeError("UNIMPLEMENTED", `the graph answers ${tensor.type}, where floating point is expected`);
  const bytes = bytesOf(data);
  return Float32Array.from(new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2), fromHalf);
}

/** IEEE 754 half precision from its bits. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** exp(x) over its sum, of a part of some values. */
export function softmax(values: Float32Array | readonly number[]): Float64Array {
  let most = Number.NEGATIVE_INFINITY;
  for (const value of values) if (value > most) most = value;
  const raised = Float64Array.from(values, (value) => Math.exp(value - most));
  let sum = 0;
  for (const value of raised) sum += value;
  return raised.map((value) => value / sum);
}

/** The place of the largest value, the first of equal ones. */
export function largest(values: Float32Array | Float64Array): number {
  let best = 0;
  for (let index = 1; index < values.length; index++) if ((values[index] as number) > (values[best] as number)) best = index;
  return best;
}
