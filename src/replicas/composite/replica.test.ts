import { describe, expect, it } from "vitest";
import { callOrigin } from "../../../test/call-origin.ts";
import { ensembleConfiguration, modelDescription } from "../../../test/ensembles.ts";
import { settle } from "../../../test/fake-clock.ts";
import { Cancellation } from "../../core/cancellation.ts";
import { ServeError } from "../../core/errors.ts";
import type { Payload } from "../../core/inference.ts";
import type { ModelConfiguration } from "../../core/model-configuration.ts";
import type { NestedRequest, NestedResponse } from "../../core/nested-inference.ts";
import type { CallOrigin, ModelDescription, ReplicaCall } from "../../core/replica.ts";
import type { Tensor } from "../../core/tensor.ts";
import { EnsembleReplica } from "./replica.ts";
import { StepModels } from "./step-models.ts";

type Pieces = AsyncIterable<Payload>;

/** Requests of steps, which a test answers by hand, by model. */
class Steps {
  readonly asked: Array<
    NestedRequest & {
      readonly parent: CallOrigin;
      readonly cancellation: Cancellation;
      answer(output: Payload | Pieces): void;
      fail(error: Error): void;
    }
  > = [];

  infer = (request: NestedRequest, parent: CallOrigin, cancellation = new Cancellation()): Promise<NestedResponse> =>
    new Promise((resolve, reject) => {
      cancellation.onAbort(reject);
      const answer = (output: Payload | Pieces): void =>
        resolve({ modelName: request.target.name, modelVersion: "1", output, computeMs: 2 });
      this.asked.push({ ...request, parent, answer, fail: reject, cancellation });
    });

  get models(): string[] {
    return this.asked.map(({ target }) => target.name);
  }

  /** Of the model's first request that has not been answered by this. */
  take(model: string): (typeof this.asked)[number] {
    const index = this.asked.findIndex(({ target }) => target.name === model);
    const [found] = this.asked.splice(index, 1);
    if (index < 0 || found === undefined) throw new Error(`${model} was not asked`);
    return found;
  }
}

function tensor(
  name: string,
  shape: readonly number[],
  data = new Uint8Array(4 * shape.reduce((product, size) => product * size, 1)),
): Tensor {
  return { name, datatype: "FP32", shape, data };
}

function tensors(...list: Tensor[]): Payload {
  return { kind: "tensors", tensors: list };
}

function tensorsOf(payload: Payload): readonly Tensor[] {
  return payload.kind === "tensors" ? payload.tensors : [];
}

function opened(
  configuration: ModelConfiguration,
  descriptions: readonly ModelDescription[],
): { readonly replica: EnsembleReplica; readonly steps: Steps } {
  const steps = new Steps();
  const identity = { namespace: "default", name: "all", configuration };
  const models = new StepModels(identity, descriptions);
  return { replica: new EnsembleReplica({ ...identity, version: "1", nested: steps, models }), steps };
}

function call(payload: Payload, more: Partial<ReplicaCall> = {}): ReplicaCall {
  return { method: "predict", payload, origin: callOrigin({ id: "7", models: ["all"] }), ...more };
}

const diamond = ensembleConfiguration({
  inputs: ["x FP32 [2]"],
  outputs: ["sum FP32 [1]", "left FP32 [2]"],
  steps: [
    { modelName: "join", inputMap: { l: "left", r: "right" }, outputMap: { o: "sum" } },
    { modelName: "left", inputMap: { i: "x" }, outputMap: { o: "left" } },
    { modelName: "right", inputMap: { i: "x" }, outputMap: { o: "right" } },
  ],
});
const DIAMOND = [
  modelDescription(["l FP32 [2]", "r FP32 [2]"], ["o FP32 [1]"]),
  modelDescription(["i FP32 [2]"], ["o FP32 [2]"]),
  modelDescription(["i FP32 [2]"], ["o FP32 [2]"]),
];

describe("one answer", () => {
  it("begins steps as soon as their inputs are there, beside each other, and hands the same bytes on", async () => {
    const { replica, steps } = opened(diamond, DIAMOND);
    const x = tensor("x", [2]);
    const result = replica.run(call(tensors(x)));
    expect(steps.models).toEqual(["left", "right"]);
    const [left, right] = [steps.take("left"), steps.take("right")];
    expect(left.payload).toEqual(tensors({ ...x, name: "i" }));
    expect(left.parent).toMatchObject({ id: "7", models: ["all"] });
    const between = tensor("o", [2]);
    right.answer(tensors(between));
    await settle();
    expect(steps.models).toEqual([]);
    left.answer(tensors(between));
    await settle();
    const join = steps.take("join");
    const given = tensorsOf(join.payload);
    expect(given.map(({ name }) => name)).toEqual(["l", "r"]);
    expect(given[1]?.data).toBe(between.data);
    join.answer(tensors(tensor("o", [1])));
    const { payload, computeMs } = await result;
    expect(tensorsOf(payload).map(({ name }) => name)).toEqual(["sum", "left"]);
    expect(computeMs).toBe(6);
  });

  it("asks only the steps that the wanted outputs need", async () => {
    const { replica, steps } = opened(diamond, DIAMOND);
    const result = replica.run(call(tensors(tensor("x", [2])), { outputs: ["left"] }));
    expect(steps.models).toEqual(["left"]);
    steps.take("left").answer(tensors(tensor("o", [2])));
    expect(await result).toMatchObject({ payload: { tensors: [{ name: "left" }] } });
  });

  it("asks a model for the outputs that are used, and for all by naming none", async () => {
    const configuration = ensembleConfiguration({
      inputs: ["x FP32 [2]"],
      outputs: ["y FP32 [2]"],
      steps: [{ modelName: "two", inputMap: { i: "x" }, outputMap: { o: "y" } }],
    });
    const { replica, steps } = opened(configuration, [modelDescription(["i FP32 [2]"], ["o FP32 [2]", "p FP32 [2]"])]);
    void replica.run(call(tensors(tensor("x", [2]))));
    expect(steps.take("two").outputs).toEqual(["o"]);
    const all = opened(configuration, [modelDescription(["i FP32 [2]"], ["o FP32 [2]"])]);
    void all.replica.run(call(tensors(tensor("x", [2]))));
    expect(all.steps.take("two").outputs).toBeUndefined();
  });

  it("names the step that failed, keeps its code and gives up the others", async () => {
    const { replica, steps } = opened(diamond, DIAMOND);
    const result = replica.run(call(tensors(tensor("x", [2]))));
    const [left, right] = [steps.take("left"), steps.take("right")];
    left.fail(new ServeError("RESOURCE_EXHAUSTED", "too many wait", { retryAfter: 3 }));
    await expect(result).rejects.toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      message: "in ensemble 'all', step 2 of 3, model 'left': too many wait",
      retryAfter: 3,
    });
    expect(right.cancellation.aborted).toBe(true);
    await replica.close();
  });

  it("says so when a step answers without tensors, or with a stream", async () => {
    const { replica, steps } = opened(diamond, DIAMOND);
    const first = replica.run(call(tensors(tensor("x", [2]))));
    steps.take("left").answer({ kind: "json", value: 1 });
    await expect(first).rejects.toThrow("step 2 of 3, model 'left': its answer is JSON, and an ensemble needs tensors");
    steps.asked.length = 0;
    const second = replica.run(call(tensors(tensor("x", [2]))));
    steps.take("left").answer((async function* () {})());
    await expect(second).rejects.toThrow("model 'left': the model has been replaced by one that answers with a stream");
  });

  it("gives its steps up when nobody waits any more, and when it has to end", async () => {
    const { replica, steps } = opened(diamond, DIAMOND);
    const cancellation = new Cancellation();
    const gone = new ServeError("CANCELLED", "the client has gone");
    const cancelled = expect(replica.run(call(tensors(tensor("x", [2]))), cancellation)).rejects.toBe(gone);
    cancellation.abort(gone);
    await cancelled;
    expect(steps.take("left").cancellation.aborted).toBe(true);
    const ended = expect(replica.run(call(tensors(tensor("x", [2]))))).rejects.toMatchObject({ message: "the ensemble was ended" });
    replica.destroy("was ended");
    await ended;
    expect(await replica.exited).toBe("was ended");
    await expect(replica.run(call(tensors(tensor("x", [2]))))).rejects.toThrow("was ended");
  });

  it("leaves out optional inputs, and outputs that their model has not given", async () => {
    const configuration = ensembleConfiguration({
      inputs: ["x FP32 [2]", "hint FP32 [1] optional"],
      outputs: ["y FP32 [2]", "z FP32 [2]"],
      steps: [{ modelName: "two", inputMap: { i: "x", h: "hint" }, outputMap: { o: "y", p: "z" } }],
    });
    const { replica, steps } = opened(configuration, [
      modelDescription(["i FP32 [2]", "h FP32 [1] optional"], ["o FP32 [2]", "p FP32 [2]"]),
    ]);
    const result = replica.run(call(tensors(tensor("x", [2]))));
    const two = steps.take("two");
    expect(tensorsOf(two.payload).map(({ name }) => name)).toEqual(["i"]);
    two.answer(tensors(tensor("o", [2])));
    expect(await result).toMatchObject({ payload: { tensors: [{ name: "y" }] } });
  });

  it("tells only models that keep state of sequences", async () => {
    const configuration = ensembleConfiguration({
      inputs: ["x FP32 [2]"],
      outputs: ["y FP32 [2]", "z FP32 [2]"],
      steps: [
        { modelName: "plain", inputMap: { i: "x" }, outputMap: { o: "y" } },
        { modelName: "stateful", inputMap: { i: "x" }, outputMap: { o: "z" } },
      ],
    });
    const [plain, stateful] = [DIAMOND[1] as ModelDescription, modelDescription(["i FP32 [2]"], ["o FP32 [2]"], { stateful: true })];
    const { replica, steps } = opened(configuration, [plain, stateful]);
    const parameters = { sequence_id: 5, sequence_start: true, sequence_end: false };
    void replica.run(call(tensors(tensor("x", [2])), { parameters }));
    expect(steps.take("plain").parameters).toBeUndefined();
    expect(steps.take("stateful").parameters).toEqual(parameters);
  });

  it("has at most so many requests at each step, and those that are given up leave their place in the queue", async () => {
    const configuration = ensembleConfiguration({
      inputs: ["x FP32 [2]"],
      outputs: ["y FP32 [2]"],
      maxInflightRequests: 1,
      steps: [{ modelName: "one", inputMap: { i: "x" }, outputMap: { o: "y" } }],
    });
    const { replica, steps } = opened(configuration, [DIAMOND[1] as ModelDescription]);
    const cancellation = new Cancellation();
    const first = replica.run(call(tensors(tensor("x", [2]))));
    const second = replica.run(call(tensors(tensor("x", [2]))), cancellation);
    const third = replica.run(call(tensors(tensor("x", [2]))));
    const gone = expect(second).rejects.toThrow("gone");
    cancellation.abort(new Error("gone"));
    await gone;
    await settle();
    expect(steps.models).toEqual(["one"]);
    steps.take("one").answer(tensors(tensor("o", [2])));
    await first;
    await settle();
    expect(steps.models).toEqual(["one"]);
    steps.take("one").answer(tensors(tensor("o", [2])));
    await third;
  });

  it("makes one row of a whole tensor, and a whole tensor of one row, between models with rows and without", async () => {
    const configuration = ensembleConfiguration({
      inputs: ["x FP32 [2]"],
      outputs: ["y FP32 [2]"],
      maxBatchSize: 4,
      steps: [
        { modelName: "whole", inputMap: { i: "x" }, outputMap: { o: "between" } },
        { modelName: "rows", inputMap: { i: "between" }, outputMap: { o: "y" } },
      ],
    });
    const rows = modelDescription(["i FP32 [-1,2]"], ["o FP32 [-1,2]"], { maxBatchSize: 4 });
    const { replica, steps } = opened(configuration, [modelDescription(["i FP32 [2]"], ["o FP32 [2]"], { maxBatchSize: 0 }), rows]);
    const result = replica.run(call(tensors(tensor("x", [1, 2]))));
    const whole = steps.take("whole");
    expect(whole.payload).toMatchObject({ tensors: [{ shape: [2] }] });
    whole.answer(tensors(tensor("o", [2])));
    await settle();
    const last = steps.take("rows");
    expect(last.payload).toMatchObject({ tensors: [{ shape: [1, 2] }] });
    last.answer(tensors(tensor("o", [1, 2])));
    expect(await result).toMatchObject({ payload: { tensors: [{ name: "y", shape: [1, 2] }] } });
  });
});

describe("a stream", () => {
  const configuration = ensembleConfiguration({
    inputs: ["x FP32 [1]"],
    outputs: ["y FP32 [1]"],
    maxInflightRequests: 2,
    steps: [
      { modelName: "repeat", inputMap: { i: "x" }, outputMap: { o: "one" } },
      { modelName: "next", inputMap: { i: "one" }, outputMap: { o: "y" } },
    ],
  });
  const NEXT = modelDescription(["i FP32 [1]"], ["o FP32 [1]"]);
  const REPEAT = modelDescription(["i FP32 [1]"], ["o FP32 [1]"], { streaming: true });

  function number(value: number, name = "o"): Tensor {
    return tensor(name, [1], new Uint8Array(new Float32Array([value]).buffer));
  }

  function firstOf(payload: Payload | undefined): number | undefined {
    const [first] = payload === undefined ? [] : tensorsOf(payload);
    return first === undefined ? undefined : new Float32Array((first.data as Uint8Array).slice().buffer)[0];
  }

  it("goes on answer by answer, in order, and asks for no more than the steps behind it take", async () => {
    const { replica, steps } = opened(configuration, [REPEAT, NEXT]);
    expect(replica.description.configuration).toMatchObject({ model_transaction_policy: { decoupled: true } });
    let given = 0;
    const answers = replica.stream(call(tensors(number(0, "x"))), new AbortController().signal);
    const first = answers.next();
    await settle();
    steps.take("repeat").answer(
      (async function* () {
        for (; given < 5; given++) yield tensors(number(given));
      })(),
    );
    await settle();
    expect(steps.models).toEqual(["next", "next"]);
    expect(given).toBeLessThan(3);
    const [zero, one] = [steps.take("next"), steps.take("next")];
    one.answer(tensors(number(1)));
    await settle();
    zero.answer(tensors(number(0)));
    expect(firstOf((await first).value as Payload)).toBe(0);
    const values = [];
    for await (const payload of { [Symbol.asyncIterator]: () => answers }) {
      values.push(firstOf(payload));
      await settle();
      while (steps.asked.length > 0) {
        const next = steps.take("next");
        next.answer(tensors({ ...(tensorsOf(next.payload)[0] as Tensor), name: "o" }));
      }
    }
    expect(values).toEqual([1, 2, 3, 4]);
    await replica.close();
  });

  it("fails with the step that fails, after the answers before it", async () => {
    const { replica, steps } = opened(configuration, [REPEAT, NEXT]);
    const answers = replica.stream(call(tensors(number(0, "x"))), new AbortController().signal);
    const first = answers.next();
    await settle();
    steps.take("repeat").answer(
      (async function* () {
        yield tensors(number(1));
        throw new ServeError("INTERNAL", "it broke");
      })(),
    );
    await settle();
    steps.take("next").answer(tensors(number(1)));
    expect(firstOf((await first).value as Payload)).toBe(1);
    await expect(answers.next()).rejects.toMatchObject({
      code: "INTERNAL",
      message: "in ensemble 'all', step 1 of 2, model 'repeat': it broke",
    });
  });

  it("ends its steps when its reader leaves, and when nobody waits any more", async () => {
    const { replica, steps } = opened(configuration, [REPEAT, NEXT]);
    const controller = new AbortController();
    const answers = replica.stream(call(tensors(number(0, "x"))), controller.signal);
    const gone = expect(answers.next()).rejects.toThrow("the client has gone");
    await settle();
    const repeat = steps.take("repeat");
    controller.abort(new ServeError("CANCELLED", "the client has gone"));
    await gone;
    expect(repeat.cancellation.aborted).toBe(true);
    const others = replica.stream(call(tensors(number(0, "x"))), new AbortController().signal);
    const first = others.next();
    await settle();
    let closed = false;
    steps.take("repeat").answer(
      (async function* () {
        try {
          for (;;) yield tensors(number(1));
        } finally {
          closed = true;
        }
      })(),
    );
    await settle();
    steps.take("next").answer(tensors(number(1)));
    await first;
    await others.return(undefined);
    await settle();
    expect(closed).toBe(true);
    await replica.close();
  });

  it("may have no answers at all", async () => {
    const { replica, steps } = opened(configuration, [REPEAT, NEXT]);
    const answers = replica.stream(call(tensors(number(0, "x"))), new AbortController().signal);
    const first = answers.next();
    await settle();
    steps.take("repeat").answer((async function* () {})());
    expect(await first).toEqual({ done: true, value: undefined });
  });
});
