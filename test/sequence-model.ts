import type { ServeError } from "../src/core/errors.ts";
import type { SequenceBatching } from "../src/core/model-configuration.ts";
import type { ModelDescription, Replica, ReplicaCall, ReplicaResult } from "../src/core/replica.ts";
import { bytesOf, elementsOf, type NumericTensor, type Tensor } from "../src/core/tensor.ts";

/** Controls of all kinds, one state of a fixed size and one that grows with each request. */
export const SEQUENCE_BATCHING: SequenceBatching = {
  strategy: { kind: "direct", maxQueueDelayMs: 0, minimumSlotUtilization: 0 },
  idleMs: 1000,
  controls: [
    { name: "START", kind: "start", datatype: "INT32", values: [0, 1] },
    { name: "END", kind: "end", datatype: "FP32", values: [-1, 1] },
    { name: "READY", kind: "ready", datatype: "BOOL", values: [0, 1] },
    { name: "CORRID", kind: "correlation-id", datatype: "UINT64" },
  ],
  states: [
    { inputName: "SUM_IN", outputName: "SUM_OUT", datatype: "INT32", dims: [1], initial: undefined },
    { inputName: "PAST_IN", outputName: "PAST_OUT", datatype: "INT32", dims: [-1], initial: undefined },
  ],
  iterative: false,
};

export interface ModelRow {
  readonly input: number;
  readonly start: number;
  readonly end: number;
  readonly ready: number;
  readonly id: bigint;
  readonly sum: number;
  readonly past: readonly number[];
}

/** A model of rows [rows, 1] that adds up its inputs in one state and lists them in another. It keeps nothing itself. */
export class SequenceModel implements Replica {
  readonly id = "model";
  readonly credit = 1;
  readonly lost = new Promise<void>(() => undefined);
  readonly exited = new Promise<string>(() => undefined);
  readonly description: ModelDescription;
  /** The rows of each call. */
  readonly seen: ModelRow[][] = [];
  readonly ended: Array<string | bigint> = [];
  /** Thrown for a call that has such a row. */
  refuse: (rows: readonly ModelRow[]) => ServeError | undefined = () => undefined;

  constructor(together = false) {
    const int32 = (name: string, shape = [-1, 1]) => ({ name, datatype: "INT32" as const, shape });
    const inputs = [
      int32("INPUT"),
      int32("START"),
      { name: "END", datatype: "FP32" as const, shape: [-1, 1] },
      { name: "READY", datatype: "BOOL" as const, shape: [-1, 1] },
      { name: "CORRID", datatype: "UINT64" as const, shape: [-1, 1] },
      int32("SUM_IN"),
      int32("PAST_IN", [-1, -1]),
    ];
    const outputs = [int32("OUTPUT"), int32("COUNT"), int32("SUM_OUT"), int32("PAST_OUT", [-1, -1])];
    this.description = {
      methods: { predict: { accepts: "tensors", inputs, outputs, batchable: true, together } },
      framework: "test",
      frameworkVersion: "1",
      warnings: [],
    };
  }

  async run(call: ReplicaCall): Promise<ReplicaResult> {
    const rows = rowsOf(call);
    this.seen.push(rows);
    const failure = this.refuse(rows);
    if (failure !== undefined) throw failure;
    return { payload: { kind: "tensors", tensors: answer(rows, call.outputs ?? []) }, computeMs: 2 };
  }

  async runTogether(calls: readonly ReplicaCall[]): Promise<ReadonlyArray<ReplicaResult | ServeError>> {
    const all = calls.map(rowsOf);
    this.seen.push(all.flat());
    return calls.map((call, index) => {
      const rows = all[index] ?? [];
      return this.refuse(rows) ?? { payload: { kind: "tensors", tensors: answer(rows, call.outputs ?? []) }, computeMs: 2 };
    });
  }

  // biome-ignore lint/correctness/useYield: it streams nothing
  async *stream(): AsyncGenerator<never, void, undefined> {
    throw new Error("this model does not stream");
  }

  endSequence(id: string | bigint): void {
    this.ended.push(id);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  destroy(): void {}
}

function rowsOf({ payload }: ReplicaCall): ModelRow[] {
  if (payload.kind !== "tensors") throw new Error("expected tensors");
  const of = (name: string): number[] => {
    const tensor = payload.tensors.find((each) => each.name === name) as NumericTensor;
    return Array.from(elementsOf(tensor), Number);
  };
  const [inputs, start, end, ready, ids, sums, past] = ["INPUT", "START", "END", "READY", "CORRID", "SUM_IN", "PAST_IN"].map(of);
  const length = (past?.length ?? 0) / (inputs?.length ?? 1);
  return (inputs ?? []).map((input, row) => ({
    input,
    start: start?.[row] ?? Number.NaN,
    end: end?.[row] ?? Number.NaN,
    ready: ready?.[row] ?? Number.NaN,
    id: BigInt(ids?.[row] ?? 0),
    sum: sums?.[row] ?? Number.NaN,
    past: past?.slice(row * length, (row + 1) * length) ?? [],
  }));
}

function answer(rows: readonly ModelRow[], wanted: readonly string[]): Tensor[] {
  const sums = rows.map(({ sum, input, ready }) => (ready === 1 ? sum + input : -1));
  const past = rows.map((row) => [...row.past, row.input]);
  const int32 = (name: string, width: number, values: readonly number[]): Tensor => ({
    name,
    datatype: "INT32",
    shape: [rows.length, width],
    data: bytesOf(Int32Array.from(values)),
  });
  const all = [
    int32("OUTPUT", 1, sums),
    int32(
      "COUNT",
      1,
      past.map(({ length }) => length - 1),
    ),
    int32("SUM_OUT", 1, sums),
    int32("PAST_OUT", past[0]?.length ?? 0, past.flat()),
  ];
  return all.filter(({ name }) => wanted.includes(name));
}
