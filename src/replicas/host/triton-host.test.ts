import { beforeEach, describe, expect, it } from "vitest";
import { callOrigin } from "../../../test/call-origin.ts";
import { FakeClock, settle } from "../../../test/fake-clock.ts";
import { FakeHostSocket } from "../../../test/fake-host-socket.ts";
import { Cancellation } from "../../core/cancellation.ts";
import { ServeError } from "../../core/errors.ts";
import type { Payload } from "../../core/inference.ts";
import type { NestedOverride } from "../../core/nested-control.ts";
import type { NestedRequest, NestedResponse } from "../../core/nested-inference.ts";
import { type CallOrigin, type Replica, type ReplicaCall, ReplicaLostError, type ReplicaResult } from "../../core/replica.ts";
import { FRAME_TYPES, type Frame } from "../../frames/index.ts";
import { HostConnection } from "./connection.ts";
import { loadIntoHost } from "./replica.ts";

const SIGNATURE = { accepts: "tensors", inputs: [], outputs: [{ name: "y", datatype: "UINT8", shape: [-1], declared: true }] };
const DESCRIPTION = {
  framework: "fake",
  frameworkVersion: "0",
  warnings: [],
  methods: {
    steps: { ...SIGNATURE, together: true, batchable: true, concurrency: 4 },
    predict: { ...SIGNATURE, together: true, batchable: true },
    stream: { ...SIGNATURE, streaming: true },
  },
};

const bytes = (name: string, ...data: number[]): Payload => ({
  kind: "tensors",
  tensors: [{ name, datatype: "UINT8", shape: [data.length], data: Uint8Array.from(data) }],
});
const entry = (name: string, length: number): object => ({ name, datatype: "UINT8", shape: [length], bytes: length });
const call = (payload: Payload, more: Partial<ReplicaCall> = {}): ReplicaCall => ({ method: "predict", payload, ...more });

let clock: FakeClock;
let socket: FakeHostSocket;
/** What other models were asked, with what they will do. */
let asked: Array<{ readonly request: NestedRequest; readonly parent: CallOrigin }>;
let answer: (request: NestedRequest, parent: CallOrigin) => Promise<Payload | AsyncIterable<Payload>>;
let controlled: unknown[];
let replica: Replica;

beforeEach(async () => {
  clock = new FakeClock();
  socket = new FakeHostSocket();
  asked = [];
  controlled = [];
  answer = async () => bytes("y", 9);
  const models = {
    inference: {
      async infer(request: NestedRequest, parent: CallOrigin): Promise<NestedResponse> {
        asked.push({ request, parent });
        return { modelName: request.target.name, modelVersion: "1", output: await answer(request, parent), computeMs: 0 };
      },
      describe: () => Promise.reject(new Error("nobody asks")),
      watch: () => () => undefined,
    },
    control: {
      ready: async () => true,
      load: async ({ name }: { name: string }, override: NestedOverride) => void controlled.push({ name, ...override }),
      unload: () => Promise.reject(new ServeError("NOT_FOUND", "there is none")),
    },
  };
  const connection = new HostConnection(socket, () => undefined);
  const load = {
    model: "m",
    version: "1",
    format: "triton-python",
    file: "f",
    directory: "d",
    example: null,
    threads: 1,
    trust: "none",
    code: true,
    settings: {},
  } as const;
  const nested = { models, namespace: "team" };
  const options = { id: "m", connection, endpoint: socket.endpoint, load, onProgress: () => undefined, clock, hostTimeoutMs: 1000, nested };
  await socket.hello();
  const loading = loadIntoHost(options, new AbortController().signal);
  await settle();
  await socket.say("ready", socket.streamOf("load"), { description: DESCRIPTION });
  replica = await loading;
});

const sent = (type: keyof typeof FRAME_TYPES): Frame[] => socket.sent.filter((frame) => frame.type === FRAME_TYPES[type]);

describe("requests that the model works on in steps", () => {
  it("are as many as it says, each a call that ends in its own time", async () => {
    expect(replica.credit).toBe(4);
    const answers = replica.runTogether?.([call(bytes("x", 1), { method: "steps" }), call(bytes("x", 2), { method: "steps" })]);
    const [first, second] = sent("infer");
    expect([first, second].map((frame) => frame?.meta.requests)).toEqual([[{ tensors: 1 }], [{ tensors: 1 }]]);
    const told = { answers: [{ tensors: 1 }], tensors: [entry("y", 1)], computeMs: 1 };
    await socket.say("result", second?.stream ?? 0, told, [Uint8Array.of(2)]);
    await socket.say("error", first?.stream ?? 0, { code: "INVALID_ARGUMENT", message: "no" });
    expect(await answers).toEqual([
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: "no" }),
      { payload: asReceived(bytes("y", 2)), computeMs: 1 },
    ]);
  });

  it("end alone when nobody waits for them", async () => {
    const given = new Cancellation();
    const answer = replica.runTogether?.([call(bytes("x", 1), { method: "steps" })], given);
    given.abort(new ServeError("CANCELLED", "gone"));
    const [frame] = sent("infer");
    expect(sent("cancel").map(({ stream, meta }) => [stream, meta])).toEqual([[frame?.stream, {}]]);
    await socket.say("error", frame?.stream ?? 0, { code: "CANCELLED", message: "the call was cancelled" });
    expect(await answer).toEqual([expect.objectContaining({ code: "CANCELLED" })]);
  });
});

describe("requests that go together", () => {
  it("are one frame, and each has an answer or an error of its own", async () => {
    const answers = replica.runTogether?.([
      call(bytes("x", 1, 2), { outputs: ["y"], parameters: { timeout: 5 }, origin: callOrigin({ id: "first" }) }),
      call(
        { kind: "tensors", tensors: [...tensorsOf(bytes("a", 3)), ...tensorsOf(bytes("b"))] },
        { sequence: { id: 7n, start: true, end: false } },
      ),
      call(bytes("x", 4)),
    ]);
    const [frame] = sent("infer");
    expect(frame?.meta).toMatchObject({
      method: "predict",
      tensors: [entry("x", 2), entry("a", 1), entry("b", 0), entry("x", 1)],
      requests: [
        { tensors: 1, outputs: ["y"], parameters: { timeout: 5 }, id: "first" },
        { tensors: 2, sequence: { id: 7, start: true, end: false } },
        { tensors: 1 },
      ],
    });
    const told = [{ tensors: 1 }, { error: { code: "INVALID_ARGUMENT", message: "no" } }, { tensors: 1 }];
    const wrong = { name: "y", datatype: "INT8", shape: [1], bytes: 1 };
    await socket.say("result", frame?.stream ?? 0, { answers: told, tensors: [entry("y", 2), wrong], computeMs: 3 }, [
      Uint8Array.of(5, 6),
      Uint8Array.of(1),
    ]);
    const [first, second, third] = (await answers) as [ReplicaResult, ServeError, ServeError];
    expect(first).toEqual({ payload: asReceived(bytes("y", 5, 6)), computeMs: 3 });
    expect([second.code, second.message]).toEqual(["INVALID_ARGUMENT", "no"]);
    expect(third.message).toContain("answered output 'y' as INT8");
  });

  it("keep what the model says besides the tensors, but for what is no parameter", async () => {
    const answers = replica.run(call(bytes("x", 1)));
    const told = [{ tensors: 1, parameters: { lang: "en", count: 2, nothing: null, list: [1] } }];
    await socket.say("result", socket.streamOf("infer"), { answers: told, tensors: [entry("y", 1)], computeMs: 0 }, [Uint8Array.of(1)]);
    expect((await answers).payload).toMatchObject({ kind: "tensors", parameters: { lang: "en", count: 2 } });
  });

  it.each([
    [{ answers: [{ tensors: 1 }], tensors: [] }],
    [{ answers: [], tensors: [] }],
    [{ tensors: [] }],
    [{ answers: [{}], tensors: [] }],
  ])("fail when the answers are not theirs: %j", async (meta) => {
    const answers = replica.run(call(bytes("x", 1)));
    answers.catch(() => undefined);
    await socket.say("result", socket.streamOf("infer"), { computeMs: 0, ...meta });
    await expect(answers).rejects.toMatchObject({ code: "DATA_LOSS" });
  });

  it("fail with the loss of the host when it is gone already", async () => {
    socket.destroy();
    await replica.lost;
    await expect(replica.runTogether?.([call(bytes("x", 1))])).rejects.toBeInstanceOf(ReplicaLostError);
  });

  it("are cancelled one by one, and all when the call is", async () => {
    const controllers = [new AbortController(), new AbortController()];
    const cancellation = new Cancellation();
    const calls = controllers.map(({ signal }) => call(bytes("x", 1), { origin: callOrigin({ signal }) }));
    void replica.runTogether?.(calls, cancellation);
    controllers[1]?.abort();
    expect(sent("cancel").map(({ meta }) => meta)).toEqual([{ request: 1 }]);
    cancellation.abort(new Error("all"));
    expect(sent("cancel").map(({ meta }) => meta)).toEqual([{ request: 1 }, {}]);
    await socket.say("result", socket.streamOf("infer"), { answers: [{ tensors: 0 }, { tensors: 0 }], tensors: [], computeMs: 0 });
    controllers[0]?.abort();
    expect(sent("cancel")).toHaveLength(2);
  });
});

describe("what a model asks of others", () => {
  const ask = (meta: object, blobs: readonly Uint8Array[] = [Uint8Array.of(1)]): Promise<void> =>
    socket.say("call", 5, { model: "other", tensors: [entry("x", 1)], ...meta }, blobs);

  it("is asked for the sake of the request that it answers, and answered on its stream", async () => {
    const origin = callOrigin({ id: "parent", deadline: 100, principal: "ann", models: ["m"], revision: "m-00002" });
    void replica.run(call(bytes("x", 1), { origin }));
    await ask({ parent: socket.streamOf("infer"), version: "2", outputs: ["y"], parameters: { a: 1 }, id: "own", timeoutMs: 10 });
    const target = { namespace: "team", name: "other", version: "2" };
    expect(asked[0]?.request).toEqual({ target, payload: asReceived(bytes("x", 1)), outputs: ["y"], parameters: { a: 1 }, id: "own" });
    expect(asked[0]?.parent).toMatchObject({ id: "parent", principal: "ann", deadline: 10, models: ["m"], revision: "m-00002" });
    const [result] = sent("result");
    expect([result?.stream, result?.meta]).toEqual([5, { tensors: [entry("y", 1)], computeMs: 0 }]);
  });

  it("belongs to all requests of a call: it ends with the last one that waits, and no sooner", async () => {
    const controllers = [new AbortController(), new AbortController()];
    const calls = controllers.map(({ signal }, index) =>
      call(bytes("x", 1), { origin: callOrigin({ signal, deadline: 10 * (index + 1) }) }),
    );
    void replica.runTogether?.(calls);
    answer = (_, { signal }) => new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    await ask({ parent: socket.streamOf("infer") });
    expect(asked[0]?.parent.deadline).toBe(20);
    controllers[0]?.abort(new ServeError("CANCELLED", "nobody waits"));
    await settle();
    expect(asked[0]?.parent.signal.aborted).toBe(false);
    controllers[1]?.abort();
    await settle();
    expect(sent("error").map(({ stream, meta }) => [stream, meta])).toEqual([[5, { code: "CANCELLED", message: "nobody waits" }]]);
  });

  it("may be for the model's own sake, and be cancelled by it", async () => {
    answer = (_, { signal }) => new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    await ask({ parent: 77 });
    expect(asked[0]?.parent).toMatchObject({ id: undefined, deadline: Number.POSITIVE_INFINITY, models: ["m"] });
    await socket.say("cancel", 5, {});
    expect(sent("error")[0]?.meta).toMatchObject({ code: "CANCELLED" });
  });

  it("fails as the other model does, and when that answers a stream or no tensors", async () => {
    answer = () => Promise.reject(new ServeError("NOT_FOUND", "there is none"));
    await ask({ parent: 1 });
    let isOver = false;
    // Who counts streams hears only of the end of one that has begun.
    answer = async (_, { signal }) =>
      (async function* () {
        try {
          signal.throwIfAborted();
          yield bytes("y", 1);
        } finally {
          isOver = true;
        }
      })();
    await ask({ parent: 1 });
    await settle();
    expect(isOver).toBe(true);
    answer = async () => ({ kind: "json", value: 1 });
    await ask({ parent: 1 });
    const errors = sent("error").map(({ meta }) => [meta.code, String(meta.message)]);
    expect(errors).toEqual([
      ["NOT_FOUND", "there is none"],
      ["INVALID_ARGUMENT", expect.stringContaining("decoupled=True")],
      ["FAILED_PRECONDITION", expect.stringContaining("answers json and not tensors")],
    ]);
  });

  it("is streamed as fast as there is credit", async () => {
    answer = async () => numbers(3);
    await ask({ parent: 1, credit: 2 });
    expect(sent("chunk")).toHaveLength(2);
    await socket.say("credit", 5, { chunks: 1 });
    expect(sent("chunk")).toHaveLength(3);
    expect(sent("end")).toHaveLength(1);
  });

  it("may be a load, an unload, or whether one is ready", async () => {
    await ask({ parent: 1, action: "ready", tensors: [] }, []);
    await ask({ parent: 1, action: "load", configuration: "{}", tensors: [entry("1/model.py", 1)] });
    await ask({ parent: 1, action: "unload", tensors: [] }, []);
    expect(sent("result").map(({ meta }) => meta.json)).toEqual([true, true]);
    expect(controlled).toEqual([{ name: "other", configuration: "{}", files: new Map([["1/model.py", Buffer.of(1)]]) }]);
    expect(sent("error")[0]?.meta).toEqual({ code: "NOT_FOUND", message: "there is none" });
  });

  it("tells when the host takes no other call until it is answered", async () => {
    await ask({ parent: 1, blocking: true });
    await ask({ parent: 1 });
    expect(asked.map(({ request }) => request.blocks)).toEqual([socket.endpoint.pid, undefined]);
  });

  it("is not to unload itself where that would wait for its own request", async () => {
    void replica.run(call(bytes("x", 1)));
    const parent = socket.streamOf("infer");
    const unload = { parent, model: "m", action: "unload", tensors: [] };
    await ask({ ...unload, blocking: true }, []);
    // In a thread, or when the request is over.
    await ask(unload, []);
    await socket.say("result", parent, { answers: [{ tensors: 0 }], tensors: [], computeMs: 0 });
    await ask({ ...unload, blocking: true }, []);
    expect(sent("error").map(({ meta }) => meta)).toEqual([
      { code: "FAILED_PRECONDITION", message: expect.stringContaining("model 'm' cannot unload itself in execute") },
      { code: "NOT_FOUND", message: "there is none" },
      { code: "NOT_FOUND", message: "there is none" },
    ]);
  });

  it("ends with its host", async () => {
    answer = (_, { signal }) => new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    await ask({ parent: 1 });
    await socket.die("was killed");
    expect(asked[0]?.parent.signal.aborted).toBe(true);
  });
});

function tensorsOf(payload: Payload): Extract<Payload, { kind: "tensors" }>["tensors"] {
  if (payload.kind !== "tensors") throw new Error("no tensors");
  return payload.tensors;
}

/** As what comes out of a frame. */
function asReceived(payload: Payload): object {
  return { kind: "tensors", tensors: tensorsOf(payload).map((tensor) => ({ ...tensor, data: Buffer.from(tensor.data as Uint8Array) })) };
}

async function* numbers(count: number): AsyncGenerator<Payload, void, undefined> {
  for (let number = 0; number < count; number++) yield bytes("y", number);
}
