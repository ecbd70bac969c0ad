import type { ReplicaCall, SequenceStep } from "../../core/replica.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { KeptState } from "./states.ts";

/** One request of a sequence. */
export interface Waiting {
  /** Of the calls that came together. */
  readonly index: number;
  readonly call: ReplicaCall;
  readonly step: SequenceStep;
}

/** One request with everything that the model is given for it. */
export interface Member extends Waiting {
  readonly state: KeptState;
  /** Its own inputs, the states of its sequence and the controls. */
  readonly tensors: readonly Tensor[];
}

/**
 * The requests that are the model's next call, and those that wait for the one after. A sequence is in a call once, as the states of its next
 * request are what this one answers; where all tensors of a call must have one shape, the first request's counts.
 * @param prepare gives undefined for a request that cannot be given to the model; it is in neither
 */
export function nextGroup(
  waiting: readonly Waiting[],
  prepare: (waiting: Waiting) => Member | undefined,
  { largest, oneShape }: { readonly largest: number; readonly oneShape: boolean },
): { readonly group: readonly Member[]; readonly rest: readonly Waiting[] } {
  const group: Member[] = [];
  const rest: Waiting[] = [];
  const seen = new Set<string | bigint>();
  let shapes: string | undefined;
  for (const each of waiting) {
    const { id } = each.step;
    const member = seen.has(id) || group.length >= largest ? "later" : prepare(each);
    seen.add(id);
    if (member === undefined) continue;
    const own = member === "later" || !oneShape ? undefined : shapesOf(member.tensors);
    shapes ??= own;
    if (member === "later" || own !== shapes) rest.push(each);
    else group.push(member);
  }
  return { group, rest };
}

function shapesOf(tensors: readonly Tensor[]): string {
  const parts = tensors.map(({ name, datatype, shape }) => JSON.stringify([name, datatype, shape]));
  return parts.sort().join();
}

/** The requests at the rows that they have in their call, up to the highest slot; undefined where a slot has none. */
export function placed(group: readonly Member[]): Array<Member | undefined> {
  if (group.some(({ step }) => step.slot === undefined)) return [...group];
  const rows = group.reduce((most, { step }) => Math.max(most, (step.slot ?? 0) + 1), 0);
  const result: Array<Member | undefined> = Array.from({ length: rows }, () => undefined);
  for (const member of group) result[member.step.slot ?? 0] = member;
  return result;
}
