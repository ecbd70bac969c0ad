import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createRecord, RequestContext } from "../src/core/context.ts";
import { ServeError } from "../src/core/errors.ts";
import type { Parameters } from "../src/core/inference.ts";
import type { SequenceBatching } from "../src/core/model-configuration.ts";
import { type ModelDescription, type Replica, type ReplicaCall, ReplicaLostError, type ReplicaResult } from "../src/core/replica.ts";
import type { SequenceScheduling } from "../src/core/scheduling.ts";
import { bytesOf, elementsOf, type NumericTensor } from "../src/core/tensor.ts";
import { createSession, runSession } from "../src/onnx/index.ts";
import { createSequenceReplica } from "../src/replicas/index.ts";
import { Scheduler } from "../src/scheduler/index.ts";
import { FakeClock, settle } from "./fake-clock.ts";
import { type GraphValue, onnxGraph } from "./onnx-graph.ts";

const IDLE_MS = 1000;

const column = (name: string, type: GraphValue["type"]): GraphValue => ({ name, type, shape: ["rows", 1] });

/** It adds up its inputs, and keeps nothing: the sum is an output and an input. */
const GRAPH = onnxGraph({
  nodes: [
    { operator: "Add", inputs: ["SUM_IN", "INPUT"], outputs: ["SUM_OUT"] },
    { operator: "Mul", inputs: ["SUM_OUT", "READY"], outputs: ["OUTPUT"] },
    { operator: "Identity", inputs: ["CORRID"], outputs: ["ID"] },
  ],
  inputs: [column("INPUT", "INT32"), column("READY", "INT32"), column("CORRID", "UINT64"), column("SUM_IN", "INT32")],
  outputs: [column("OUTPUT", "INT32"), column("ID", "UINT64"), column("SUM_OUT", "INT32")],
});

const BATCHING: SequenceBatching = {
  strategy: { kind: "direct", maxQueueDelayMs: 0, minimumSlotUtilization: 0 },
  idleMs: IDLE_MS,
  controls: [
    { name: "READY", kind: "ready", datatype: "INT32", values: [0, 1] },
    { name: "CORRID", kind: "correlation-id", datatype: "UINT64" },
  ],
  states: [{ inputName: "SUM_IN", outputName: "SUM_OUT", datatype: "INT32", dims: [1], initial: undefined }],
  iterative: false,
};

/** The graph in this process. */
class GraphReplica implements Replica {
  readonly id: string;
  readonly credit = 1;
  readonly lost: Promise<void>;
  readonly exited = new Promise<string>(() => undefined);
  readonly description: ModelDescription;
  /** Rows of each call. */
  readonly rows: number[] = [];
  /** Set to a failure, it ends everything that the replica is asked. */
  failure: ReplicaLostError | undefined;
  readonly #session: Awaited<ReturnType<typeof createSession>>;
  #lose!: () => void;

  constructor(id: string, session: Awaited<ReturnType<typeof createSession>>) {
    this.id = id;
    this.#session = session;
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
    const int32 = (name: string) => ({ name, datatype: "INT32" as const, shape: [-1, 1] });
    const uint64 = (name: string) => ({ name, datatype: "UINT64" as const, shape: [-1, 1] });
    const inputs = [int32("INPUT"), int32("READY"), uint64("CORRID"), int32("SUM_IN")];
    const outputs = [int32("OUTPUT"), uint64("ID"), int32("SUM_OUT")];
    this.description = {
      methods: { predict: { accepts: "tensors", inputs, outputs, batchable: true } },
      framework: "onnx",
      frameworkVersion: "1",
      warnings: [],
    };
  }

  async run({ payload, outputs }: ReplicaCall): Promise<ReplicaResult> {
    if (payload.kind !== "tensors") throw new Error("expected tensors");
    this.rows.push(payload.tensors[0]?.shape[0] ?? 0);
    const tensors = await runSession(this.#session, payload.tensors, outputs);
    if (this.failure !== undefined) throw this.failure;
    return { payload: { kind: "tensors", tensors }, computeMs: 1 };
  }

  // biome-ignore lint/correctness/useYield: it streams nothing
  async *stream(): AsyncGenerator<never, void, undefined> {
    throw new Error("this model does not stream");
  }

  die(): void {
    this.failure = new ReplicaLostError("its host was killed by SIGKILL");
    this.#lose();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  destroy(): void {}
}

describe("sequences of a graph whose state the server keeps", () => {
  let clock: FakeClock;
  let scheduler: Scheduler;
  let session: Awaited<ReturnType<typeof createSession>>;
  let replicas: GraphReplica[];

  const start = async (count: number, strategy: SequenceScheduling["strategy"]): Promise<void> => {
    clock = new FakeClock();
    const sequences: SequenceScheduling = { strategy, perReplica: 4, idleMs: IDLE_MS, maxDelayMs: 0 };
    const limits = { queueLimits: { maxRequests: 100, maxBytes: 1e6, maxStreams: 2 }, batchLimits: { maxRows: 4, maxBytes: 1e6 } };
    scheduler = new Scheduler({ clock, modelName: "totals", rules: { sequences }, ...limits });
    session = await createSession(GRAPH, 1);
    replicas = Array.from({ length: count }, (_, index) => new GraphReplica(`r${index}`, session));
    const configuration = { maxBatchSize: 4, sequenceBatching: BATCHING, outputs: [{ name: "OUTPUT" }, { name: "ID" }] };
    for (const replica of replicas) scheduler.add(await createSequenceReplica(replica, configuration, "/nowhere"));
  };

  beforeEach(() => start(1, "direct"));
  afterEach(() => session.release());

  /** OUTPUT and ID, or why there is no answer. */
  const send = async (value: number, parameters: Parameters): Promise<readonly number[] | ServeError> => {
    const context = new RequestContext({ deadline: clock.now() + 60_000, record: createRecord("test", "totals", clock.now()) });
    const data = bytesOf(Int32Array.of(value));
    const call: ReplicaCall = {
      method: "predict",
      payload: { kind: "tensors", tensors: [{ name: "INPUT", datatype: "INT32", shape: [1, 1], data }] },
      parameters,
    };
    try {
      const { payload } = await scheduler.run(call, { batchable: true, stateful: true, together: true }, context);
      if (payload.kind !== "tensors") throw new Error("expected tensors");
      return payload.tensors.map((tensor) => Number(elementsOf(tensor as NumericTensor)[0]));
    } catch (error) {
      return ServeError.from(error);
    }
  };

  const begin = (id: number, value: number) => send(value, { sequence_id: id, sequence_start: true });
  const next = (id: number, value: number) => send(value, { sequence_id: id });
  const end = (id: number, value: number) => send(value, { sequence_id: id, sequence_end: true });

  const all = async <Each>(answers: ReadonlyArray<Promise<Each>>): Promise<Each[]> => {
    const done = Promise.all(answers);
    let isDone = false;
    void done.then(() => {
      isDone = true;
    });
    while (!isDone) {
      // The graph computes outside of this thread.
      await clock.turn();
      await settle();
    }
    return await done;
  };

  it.each(["direct", "oldest"] as const)("are added up each by itself, in shared calls (%s)", async (strategy) => {
    await start(1, strategy);
    const answers = await all([1, 2, 3].flatMap((id) => [begin(id, id), next(id, 10 * id), end(id, 100 * id)]));
    expect(answers).toEqual(
      [1, 2, 3].flatMap((id) => [
        [id, id],
        [11 * id, id],
        [111 * id, id],
      ]),
    );
    expect(replicas[0]?.rows).toEqual([3, 3, 3]);
  });

  it("begin with nothing after one that was idle for too long", async () => {
    expect(await all([begin(5, 7)])).toEqual([[7, 5]]);
    await clock.advance(IDLE_MS + 1);
    const [failed] = await all([next(5, 1)]);
    expect(failed).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining("must specify the START flag") });
    expect(await all([begin(5, 2), end(5, 3)])).toEqual([
      [2, 5],
      [5, 5],
    ]);
  });

  it("end with their replica, and those of the other go on", async () => {
    await start(2, "direct");
    expect(await all([begin(1, 1), begin(2, 2)])).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(replicas.map(({ rows }) => rows.length)).toEqual([1, 1]);
    replicas[0]?.die();
    const [lost, other] = await all([next(1, 5), next(2, 5)]);
    expect(lost).toBeInstanceOf(ServeError);
    expect(other).toEqual([7, 2]);
    expect(await all([begin(1, 10), next(1, 4), end(2, 1)])).toEqual([
      [10, 1],
      [14, 1],
      [8, 2],
    ]);
    expect(replicas[0]?.rows.length).toBeLessThanOrEqual(2);
  });
});
