import type { Cancellation } from "../../core/cancellation.ts";
import { ServeError } from "../../core/errors.ts";
import type { Parameters } from "../../core/inference.ts";
import type { SequenceControl } from "../../core/model-configuration.ts";
import type { Replica, ReplicaCall, ReplicaResult } from "../../core/replica.ts";
import type { Tensor } from "../../core/tensor.ts";
import { controlTensors } from "./controls.ts";
import { type Member, placed } from "./group.ts";
import { zeroTensor } from "./initial-tensor.ts";
import { cutRow, stackRows } from "./rows.ts";

export interface ModelCall {
  readonly inner: Replica;
  readonly controls: readonly SequenceControl[];
  readonly hasRows: boolean;
  /** Names of outputs that every call needs: the states. */
  readonly needed: readonly string[];
  readonly group: readonly Member[];
  /** For each of the group, the outputs that it wants. */
  readonly wanted: ReadonlyArray<readonly string[]>;
}

/** Of one request: all outputs that the model has answered for it. */
export interface MemberAnswer {
  readonly tensors: readonly Tensor[];
  readonly parameters?: Parameters | undefined;
  readonly computeMs: number;
}

/** One call for the whole group, each request a row of it; a slot without a request has a null row. @throws ServeError for all of them */
export async function askJoined(call: ModelCall, cancellation: Cancellation | undefined): Promise<MemberAnswer[]> {
  const { inner, controls, hasRows, needed, group, wanted } = call;
  const first = group[0] as Member;
  const rows = hasRows ? placed(group) : [first];
  const nulls = rows.includes(undefined) ? controlTensors(controls, undefined, hasRows) : [];
  const tensors = first.tensors.map(({ name }) => {
    const null_ = nulls.find((tensor) => tensor.name === name);
    return stackRows(rows.map((member) => (member === undefined ? null_ : member.tensors.find((tensor) => tensor.name === name))));
  });
  const { origin, parameters, method } = first.call;
  const { payload, computeMs } = await inner.run(
    {
      method,
      payload: { kind: "tensors", tensors },
      outputs: [...new Set([...wanted.flat(), ...needed])],
      ...(group.length > 1 ? {} : { origin, ...(parameters === undefined ? {} : { parameters }) }),
    },
    cancellation,
  );
  const answered = tensorsOf(payload);
  return group.map((member) => ({
    tensors: hasRows ? answered.map((tensor) => cutRow(tensor, rows.indexOf(member), rows.length)) : answered,
    computeMs,
  }));
}

/** The group for a model whose requests stay what they are; a slot without a request has a null request. */
export async function askTogether(call: ModelCall, cancellation: Cancellation | undefined): Promise<Array<MemberAnswer | ServeError>> {
  const { inner, controls, hasRows, needed, group, wanted } = call;
  if (inner.runTogether === undefined) throw new ServeError("INTERNAL", "a model whose calls go together cannot carry them out");
  const rows = placed(group);
  const calls = rows.map((member): ReplicaCall => {
    if (member === undefined) return nullCall(group[0] as Member, controlTensors(controls, undefined, hasRows));
    const outputs = [...new Set([...(wanted[group.indexOf(member)] ?? []), ...needed])];
    return { ...member.call, payload: { kind: "tensors", tensors: member.tensors }, outputs };
  });
  const results = await inner.runTogether(calls, cancellation);
  return group.map((member) => answerOf(results[rows.indexOf(member)]));
}

function answerOf(result: ReplicaResult | ServeError | undefined): MemberAnswer | ServeError {
  if (result === undefined) return new ServeError("INTERNAL", "the model answered fewer requests than it was given");
  if (result instanceof ServeError) return result;
  const { payload, computeMs } = result;
  return { tensors: tensorsOf(payload), parameters: payload.kind === "tensors" ? payload.parameters : undefined, computeMs };
}

function nullCall({ call, tensors }: Member, nulls: readonly Tensor[]): ReplicaCall {
  const zeros = tensors.map(({ name, datatype, shape }) => nulls.find((each) => each.name === name) ?? zeroTensor(name, datatype, shape));
  return { method: call.method, payload: { kind: "tensors", tensors: zeros } };
}

function tensorsOf(payload: ReplicaResult["payload"]): readonly Tensor[] {
  if (payload.kind === "tensors") return payload.tensors;
  throw new ServeError("INTERNAL", `the model answered a request of a sequence with ${payload.kind}, not tensors`);
}
