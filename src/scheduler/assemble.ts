import { ServeError } from "../core/errors.ts";
import type { Payload } from "../core/inference.ts";
import type { ReplicaCall } from "../core/replica.ts";
import type { Sizing } from "../core/sizing.ts";
import type { Tensor } from "../core/tensor.ts";
import { cutTensor, largestSizes, lengthsOf, type Padded, padTensors } from "./padding.ts";

/** A request's part of a batch. The parts of one batch have the same sizing, or none has any. */
export interface Part {
  readonly rows: number;
  readonly padded: Padded | undefined;
}

/**
 * One call made of several that share a batch key: tensors stacked along the first dimension. Where the model pads, shorter ones are
 * filled up to the longest, and the call says how long each was.
 */
export function joinCalls(parts: ReadonlyArray<Part & { readonly call: ReplicaCall }>): ReplicaCall {
  const first = parts[0]?.call;
  if (first === undefined) throw new ServeError("INTERNAL", "a batch needs at least one request");
  if (parts.length === 1) return first;
  const sizing = parts[0]?.padded?.sizing;
  const lengths = sizing === undefined ? undefined : lengthsOf(parts.map(sized), sizing);
  const tensors = tensorsOf(first.payload).map(({ name }, index) => {
    const tensors = parts.map(({ call }) => tensorsOf(call.payload)[index] as Tensor);
    const input = lengths === undefined ? undefined : sizing?.padded.get(name);
    return input === undefined ? joinTensors(tensors) : padTensors(tensors, input);
  });
  return { ...first, origin: undefined, payload: { kind: "tensors", tensors }, ...(lengths === undefined ? {} : { lengths }) };
}

/**
 * The answer of a batch, cut along the first dimension into one payload per request; outputs that are as long as a padded input are cut
 * to the request's own length.
 * @throws ServeError INTERNAL when the model did not answer one row for each row it was given, or an output is not as long as declared
 */
export function splitPayload(payload: Payload, parts: readonly Part[]): Payload[] {
  if (parts.length === 1) return [payload];
  const total = parts.reduce((sum, { rows }) => sum + rows, 0);
  if (payload.kind !== "tensors") throw new ServeError("INTERNAL", `the model answered a batch with ${payload.kind}, not tensors`);
  for (const { name, shape } of payload.tensors) {
    if (shape[0] !== total) {
      throw new ServeError(
        "INTERNAL",
        `output '${name}' has shape [${shape}] for a batch of ${total} rows; its first dimension must be ${total}`,
      );
    }
  }
  const sizing = parts[0]?.padded?.sizing;
  if (sizing !== undefined) checkLengths(payload.tensors, sizing, largestSizes(parts.map(sized)));
  let start = 0;
  return parts.map(({ rows, padded }) => {
    const tensors = payload.tensors.map((tensor) => {
      const own = sliceTensor(tensor, start, rows, total);
      const output = padded?.sizing.cut.get(tensor.name);
      return padded === undefined || output === undefined ? own : cutTensor(own, output, padded.sizes);
    });
    start += rows;
    return { kind: "tensors", tensors };
  });
}

function checkLengths(tensors: readonly Tensor[], { cut }: Sizing, sizes: readonly number[]): void {
  for (const { name, shape } of tensors) {
    const output = cut.get(name);
    output?.axes.forEach((axis, index) => {
      const expected = sizes[output.input.offset + index];
      if (shape[axis] === expected) return;
      throw new ServeError(
        "INTERNAL",
        `output '${name}' has shape [${shape}] for a batch in which input '${output.input.name}' was padded to ${expected}; ` +
          `unpad says that it is as long, so its dimension ${axis} must be ${expected}`,
      );
    });
  }
}

function sized({ rows, padded }: Part): { readonly rows: number; readonly sizes: readonly number[] } {
  return { rows, sizes: padded?.sizes ?? [] };
}

function tensorsOf(payload: Payload): readonly Tensor[] {
  if (payload.kind !== "tensors") throw new ServeError("INTERNAL", `${payload.kind} cannot be batched`);
  return payload.tensors;
}

function joinTensors(parts: readonly Tensor[]): Tensor {
  const first = parts[0] as Tensor;
  let rows = 0;
  for (const part of parts) rows += part.shape[0] as number;
  const shape = [rows, ...first.shape.slice(1)];
  if (first.datatype === "BYTES") {
    return { name: first.name, datatype: "BYTES", shape, data: parts.flatMap((part) => (part.datatype === "BYTES" ? part.data : [])) };
  }
  let bytes = 0;
  for (const part of parts) bytes += (part.data as Uint8Array).byteLength;
  const data = new Uint8Array(bytes);
  let offset = 0;
  for (const part of parts) {
    data.set(part.data as Uint8Array, offset);
    offset += (part.data as Uint8Array).byteLength;
  }
  return { name: first.name, datatype: first.datatype, shape, data };
}

function sliceTensor(tensor: Tensor, start: number, count: number, total: number): Tensor {
  const shape = tensor.shape.slice();
  shape[0] = count;
  const perRow = total === 0 ? 0 : (tensor.datatype === "BYTES" ? tensor.data.length : tensor.data.byteLength) / total;
  const [from, to] = [start * perRow, (start + count) * perRow];
  if (tensor.datatype === "BYTES") return { ...tensor, shape, data: tensor.data.slice(from, to) };
  return { name: tensor.name, datatype: tensor.datatype, shape, data: tensor.data.subarray(from, to) };
}
