import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SEQUENCE_BATCHING, SequenceModel } from "../../../test/sequence-model.ts";
import { ServeError } from "../../core/errors.ts";
import type { SequenceBatching } from "../../core/model-configuration.ts";
import { type Replica, type ReplicaCall, ReplicaLostError, type ReplicaResult, type SequenceStep } from "../../core/replica.ts";
import { bytesOf, elementsOf, type NumericTensor } from "../../core/tensor.ts";
import { createSequenceReplica } from "./replica.ts";

async function open(inner: Replica, batching: Partial<SequenceBatching> = {}, maxBatchSize = 8): Promise<Replica> {
  return await createSequenceReplica(
    inner,
    { maxBatchSize, sequenceBatching: { ...SEQUENCE_BATCHING, ...batching }, outputs: [{ name: "OUTPUT" }, { name: "COUNT" }] },
    "/nowhere",
  );
}

function callOf(value: number, sequence: Partial<SequenceStep> = {}, rows = 1): ReplicaCall {
  const data = bytesOf(Int32Array.from({ length: rows }, () => value));
  return {
    method: "predict",
    payload: { kind: "tensors", tensors: [{ name: "INPUT", datatype: "INT32", shape: [rows, 1], data }] },
    sequence: { id: 7n, start: false, end: false, ...sequence },
  };
}

function valuesOf(result: ReplicaResult | ServeError | undefined): Record<string, number[]> {
  if (result === undefined || result instanceof ServeError) throw result ?? new Error("no result");
  if (result.payload.kind !== "tensors") throw new Error("expected tensors");
  return Object.fromEntries(result.payload.tensors.map((tensor) => [tensor.name, Array.from(elementsOf(tensor as NumericTensor), Number)]));
}

const shapesOfOne = { INPUT: [1, 1], START: [1], END: [1], READY: [1], CORRID: [1], SUM_IN: [1], PAST_IN: [1] };

const together = (replica: Replica, calls: ReplicaCall[]) => replica.runTogether?.(calls) as Promise<Array<ReplicaResult | ServeError>>;

describe("a sequence replica", () => {
  it("shows its clients neither controls nor states", async () => {
    const replica = await open(new SequenceModel());
    const method = replica.description.methods.predict;
    expect(method?.inputs.map(({ name }) => name)).toEqual(["INPUT"]);
    expect(method?.outputs.map(({ name }) => name)).toEqual(["OUTPUT", "COUNT"]);
    expect(method).toMatchObject({ stateful: true, together: true, batchable: true, maxRows: 1 });
  });

  it("has the model's example without them, as a whole sequence", async () => {
    const model = new SequenceModel();
    const inputs = ["INPUT", "READY", "SUM_IN"].map((name) => ({ name, datatype: "INT32", shape: [1, 1], data: [0] }));
    const inner = Object.create(model, { description: { value: { ...model.description, example: { inputs } } } }) as Replica;
    expect((await open(inner)).description.example).toEqual({
      parameters: { sequence_id: 1, sequence_start: true, sequence_end: true },
      inputs: [inputs[0]],
    });
  });

  it("gives the model each request's controls, and its sequence's states", async () => {
    const model = new SequenceModel();
    const replica = await open(model);
    await replica.run(callOf(3, { start: true }));
    await replica.run(callOf(4));
    const last = await replica.run(callOf(5, { end: true }));
    expect(model.seen.flat()).toEqual([
      { input: 3, start: 1, end: -1, ready: 1, id: 7n, sum: 0, past: [0] },
      { input: 4, start: 0, end: -1, ready: 1, id: 7n, sum: 3, past: [0, 3] },
      { input: 5, start: 0, end: 1, ready: 1, id: 7n, sum: 7, past: [0, 3, 4] },
    ]);
    expect(valuesOf(last)).toEqual({ OUTPUT: [12], COUNT: [3] });
  });

  it("makes one call of requests with slots, with null rows up to the highest slot", async () => {
    const model = new SequenceModel();
    const replica = await open(model);
    const results = await together(replica, [
      callOf(30, { id: 3n, slot: 3, start: true }),
      callOf(10, { id: 1n, slot: 1, start: true, end: true }),
    ]);
    expect(results.map(valuesOf).map(({ OUTPUT }) => OUTPUT)).toEqual([[30], [10]]);
    const none = { input: 0, start: 0, end: -1, ready: 0, id: 0n, sum: 0, past: [0] };
    expect(model.seen).toEqual([
      [
        none,
        { input: 10, start: 1, end: 1, ready: 1, id: 1n, sum: 0, past: [0] },
        none,
        { input: 30, start: 1, end: -1, ready: 1, id: 3n, sum: 0, past: [0] },
      ],
    ]);
  });

  it("gives a model whose requests stay what they are null requests for empty slots", async () => {
    const model = new SequenceModel(true);
    const replica = await open(model);
    const results = await together(replica, [callOf(5, { slot: 2, start: true })]);
    expect(model.seen[0]?.map(({ ready, input }) => [ready, input])).toEqual([
      [0, 0],
      [0, 0],
      [1, 5],
    ]);
    expect(results.map(valuesOf)).toEqual([{ OUTPUT: [5], COUNT: [1] }]);
  });

  it("gives a decoupled model the controls too, and refuses one with states", async () => {
    const model = new SequenceModel();
    const { predict } = model.description.methods;
    const methods = { predict: { ...predict, batchable: false, streaming: true } };
    const calls: ReplicaCall[] = [];
    const inner = Object.create(model, {
      description: { value: { ...model.description, methods } },
      stream: {
        value: async function* (call: ReplicaCall) {
          calls.push(call);
          yield call.payload;
        },
      },
    }) as Replica;
    await expect(open(inner)).rejects.toThrow("a decoupled model has no implicit states");
    const replica = await open(inner, { states: [] });
    expect(replica.description.methods.predict).toMatchObject({ streaming: true, stateful: true });
    expect(replica.description.methods.predict).not.toHaveProperty("together", true);
    for await (const payload of replica.stream(callOf(3, { start: true }), new AbortController().signal))
      expect(payload.kind).toBe("tensors");
    const names = calls.map(({ payload }) => (payload.kind === "tensors" ? payload.tensors.map(({ name }) => name) : []));
    expect(names).toEqual([["INPUT", "START", "END", "READY", "CORRID"]]);
  });

  it("answers only the outputs that were asked for", async () => {
    const replica = await open(new SequenceModel());
    const results = await together(replica, [
      { ...callOf(1, { id: 1n, start: true }), outputs: ["COUNT"] },
      callOf(2, { id: 2n, start: true }),
    ]);
    expect(results.map(valuesOf)).toEqual([{ COUNT: [1] }, { OUTPUT: [2], COUNT: [1] }]);
  });

  it("shows a state that is an output as well", async () => {
    const replica = await createSequenceReplica(
      new SequenceModel(),
      { maxBatchSize: 8, sequenceBatching: SEQUENCE_BATCHING, outputs: [{ name: "OUTPUT" }, { name: "SUM_OUT" }] },
      "/nowhere",
    );
    const { outputs } = replica.description.methods.predict ?? {};
    expect(outputs?.map(({ name }) => name)).toEqual(["OUTPUT", "COUNT", "SUM_OUT"]);
    expect(valuesOf(await replica.run(callOf(4, { start: true })))).toEqual({ OUTPUT: [4], COUNT: [1], SUM_OUT: [4] });
  });

  it("begins anew at a start, and takes a request without a sequence for one of its own", async () => {
    const replica = await open(new SequenceModel());
    await replica.run(callOf(3, { start: true }));
    expect(valuesOf(await replica.run(callOf(4, { start: true }))).OUTPUT).toEqual([4]);
    const { sequence: _, ...alone } = callOf(9);
    expect(valuesOf(await replica.run(alone)).OUTPUT).toEqual([9]);
    expect(valuesOf(await replica.run(callOf(1))).OUTPUT).toEqual([5]);
  });

  it("does not go on with a state that it has forgotten", async () => {
    const model = new SequenceModel();
    const replica = await open(model);
    await replica.run(callOf(3, { start: true }));
    replica.endSequence?.(7n);
    expect(model.ended).toEqual([7n]);
    await expect(replica.run(callOf(3))).rejects.toThrow("the state of sequence 7 is gone; begin it again");
    await replica.run(callOf(3, { start: true, end: true }));
    await expect(replica.run(callOf(3))).rejects.toThrow("begin it again");
  });

  it("lets only the request fail that the model refuses, and keeps the states of both", async () => {
    const model = new SequenceModel();
    const replica = await open(model);
    await together(replica, [callOf(1, { id: 1n, slot: 0, start: true }), callOf(2, { id: 2n, slot: 1, start: true })]);
    model.refuse = (rows) => (rows.some(({ input }) => input === 13) ? new ServeError("INVALID_ARGUMENT", "no 13") : undefined);
    const results = await together(replica, [callOf(13, { id: 1n, slot: 0 }), callOf(5, { id: 2n, slot: 1 })]);
    expect(results[0]).toMatchObject({ code: "INVALID_ARGUMENT", message: "no 13" });
    expect(valuesOf(results[1]).OUTPUT).toEqual([7]);
    expect(valuesOf(await replica.run(callOf(4, { id: 1n, slot: 0 }))).OUTPUT).toEqual([5]);
  });

  it("tells of a model that is gone, once nothing can be said of any request", async () => {
    const model = new SequenceModel();
    const replica = await open(model);
    model.refuse = () => new ReplicaLostError("its host was killed");
    await expect(together(replica, [callOf(1, { start: true })])).rejects.toThrow(ReplicaLostError);
    let calls = 0;
    model.refuse = () => (calls++ === 0 ? undefined : new ReplicaLostError("its host was killed"));
    const results = await together(replica, [callOf(1, { start: true }), callOf(2), callOf(3)]);
    expect(valuesOf(results[0]).OUTPUT).toEqual([1]);
    expect(results.slice(1)).toEqual([expect.any(ReplicaLostError), expect.any(ReplicaLostError)]);
  });

  it("refuses requests of several rows and ids that the model cannot hold, and nothing else with them", async () => {
    const replica = await open(new SequenceModel());
    const results = await together(replica, [
      callOf(1, { id: 1n, start: true }, 2),
      callOf(1, { id: "text", start: true }),
      callOf(6, { id: 2n, start: true }),
    ]);
    expect(results[0]).toMatchObject({
      message: expect.stringContaining("must specify batch-size 1 due to requirements of sequence batcher"),
    });
    expect(results[1]).toMatchObject({ message: expect.stringContaining('sequence id "text" is text, and the model takes ids as UINT64') });
    expect(valuesOf(results[2]).OUTPUT).toEqual([6]);
  });

  it("has no dimension of rows for a model without one, and asks it for one request at a time", async () => {
    const model = new SequenceModel();
    const shapes: unknown[] = [];
    const inner = Object.create(model, {
      run: {
        value: (call: ReplicaCall) => {
          if (call.payload.kind === "tensors")
            shapes.push(Object.fromEntries(call.payload.tensors.map(({ name, shape }) => [name, shape])));
          return model.run(call);
        },
      },
    }) as Replica;
    const replica = await open(inner, {}, 0);
    expect(replica.description.methods.predict).toMatchObject({ together: true, batchable: false });
    const calls = [1n, 2n].map((id) => callOf(Number(id), { id, start: true, slot: 0 }, 1));
    const results = await together(replica, calls);
    expect(results.map((result) => valuesOf(result).OUTPUT)).toEqual([[1], [2]]);
    expect(shapes).toEqual([shapesOfOne, shapesOfOne]);
  });

  it("names a control or state that the model does not have", async () => {
    const controls = [{ name: "BEGIN", kind: "start", datatype: "INT32", values: [0, 1] }] as const;
    await expect(open(new SequenceModel(), { controls })).rejects.toThrow(
      "sequence_batching names input 'BEGIN' as a control, but the model's inputs are 'INPUT', 'START'",
    );
    const states = [{ inputName: "SUM_IN", outputName: "SUM_OUT", datatype: "FP32", dims: [1], initial: undefined }] as const;
    await expect(open(new SequenceModel(), { states })).rejects.toThrow("'SUM_IN' as a state of FP32, but the model has it as INT32");
  });

  it("answers every sequence as if it were alone, however its requests meet others", async () => {
    const request = fc.record({ id: fc.bigInt(1n, 4n), value: fc.integer({ min: -50, max: 50 }), start: fc.boolean(), end: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(request, { maxLength: 8 }), { maxLength: 12 }),
        fc.boolean(),
        fc.boolean(),
        async (batches, slots, apart) => {
          const model = new SequenceModel(apart);
          const replica = await open(model);
          const expected = new Map<bigint, { sum: number; count: number }>();
          for (const batch of batches) {
            const steps = batch.map(({ id, value, start, end }) => ({ id, value, start, end, ...(slots ? { slot: Number(id) - 1 } : {}) }));
            const results = await together(
              replica,
              steps.map(({ value, ...sequence }) => callOf(value, sequence)),
            );
            steps.forEach(({ id, value, start, end }, index) => {
              const before = start ? { sum: 0, count: 0 } : expected.get(id);
              const result = results[index];
              if (before === undefined) {
                expect(result).toMatchObject({ code: "ABORTED" });
                return;
              }
              const now = { sum: before.sum + value, count: before.count + 1 };
              expect(valuesOf(result)).toEqual({ OUTPUT: [now.sum], COUNT: [now.count] });
              if (end) expected.delete(id);
              else expected.set(id, now);
            });
          }
          for (const rows of model.seen) expect(rows.length).toBeLessThanOrEqual(8);
        },
      ),
      { numRuns: 60 },
    );
  });
});
