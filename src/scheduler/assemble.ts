import { ServeError } from "../core/errors.ts";
import type { Payload } from "../core/inference.ts";
import type { ReplicaCall } from "../core/replica.ts";
import type { Tensor } from "../core/tensor.ts";

/** One call made of several that share a batch key: tensors stacked along the first dimension. */
export function joinCalls(parts: ReadonlyArray<{ readonly call: ReplicaCall }>): ReplicaCall {
  const first = parts[0]?.call;
  if (first === undefined) throw new ServeError("INTERNAL", "a batch needs at least one request");
  if (parts.length === 1) return first;
  const tensors = tensorsOf(first.payload).map((_, index) =>
    joinTensors(parts.map(({ call }) => tensorsOf(call.payload)[index] as Tensor)),
  );
  return { ...first, payload: { kind: "tensors", tensors } };
}

/**
 * The answer of a batch, cut along the first dimension into one payload per request.
 * @throws ServeError INTERNAL when the model did not answer one row for each row it was given
 */
export function splitPayload(payload: Payload, parts: ReadonlyArray<{ readonly rows: number }>): Payload[] {
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
  let start = 0;
  return parts.map(({ rows }) => {
    const tensors = payload.tensors.map((tensor) => sliceTensor(tensor, start, rows, total));
    start += rows;
    return { kind: "tensors", tensors };
  });
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
