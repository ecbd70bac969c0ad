import type { RequestContext } from "../core/context.ts";
import type { ReplicaCall, ReplicaResult } from "../core/replica.ts";
import type { Priority } from "../core/scheduling.ts";
import type { Sizing } from "../core/sizing.ts";
import { batchKey } from "./batching.ts";
import { NOT_WAITING, type Waiting } from "./flow.ts";

/** A request that waits for a replica, or is with one. */
export interface Entry extends Waiting {
  readonly call: ReplicaCall;
  readonly context: RequestContext;
  /** True after a shared batch or its host has failed: the request has one more try, by itself. */
  readonly retried: boolean;
  /** The id of the only replica that can answer it; undefined when any can. */
  readonly replica: string | undefined;
  settled: boolean;
  readonly resolve: (result: ReplicaResult) => void;
  readonly reject: (error: Error) => void;
}

/** What is fixed of a request when it arrives; the rest is who waits for its answer. */
export interface Arrival {
  readonly call: ReplicaCall;
  readonly context: RequestContext;
  /** Undefined for one that must run alone. */
  readonly rows: number | undefined;
  readonly cost: number;
  /** Undefined for a model that declares nothing about sizes. */
  readonly sizing: Sizing | undefined;
  readonly bytes: number;
  readonly replica: string | undefined;
  readonly priority: Priority;
  /** Clock milliseconds. */
  readonly now: number;
}

export function createEntry(
  { call, context, rows, cost, sizing, bytes, replica, priority, now }: Arrival,
  resolve: Entry["resolve"],
  reject: Entry["reject"],
): Entry {
  const key = rows === undefined || rows === 0 ? undefined : batchKey(call, sizing);
  const pads = sizing !== undefined && key !== undefined && sizing.padded.size > 0;
  return {
    call,
    context,
    key,
    rows: rows ?? 1,
    cost,
    bytes,
    padded: pads ? { sizing, sizes: sizing.sizesOf(call.payload) } : undefined,
    principal: context.principal,
    priority,
    enqueuedAt: now,
    deadline: context.deadline,
    retried: false,
    replica,
    settled: false,
    slot: NOT_WAITING,
    charged: 0,
    resolve,
    reject,
  };
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
