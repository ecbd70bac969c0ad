import { beforeEach, describe, expect, it } from "vitest";
import { FakeClock, settle } from "../../../test/fake-clock.ts";
import { FakeHostSocket } from "../../../test/fake-host-socket.ts";
import { Cancellation } from "../../core/cancellation.ts";
import { ServeError } from "../../core/errors.ts";
import type { Payload } from "../../core/inference.ts";
import { type Replica, type ReplicaCall, ReplicaLostError } from "../../core/replica.ts";
import { encodeFrame, FRAME_TYPES } from "../../frames/index.ts";
import { HostConnection } from "./connection.ts";
import { loadIntoHost } from "./replica.ts";

const TIMEOUT = 300_000;
const SIGNATURE = {
  accepts: "tensors",
  inputs: [{ name: "x", datatype: "UINT8", shape: [-1] }],
  outputs: [{ name: "y", datatype: "UINT8", shape: [-1], declared: true }],
  batchable: true,
};
const DESCRIPTION = {
  framework: "fake",
  frameworkVersion: "0",
  warnings: [],
  methods: { predict: SIGNATURE, stream: { ...SIGNATURE, streaming: true, batchable: false } },
};
const CALL: ReplicaCall = {
  method: "predict",
  payload: { kind: "tensors", tensors: [{ name: "x", datatype: "UINT8", shape: [3], data: Uint8Array.of(1, 2, 3) }] },
};
const ANSWER = { tensors: [{ name: "y", datatype: "UINT8", shape: [3], bytes: 3 }], computeMs: 1 };
const BLOB = Uint8Array.of(4, 5, 6);

let clock: FakeClock;
let socket: FakeHostSocket;
let connection: HostConnection;
let lines: string[];

beforeEach(() => {
  clock = new FakeClock();
  socket = new FakeHostSocket();
  lines = [];
  connection = new HostConnection(socket, (_level, line) => lines.push(line));
});

/** Wrapped, or awaiting it would wait for the load. */
async function beginLoad(): Promise<{ readonly loading: Promise<Replica> }> {
  const load = {
    model: "m",
    version: "1",
    format: "python",
    file: "f",
    directory: "d",
    example: null,
    threads: 1,
    trust: "none",
    code: false,
    settings: {},
  } as const;
  const options = { id: "m", connection, endpoint: socket.endpoint, load, onProgress: () => undefined, clock, hostTimeoutMs: TIMEOUT };
  const loading = loadIntoHost(options, new AbortController().signal);
  loading.catch(() => undefined);
  await settle();
  return { loading };
}

async function loadReplica(description: object = DESCRIPTION): Promise<Replica> {
  await socket.hello();
  const { loading } = await beginLoad();
  await socket.say("ready", socket.streamOf("load"), { description });
  return await loading;
}

type Outcome = Payload | { readonly code: string; readonly message: string; readonly lost: boolean; readonly alone: boolean };

/** What became of a call: its answer, an error, or nothing yet. */
function outcomeOf(work: Promise<Payload>): { now: Outcome | "waiting" } {
  const outcome: { now: Outcome | "waiting" } = { now: "waiting" };
  void work.then(
    (payload) => {
      outcome.now = payload;
    },
    (error: ServeError) => {
      const lost = error instanceof ReplicaLostError;
      outcome.now = { code: error.code, message: error.message, lost, alone: lost && error.alone };
    },
  );
  return outcome;
}

function call(replica: Replica, cancellation?: Cancellation, given = CALL): { now: Outcome | "waiting" } {
  return outcomeOf(replica.run(given, cancellation).then(({ payload }) => payload));
}

function frameBytes(name: "result" | "pong", stream: number, meta: object, blobs: readonly Uint8Array[] = []): Buffer {
  return Buffer.concat(encodeFrame(FRAME_TYPES[name], stream, meta, blobs));
}

describe("a call", () => {
  it("is answered once: whatever comes on its stream after that, and on streams that nobody began, is ignored and said once", async () => {
    const replica = await loadReplica();
    const first = call(replica);
    const stream = socket.streamOf("infer");
    await socket.say("result", stream, ANSWER, [BLOB]);
    expect(first.now).toMatchObject({ kind: "tensors" });
    const second = call(replica);
    await socket.say("result", stream, { ...ANSWER, tensors: [{ ...ANSWER.tensors[0], shape: [2], bytes: 2 }] }, [Uint8Array.of(9, 9)]);
    await socket.say("error", 4_000_000_000, { code: "INTERNAL", message: "nobody asked" });
    await socket.say("result", 0, ANSWER, [BLOB]);
    expect(second.now).toBe("waiting");
    await socket.say("result", socket.streamOf("infer"), ANSWER, [BLOB]);
    expect(second.now).toMatchObject({ kind: "tensors", tensors: [{ shape: [3] }] });
    expect(lines).toEqual([expect.stringContaining(`on stream ${stream}`)]);
  });

  it.each(["ready", "end", "pong", "chunk", "progress", "infer", "cancel", "ping", "load"] as const)(
    "that is answered with a frame '%s' fails with INTERNAL, and no other one",
    async (name) => {
      const replica = await loadReplica();
      const wrong = call(replica);
      const stream = socket.streamOf("infer");
      const right = call(replica);
      await socket.say(name, stream, { description: DESCRIPTION, json: 1, step: "x" });
      expect(wrong.now).toMatchObject({ code: "INTERNAL", lost: false });
      await socket.say("result", socket.streamOf("infer"), ANSWER, [BLOB]);
      expect(right.now).toMatchObject({ kind: "tensors" });
      expect(socket.destroyed).toBe(false);
    },
  );

  it.each<[string, object, Uint8Array[]]>([
    ["no payload", { computeMs: 1 }, []],
    ["a tensor without a name", { tensors: [{ datatype: "UINT8", shape: [3], bytes: 3 }] }, [BLOB]],
    ["an unknown datatype", { tensors: [{ name: "y", datatype: "FP8", shape: [3], bytes: 3 }] }, [BLOB]],
    ["more elements than bytes", { tensors: [{ name: "y", datatype: "UINT8", shape: [4], bytes: 3 }] }, [BLOB]],
    ["a negative dimension", { tensors: [{ name: "y", datatype: "UINT8", shape: [-3], bytes: 3 }] }, [BLOB]],
    ["a shape of NaN", { tensors: [{ name: "y", datatype: "UINT8", shape: [null], bytes: 3 }] }, [BLOB]],
    [
      "dimensions whose product is no integer",
      { tensors: [{ name: "y", datatype: "UINT8", shape: [2 ** 40, 2 ** 40], bytes: 3 }] },
      [BLOB],
    ],
    ["text whose lengths do not add up", { tensors: [{ name: "y", datatype: "BYTES", shape: [1], bytes: 3 }] }, [BLOB]],
  ])("that is answered with %s fails with DATA_LOSS, and no other one", async (_, meta, blobs) => {
    const replica = await loadReplica();
    const wrong = call(replica);
    const stream = socket.streamOf("infer");
    const right = call(replica);
    await socket.say("result", stream, meta, blobs);
    expect(wrong.now).toMatchObject({ code: "DATA_LOSS", lost: false });
    await socket.say("result", socket.streamOf("infer"), ANSWER, [BLOB]);
    expect(right.now).toMatchObject({ kind: "tensors" });
  });

  it.each<[string, object, RegExp]>([
    ["datatype", { name: "y", datatype: "INT8", shape: [3], bytes: 3 }, /'y' as INT8 \[3\]; it declares UINT8 \[-1\]/],
    ["rank", { name: "y", datatype: "UINT8", shape: [3, 1], bytes: 3 }, /'y' as UINT8 \[3,1\]; it declares/],
    ["number of rows", { name: "other", datatype: "UINT8", shape: [1, 3], bytes: 3 }, /'other' with shape \[1,3\] for 3 rows/],
    ["number of rows, in a scalar", { name: "other", datatype: "UINT8", shape: [], bytes: 1 }, /'other' with shape \[\] for 3 rows/],
  ])("that is answered with another %s than the model declares fails with INTERNAL", async (_, tensor, message) => {
    const replica = await loadReplica();
    const outcome = call(replica);
    await socket.say("result", socket.streamOf("infer"), { tensors: [tensor], computeMs: 1 }, [
      BLOB.subarray(0, (tensor as { bytes: number }).bytes),
    ]);
    expect(outcome.now).toMatchObject({ code: "INTERNAL", message: expect.stringMatching(message), lost: false });
  });

  it("may be answered with outputs that no code declares, and with JSON", async () => {
    const { declared, ...observed } = SIGNATURE.outputs[0] as (typeof SIGNATURE.outputs)[number];
    expect(declared).toBe(true);
    const replica = await loadReplica({ ...DESCRIPTION, methods: { predict: { ...SIGNATURE, outputs: [observed] } } });
    for (const [meta, blobs] of [
      [{ tensors: [{ name: "y", datatype: "INT8", shape: [3, 1], bytes: 3 }] }, [BLOB]],
      [{ tensors: [{ name: "z", datatype: "INT8", shape: [3], bytes: 3 }] }, [BLOB]],
      [{ json: { any: 1 } }, []],
    ] as const) {
      const outcome = call(replica);
      await socket.say("result", socket.streamOf("infer"), meta, blobs);
      expect(outcome.now).toHaveProperty("kind");
    }
  });

  it("counts no time that is not a number", async () => {
    const replica = await loadReplica();
    for (const computeMs of ["1", -1, null]) {
      const answer = replica.run(CALL);
      await socket.say("result", socket.streamOf("infer"), { ...ANSWER, computeMs }, [BLOB]);
      expect((await answer).computeMs).toBe(0);
    }
  });

  it("fails with INTERNAL for an error of a code that does not exist", async () => {
    const replica = await loadReplica();
    const outcome = call(replica);
    await socket.say("error", socket.streamOf("infer"), { code: 7 });
    expect(outcome.now).toMatchObject({ code: "INTERNAL", message: "the model's host process gave no reason" });
  });
});

describe("bytes that are no frames", () => {
  const damage: Array<[string, (good: Buffer) => Buffer, RegExp]> = [
    ["another magic", (good) => Buffer.concat([Buffer.from("no"), good.subarray(2)]), /does not begin with NT/],
    ["another protocol version", (good) => set(good, 2, 9), /protocol version 9/],
    ["a length of metadata that is no multiple of 8", (good) => set(good, 8, 1), /metadata of \d+ bytes/],
    ["metadata over the limit", (good) => set(good, 11, 255), /metadata of \d+ bytes/],
    ["a body over the limit", (good) => set(good, 21, 255), /a body of \d+ bytes/],
    ["metadata that is not JSON", (good) => set(good, 24, 0x21), /metadata is not JSON/],
    [
      "NaN for a length",
      (good) => Buffer.from(good.toString("latin1").replace('"bytes":3', '"bytes":N'), "latin1"),
      /metadata is not JSON/,
    ],
    [
      "a blob longer than the body",
      (good) => Buffer.from(good.toString("latin1").replace('"bytes":3', '"bytes":9'), "latin1"),
      /longer than the body/,
    ],
    ["a frame in a frame", (good) => Buffer.concat([good.subarray(0, 40), good]), /./],
  ];

  it.each(damage)("(%s) end the host, and all that were in it hear that it is gone", async (_, spoil, message) => {
    const replica = await loadReplica();
    const outcomes = [call(replica), call(replica)];
    await socket.sayBytes(spoil(frameBytes("result", socket.streamOf("infer"), ANSWER, [BLOB])));
    for (const { now } of outcomes)
      expect(now).toMatchObject({ code: "UNAVAILABLE", lost: true, alone: false, message: expect.stringMatching(message) });
    expect(socket.destroyed).toBe(true);
    await socket.die("was killed by SIGKILL");
    expect(await replica.exited).toMatch(/^sent a broken frame: /);
  });

  it("say of a call that was the only one that it was alone, and of none that comes later", async () => {
    const replica = await loadReplica();
    const only = call(replica);
    await socket.sayBytes(Buffer.alloc(24));
    expect(only.now).toMatchObject({ lost: true, alone: true });
    const later = call(replica);
    await settle();
    expect(later.now).toMatchObject({ code: "UNAVAILABLE", lost: true, alone: false });
  });

  it("are not read on: what follows them in the same piece answers nobody", async () => {
    const replica = await loadReplica();
    const outcome = call(replica);
    await socket.sayBytes(Buffer.concat([Buffer.alloc(24), frameBytes("result", socket.streamOf("infer"), ANSWER, [BLOB])]));
    expect(outcome.now).toMatchObject({ lost: true });
  });
});

function set(bytes: Buffer, offset: number, value: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[offset] = value;
  return changed;
}

describe("a host that ends", () => {
  it("in the middle of a frame fails who was in it", async () => {
    const replica = await loadReplica();
    const outcome = call(replica);
    const bytes = frameBytes("result", socket.streamOf("infer"), ANSWER, [BLOB]);
    await socket.sayBytes(bytes.subarray(0, bytes.length - 3));
    expect(outcome.now).toBe("waiting");
    await socket.die("was killed by SIGSEGV");
    expect(outcome.now).toMatchObject({ code: "UNAVAILABLE", lost: true, alone: true, message: "the model's host process ended" });
    expect(await replica.exited).toBe("was killed by SIGSEGV");
  });

  it("and leaves a process behind that holds its output keeps nobody waiting", async () => {
    const replica = await loadReplica();
    let how: string | undefined;
    void replica.exited.then((told) => {
      how = told;
    });
    socket.destroy();
    await settle();
    await clock.advance(4_999);
    expect(how).toBeUndefined();
    await clock.advance(1);
    expect(how).toBe("ended, and a process that it has left behind holds its output");
    expect(clock.timers).toBe(0);
  });

  it("while it loads says how; a model that is UNAVAILABLE by its own words does not wait for it", async () => {
    await socket.hello();
    const first = await beginLoad();
    await socket.say("error", socket.streamOf("load"), { code: "UNAVAILABLE", message: "the feature store is away" });
    await expect(first.loading).rejects.toMatchObject({ code: "UNAVAILABLE", message: "the feature store is away" });
    const second = await beginLoad();
    await socket.die("was killed by SIGKILL");
    await expect(second.loading).rejects.toMatchObject({
      code: "ABORTED",
      message: "its host was killed by SIGKILL while it loaded the model",
    });
  });

  it("because the server ended it says why, and blames no call", async () => {
    const replica = await loadReplica();
    const outcome = call(replica);
    replica.destroy("used too much memory");
    await settle();
    expect(outcome.now).toMatchObject({ lost: true, alone: false, message: "the model's host process used too much memory" });
    expect(socket.stops).toEqual([0]);
    await socket.die("was killed by SIGKILL");
    expect(await replica.exited).toBe("used too much memory");
  });

  it.each([0, -1, 1.5, null, "1"])("introduces itself with a credit of %j is refused", async (credit) => {
    await socket.hello(credit);
    await expect(connection.hello).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
    expect(socket.destroyed).toBe(true);
  });

  it.each([{}, null, { ...DESCRIPTION, warnings: undefined }, { ...DESCRIPTION, methods: { predict: {} } }])(
    "that describes its model as %j has not loaded it",
    async (description) => {
      await socket.hello();
      const { loading } = await beginLoad();
      await socket.say("ready", socket.streamOf("load"), { description });
      await expect(loading).rejects.toMatchObject({ code: "INTERNAL" });
    },
  );
});

describe("a call that is given up", () => {
  it("ends its host when it is not answered for too long after that, and not before", async () => {
    const replica = await loadReplica();
    const cancellation = new Cancellation();
    const outcome = call(replica, cancellation);
    await clock.advance(10 * TIMEOUT);
    expect(outcome.now).toBe("waiting");
    cancellation.abort(new Error("nobody waits"));
    await settle();
    expect(socket.sent.at(-1)).toMatchObject({ type: FRAME_TYPES.cancel, stream: socket.streamOf("infer") });
    await clock.advance(TIMEOUT - 1);
    expect(socket.destroyed).toBe(false);
    await clock.advance(1);
    expect(outcome.now).toMatchObject({ lost: true, alone: true });
    expect(socket.stops).toEqual([0]);
    await socket.die("was killed by SIGKILL");
    expect(await replica.exited).toBe("did not end a call within 300 s after it had been given up");
    expect(clock.timers).toBe(0);
  });

  it("and is answered in time keeps its host", async () => {
    const replica = await loadReplica();
    const cancellation = new Cancellation();
    const outcome = call(replica, cancellation);
    cancellation.abort(new Error("nobody waits"));
    await clock.advance(TIMEOUT - 1);
    await socket.say("error", socket.streamOf("infer"), { code: "CANCELLED", message: "cancelled" });
    expect(outcome.now).toMatchObject({ code: "CANCELLED" });
    expect(clock.timers).toBe(0);
    await clock.advance(TIMEOUT);
    expect(socket.destroyed).toBe(false);
  });
});

describe("a stream", () => {
  function begin(replica: Replica): { readonly received: Payload[]; readonly controller: AbortController; error: ServeError | undefined } {
    const state: ReturnType<typeof begin> = { received: [], controller: new AbortController(), error: undefined };
    void (async () => {
      try {
        for await (const payload of replica.stream({ ...CALL, method: "stream" }, state.controller.signal)) state.received.push(payload);
      } catch (error) {
        state.error = error as ServeError;
      }
    })();
    return state;
  }

  it("that sends more than its credit fails alone, and keeps nothing of what comes after that", async () => {
    const replica = await loadReplica();
    const iterator = replica.stream({ ...CALL, method: "stream" }, new AbortController().signal)[Symbol.asyncIterator]();
    const first = iterator.next();
    await settle();
    const stream = socket.streamOf("infer");
    const other = call(replica);
    for (let chunk = 0; chunk < 40; chunk++) await socket.say("chunk", stream, { json: chunk });
    expect(await first).toMatchObject({ value: { value: 0 } });
    const rest: unknown[] = [];
    await expect(
      (async () => {
        for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) rest.push(next.value);
      })(),
    ).rejects.toMatchObject({ code: "INTERNAL", message: expect.stringContaining("more than the 16 answers") });
    expect(rest.length).toBeLessThanOrEqual(16);
    expect(socket.sent.filter(({ type, stream: of }) => type === FRAME_TYPES.cancel && of === stream)).toHaveLength(1);
    await socket.say("result", socket.streamOf("infer"), ANSWER, [BLOB]);
    expect(other.now).toMatchObject({ kind: "tensors" });
  });

  it("fails alone when an answer cannot be read or is not as declared", async () => {
    const replica = await loadReplica();
    for (const [meta, code] of [
      [{ tensors: [{ name: "y", datatype: "UINT8", shape: [9], bytes: 3 }] }, "DATA_LOSS"],
      [{ tensors: [{ name: "y", datatype: "INT8", shape: [3], bytes: 3 }] }, "INTERNAL"],
    ] as const) {
      const state = begin(replica);
      await settle();
      await socket.say("chunk", socket.streamOf("infer"), meta, [BLOB]);
      expect(state.error).toMatchObject({ code });
    }
    expect(socket.destroyed).toBe(false);
  });

  it("that is given up leaves the host in peace when it answers a ping", async () => {
    const replica = await loadReplica();
    const { controller } = begin(replica);
    await settle();
    controller.abort(new ServeError("CANCELLED", "the client went away"));
    await settle();
    await socket.say("pong", socket.streamOf("ping"), {});
    await clock.advance(10 * TIMEOUT);
    expect(socket.destroyed).toBe(false);
    expect(clock.timers).toBe(0);
  });

  it("that is given up ends a host that answers no ping, but not while it works on a call that somebody waits for", async () => {
    const replica = await loadReplica();
    const { controller } = begin(replica);
    await settle();
    const wanted = call(replica);
    controller.abort(new ServeError("CANCELLED", "the client went away"));
    await clock.advance(TIMEOUT);
    expect(socket.destroyed).toBe(false);
    await socket.say("result", socket.streamOf("infer"), ANSWER, [BLOB]);
    expect(wanted.now).toMatchObject({ kind: "tensors" });
    await clock.advance(TIMEOUT);
    expect(socket.destroyed).toBe(true);
    await socket.die("was killed by SIGKILL");
    expect(await replica.exited).toBe("did not answer a ping within 300 s");
  });
});
