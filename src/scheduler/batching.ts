import type { Payload } from "../core/inference.ts";
import type { ReplicaCall } from "../core/replica.ts";
import { byteSize } from "../core/tensor.ts";

/** What a batch may grow to. */
export interface BatchLimits {
  readonly maxRows: number;
  readonly maxBytes: number;
}

/** What batching needs to know of a waiting request. */
export interface Batchable {
  /** Only requests with equal keys meet; undefined for a request that must run alone. */
  readonly key: string | undefined;
  readonly rows: number;
  readonly bytes: number;
}

/**
 * Equal for two calls exactly when they may share one: same method, outputs, parameters, and tensors of the same
 * names, datatypes and trailing shapes. Undefined for payloads that cannot be put together.
 */
export function batchKey(call: ReplicaCall): string | undefined {
  if (call.payload.kind !== "tensors") return undefined;
  let key = call.method;
  if (call.outputs !== undefined) key += `>${JSON.stringify(call.outputs)}`;
  if (call.parameters !== undefined) key += `?${parametersKey(call.parameters)}`;
  for (const { name, datatype, shape } of call.payload.tensors) {
    if (shape.length === 0) return undefined;
    // Quoted, or a name could look like the next tensor's part of the key.
    key += `|${JSON.stringify(name)}:${datatype}`;
    for (let axis = 1; axis < shape.length; axis++) key += `,${shape[axis]}`;
  }
  return key;
}

function parametersKey(parameters: Readonly<Record<string, unknown>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${JSON.stringify(name)}=${typeof value}:${String(value)}`)
    .sort()
    .join("&");
}

/** Number of rows that all tensors of the call share along the first dimension; undefined when they do not agree. */
export function rowsOf(call: ReplicaCall): number | undefined {
  if (call.payload.kind !== "tensors") return undefined;
  let rows: number | undefined;
  for (const tensor of call.payload.tensors) {
    const first = tensor.shape[0];
    if (first === undefined || (rows !== undefined && rows !== first)) return undefined;
    rows = first;
  }
  return rows;
}

/**
 * Which of the waiting requests make the next batch: the first one, and after it, in order, all that share its key
 * and still fit. The first is always taken, however large it is.
 */
export function chooseBatch<Item extends Batchable>(waiting: Iterable<Item>, limits: BatchLimits): Item[] {
  const batch: Item[] = [];
  let key: string | undefined;
  let rows = 0;
  let bytes = 0;
  for (const item of waiting) {
    if (batch.length === 0) {
      key = item.key;
    } else {
      if (item.key !== key) continue;
      if (rows + item.rows > limits.maxRows || bytes + item.bytes > limits.maxBytes) continue;
    }
    batch.push(item);
    rows += item.rows;
    bytes += item.bytes;
    if (key === undefined || rows >= limits.maxRows) break;
  }
  return batch;
}

/** Bytes of a call's tensors. */
export function payloadBytes(payload: Payload): number {
  // JSON payloads are small by nature (custom models); what they weigh is bounded by the body limit.
  if (payload.kind !== "tensors") return 0;
  let bytes = 0;
  for (const tensor of payload.tensors) bytes += byteSize(tensor);
  return bytes;
}
