import type { RequestContext } from "../core/context.ts";
import type { ReplicaCall, ReplicaResult, SequenceStep } from "../core/replica.ts";
import type { Priority } from "../core/scheduling.ts";
import type { TensorSpec } from "../core/signature.ts";
import { type Sharing, type Sizing, sizingOf } from "../core/sizing.ts";
import { batchKey, payloadBytes, rowsOf, togetherKey } from "./batching.ts";
import { NOT_WAITING, type Waiting } from "./flow.ts";

/** A request that waits for a replica, or is with one. */
export interface Entry extends Waiting {
  readonly call: ReplicaCall;
  readonly context: RequestContext;
  /** True after a shared batch or its host has failed: the request has one more try, by itself. */
  readonly retried: boolean;
  /** The id of the only replica that can answer it; undefined when any can, or while its sequence is not its turn. */
  replica: string | undefined;
  /** Of a model whose owner said how sequences share its calls. */
  sequence: SequenceStep | undefined;
  /** It stays a call of its own among those that it shares a batch with. */
  readonly together: boolean;
  late: boolean;
  /** Clock milliseconds after which it has waited for too long; Infinity for never. */
  waitUntil: number;
  settled: boolean;
  readonly resolve: (result: ReplicaResult) => void;
  readonly reject: (error: Error) => void;
}

/** How large a request is, and whether it may share a call. */
export interface Measured {
  /** Undefined for one that must run alone. */
  readonly rows: number | undefined;
  /** Rows that it counts for, alone or not; at least 1 where nobody says what rows are. */
  readonly counted: number;
  readonly cost: number;
  /** Undefined for a model that declares nothing about sizes. */
  readonly sizing: Sizing | undefined;
  readonly together: boolean;
  /** Those that the method takes, where it says so. */
  readonly inputs: readonly TensorSpec[] | undefined;
  readonly bytes: number;
}

/** @throws ServeError INVALID_ARGUMENT for what the signature says wrongly about sizes */
export function measure(call: ReplicaCall, signature: Sharing, sequence: SequenceStep | undefined): Measured {
  const { batchable, stateful, together = false, inputs } = signature;
  const isShared = batchable === true && (stateful !== true || sequence !== undefined);
  // What stays a call of its own may have any tensors.
  const rows = isShared ? (rowsOf(call) ?? (together ? 1 : undefined)) : undefined;
  const sizing = sizingOf(signature);
  const counted = rows ?? (signature.maxRows === undefined ? 1 : (rowsOf(call) ?? 1));
  const cost = sizing === undefined ? Math.max(1, counted) : sizing.costOf(call.payload, counted);
  return { rows, counted, cost, sizing, together, inputs, bytes: payloadBytes(call.payload) };
}

/** What is fixed of a request when it arrives, besides its size; the rest is who waits for its answer. */
export interface Arrival {
  readonly call: ReplicaCall;
  readonly context: RequestContext;
  readonly replica: string | undefined;
  readonly sequence: SequenceStep | undefined;
  readonly priority: Priority;
  readonly waitUntil: number;
  /** Clock milliseconds. */
  readonly now: number;
}

export function createEntry(
  { rows, counted, cost, sizing, together, inputs, bytes }: Measured,
  { call, context, replica, sequence, priority, waitUntil, now }: Arrival,
  resolve: Entry["resolve"],
  reject: Entry["reject"],
): Entry {
  const key =
    rows === undefined || rows === 0
      ? undefined
      : together
        ? togetherKey(call, inputs)
        : sequence === undefined
          ? batchKey(call, sizing)
          : undefined;
  const pads = !together && sizing !== undefined && key !== undefined && sizing.padded.size > 0;
  return {
    call,
    context,
    key,
    rows: counted,
    cost,
    bytes,
    padded: pads ? { sizing, sizes: sizing.sizesOf(call.payload) } : undefined,
    principal: context.principal,
    priority,
    enqueuedAt: now,
    deadline: context.deadline,
    retried: false,
    late: false,
    waitUntil,
    replica,
    sequence,
    together,
    settled: false,
    slot: NOT_WAITING,
    charged: 0,
    resolve,
    reject,
  };
}

/** The call as its replica is given it. */
export function callOf({ call, sequence }: Pick<Entry, "call" | "sequence">): ReplicaCall {
  return sequence === undefined ? call : { ...call, sequence };
}

/** The same request once more, by itself. */
export function again(entry: Entry): Entry {
  return { ...entry, key: undefined, retried: true, slot: NOT_WAITING, charged: 0 };
}

/** Nobody hears of an entry twice. */
export function answerEntry(entry: Entry, result: ReplicaResult): void {
  if (entry.settled) return;
  entry.settled = true;
  entry.context.onAbort(undefined);
  entry.resolve(result);
}

export function failEntry(entry: Entry, error: Error): void {
  if (entry.settled) return;
  entry.settled = true;
  entry.context.onAbort(undefined);
  entry.reject(error);
}
