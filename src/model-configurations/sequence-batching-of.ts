import type { SequenceBatching, SequenceControl, SequenceState } from "../core/model-configuration.ts";
import {
  ModelSequenceBatching_Control_Kind as Kind,
  type ModelSequenceBatching,
  type ModelSequenceBatching_Control,
  type ModelSequenceBatching_State,
} from "../grpc-messages/index.ts";
import { datatypeOf } from "./datatypes.ts";
import { numbersOf } from "./whole-numbers.ts";

/** What is said of sequences, of a message that has been checked. */
export function sequenceBatchingOf(batching: ModelSequenceBatching, maxBatchSize: number): SequenceBatching {
  return {
    strategy: strategyOf(batching, maxBatchSize),
    idleMs: Number(batching.maxSequenceIdleMicroseconds) / 1000,
    controls: batching.controlInput.flatMap(({ name, control }) => control.map((each) => controlOf(name, each))),
    states: batching.state.map(stateOf),
    iterative: batching.iterativeSequence,
  };
}

function strategyOf({ strategyChoice: strategy }: ModelSequenceBatching, maxBatchSize: number): SequenceBatching["strategy"] {
  if (strategy.case === "oldest") {
    const { maxCandidateSequences, preferredBatchSize, maxQueueDelayMicroseconds, preserveOrdering } = strategy.value;
    return {
      kind: "oldest",
      maxCandidateSequences: maxCandidateSequences > 0 ? maxCandidateSequences : Math.max(1, maxBatchSize),
      preferredBatchSizes: preferredBatchSize,
      maxQueueDelayMs: Number(maxQueueDelayMicroseconds) / 1000,
      preserveOrdering,
    };
  }
  return {
    kind: "direct",
    maxQueueDelayMs: Number(strategy.value?.maxQueueDelayMicroseconds ?? 0n) / 1000,
    minimumSlotUtilization: strategy.value?.minimumSlotUtilization ?? 0,
  };
}

const KINDS = {
  [Kind.CONTROL_SEQUENCE_START]: "start",
  [Kind.CONTROL_SEQUENCE_END]: "end",
  [Kind.CONTROL_SEQUENCE_READY]: "ready",
} as const;

function controlOf(name: string, control: ModelSequenceBatching_Control): SequenceControl {
  const { kind, int32FalseTrue, fp32FalseTrue, boolFalseTrue, dataType } = control;
  if (kind === Kind.CONTROL_SEQUENCE_CORRID) return { name, kind: "correlation-id", datatype: datatypeOf(dataType) ?? "UINT64" };
  if (int32FalseTrue.length > 0) return { name, kind: KINDS[kind], datatype: "INT32", values: pairOf(int32FalseTrue) };
  if (fp32FalseTrue.length > 0) return { name, kind: KINDS[kind], datatype: "FP32", values: pairOf(fp32FalseTrue) };
  return { name, kind: KINDS[kind], datatype: "BOOL", values: pairOf(boolFalseTrue.map(Number)) };
}

function pairOf([no = 0, yes = 1]: readonly number[]): readonly [number, number] {
  return [no, yes];
}

function stateOf({ inputName, outputName, dataType, dims, initialState: [initial] }: ModelSequenceBatching_State): SequenceState {
  const datatype = datatypeOf(dataType) ?? "FP32";
  return {
    inputName,
    outputName,
    datatype,
    dims: numbersOf(dims),
    initial: initial && {
      datatype,
      dims: numbersOf(initial.dims),
      data: initial.stateData.case === "dataFile" ? { kind: "file", file: `initial_state/${initial.stateData.value}` } : { kind: "zero" },
    },
  };
}
