import type { BatchCut } from "../core/batch.ts";
import type { Payload } from "../core/inference.ts";
import type { LatencyCurve } from "../core/latency-curve.ts";
import type { ReplicaCall } from "../core/replica.ts";
import type { TensorSpec } from "../core/signature.ts";
import type { Sizing } from "../core/sizing.ts";
import { byteSize } from "../core/tensor.ts";
import { type Padded, PaddedExtent } from "./padding.ts";

/** Requests in a row that do not join a batch after which no more are looked at: with this many kinds of requests there is little to share. */
const MOST_PASSED_OVER = 1024;
/** Bytes of padding for each byte of requests. */
const MOST_PADDING = 1 / 2;

/** What a batch may grow to. */
export interface BatchLimits {
  readonly maxRows: number;
  readonly maxBytes: number;
  /** Ascending: a batch is cut to the largest of these that it reaches. */
  readonly preferredRows?: readonly number[];
  /** Milliseconds by which sharing may make the first request slower than it would be alone. */
  readonly maxAddedMs?: number;
}

/** What batching needs to know of a waiting request. */
export interface Batchable {
  /** Only requests with equal keys meet; undefined for a request that must run alone. */
  readonly key: string | undefined;
  readonly rows: number;
  /** Its work: its rows, or what its model declares. At least 1. */
  readonly cost: number;
  readonly bytes: number;
  /** Undefined for a model that does not pad. */
  readonly padded: Padded | undefined;
  /** Clock milliseconds. */
  readonly enqueuedAt: number;
  readonly deadline: number;
}

/** What is known when a replica has become free. */
export interface Moment {
  readonly now: number;
  /** What a call of the replica takes by its cost. */
  readonly curve: LatencyCurve;
  /** Rows of all that wait. */
  readonly rowsWaiting: number;
  /** Their cost, without padding. */
  readonly costWaiting: number;
}

/**
 * Which of the waiting requests, the one that is next first, a free replica gets; or that it gets none before a moment in clock
 * milliseconds. Pure.
 */
export type BatchPolicy = <Item extends Batchable>(
  waiting: Iterable<Item>,
  limits: BatchLimits,
  moment: Moment,
) => { readonly batch: Item[]; readonly cut: BatchCut } | { readonly holdUntil: number };

/**
 * Equal for two calls exactly when they may share one: same method, outputs, parameters, and tensors of the same
 * names, datatypes and trailing shapes, up to what is padded. Undefined for payloads that cannot be put together.
 */
export function batchKey(call: ReplicaCall, sizing?: Sizing): string | undefined {
  if (call.payload.kind !== "tensors") return undefined;
  let key = call.method;
  if (call.outputs !== undefined) key += `>${JSON.stringify(call.outputs)}`;
  if (call.parameters !== undefined) key += `?${parametersKey(call.parameters)}`;
  for (const { name, datatype, shape } of call.payload.tensors) {
    if (shape.length === 0) return undefined;
    // Quoted, or a name could look like the next tensor's part of the key.
    key += `|${JSON.stringify(name)}:${datatype}`;
    const padded = sizing?.padded.get(name)?.axes;
    for (let axis = 1; axis < shape.length; axis++) key += padded?.includes(axis) ? ",*" : `,${shape[axis]}`;
  }
  return key;
}

/**
 * Equal for two calls exactly when they may go together: same method, and tensors of the same names, datatypes and trailing shapes, but for
 * those of inputs that are ragged. What else they ask for is each one's own.
 */
export function togetherKey({ method, payload }: ReplicaCall, inputs: readonly TensorSpec[] = []): string {
  if (payload.kind !== "tensors") return method;
  let key = method;
  for (const { name, datatype, shape } of payload.tensors) {
    // With its length before it, or a name could look like the next tensor's part of the key.
    key += `|${name.length}:${name}:${datatype}`;
    if (isRagged(name, inputs)) key += "*";
    else for (let axis = 1; axis < shape.length; axis++) key += `,${shape[axis]}`;
  }
  return key;
}

function isRagged(name: string, inputs: readonly TensorSpec[]): boolean {
  for (const input of inputs) if (input.ragged === true && input.name === name) return true;
  return false;
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
 * Never holds a request back: what queued while the replicas were busy is the batch. The first request is always taken, however large
 * it is; after it, in order, all that share its key and fit, so long as all of them are expected to be answered by their deadlines. For
 * a deadline a batch is cut to half of what waits and no further: smaller calls cost more for each row, and one late request would make
 * all behind it late. Requests of different sizes meet only where padding is worth it, see {@link isWasteful}.
 */
export function batchWhileBusy<Item extends Batchable>(
  waiting: Iterable<Item>,
  limits: BatchLimits,
  { now, curve, rowsWaiting, costWaiting }: Moment,
): { readonly batch: Item[]; readonly cut: BatchCut } {
  const batch: Item[] = [];
  const enough = (Math.min(limits.maxRows, rowsWaiting) / 2) * (costWaiting / Math.max(1, rowsWaiting));
  let key: string | undefined;
  let rows = 0;
  let bytes = 0;
  let cost = 0;
  let maxCost = Number.POSITIVE_INFINITY;
  let cut: BatchCut = "drained";
  let deadline = Number.POSITIVE_INFINITY;
  let costInTime = Number.POSITIVE_INFINITY;
  let passedOver = 0;
  let extent: PaddedExtent | undefined;
  for (const item of waiting) {
    if (passedOver === MOST_PASSED_OVER) break;
    const after = rows + item.rows;
    const inTime = item.deadline < deadline ? curve.rowsWithin(item.deadline - now) : costInTime;
    if (batch.length === 0) {
      key = item.key;
      if (key === undefined) cut = "alone";
      else if (item.padded !== undefined) extent = new PaddedExtent(item.padded.sizing);
      if (limits.maxAddedMs !== undefined) maxCost = costWithAdded(curve, item.cost, limits.maxAddedMs);
    } else {
      passedOver++;
      if (item.key !== key) continue;
    }
    const own = cost + item.cost;
    const content = bytes + item.bytes;
    let total = own;
    let padding = 0;
    if (extent !== undefined && item.padded !== undefined) {
      extent.consider(item.rows, item.padded.sizes);
      total = extent.cost ?? own;
      padding = extent.padding;
    }
    if (batch.length > 0) {
      const obstacle =
        after > limits.maxRows
          ? "rows"
          : total > maxCost
            ? "latency"
            : content + padding > limits.maxBytes
              ? "bytes"
              : total > inTime && total > enough
                ? "latency"
                : padding > 0 && isWasteful(padding, content, total - own, curve)
                  ? "padding"
                  : undefined;
      if (obstacle !== undefined) {
        cut = obstacle;
        continue;
      }
    }
    passedOver = 0;
    batch.push(item);
    extent?.add();
    rows = after;
    bytes = content;
    cost = own;
    costInTime = inTime;
    deadline = Math.min(deadline, item.deadline);
    if (key === undefined) break;
    if (rows >= limits.maxRows || total >= maxCost) {
      cut = rows >= limits.maxRows ? "rows" : "latency";
      break;
    }
  }
  if (limits.preferredRows !== undefined && cutToPreferred(batch, rows, limits.preferredRows)) cut = "preferred";
  return { batch, cut };
}

/**
 * At most a third of a batch's bytes is padding; and as far as the model's cost is known, it never takes longer than what it saves, a
 * call of its own.
 */
function isWasteful(padding: number, content: number, cost: number, curve: LatencyCurve): boolean {
  return padding > content * MOST_PADDING || cost * curve.perRow > curve.fixed;
}

function costWithAdded(curve: LatencyCurve, cost: number, addedMs: number): number {
  const alone = curve.predict(cost);
  return alone === undefined ? Number.POSITIVE_INFINITY : Math.max(cost, curve.rowsWithin(alone + addedMs));
}

/** Leaves out the last ones until the rows are at most the largest preferred number that they reach; false when they reach none. */
function cutToPreferred(batch: Batchable[], rows: number, preferred: readonly number[]): boolean {
  const target = preferred.findLast((size) => size <= rows);
  if (target === undefined) return false;
  let left = rows;
  while (left > target && batch.length > 1) left -= (batch.pop() as Batchable).rows;
  return true;
}

/** Bytes of a call's tensors. */
export function payloadBytes(payload: Payload): number {
  // JSON payloads are small by nature (custom models); what they weigh is bounded by the body limit.
  if (payload.kind !== "tensors") return 0;
  let bytes = 0;
  for (const tensor of payload.tensors) bytes += byteSize(tensor);
  return bytes;
}
