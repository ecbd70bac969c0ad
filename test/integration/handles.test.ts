import { getEventListeners } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type * as Nitrous from "../../src/index.ts";
import { CACHE_DIRECTORY, EXAMPLES } from "../server-process.ts";

// The build: hosts are started from where the server is.
const { createServer, defineMethod, defineModel, openHandle }: typeof Nitrous = await import(
  String(new URL("../../dist/index.js", import.meta.url))
);

let server: Nitrous.Server;
let url: string;
/** Streams that are open, and calls that have been given up. */
const seen = { streams: 0, givenUp: 0, concurrent: 0, most: 0 };

const numbers = defineModel({
  methods: {
    predict: defineMethod({
      inputs: { x: "FP32[-1,2]" },
      outputs: { doubled: "FP32[-1,2]", sums: "FP64[-1]" },
      batchable: true,
      run: ({ x }) => ({
        doubled: { datatype: "FP32" as const, shape: x.shape, data: x.data.map((value) => value * 2) },
        sums: Float64Array.from({ length: x.shape[0] ?? 0 }, (_, row) => (x.data[2 * row] ?? 0) + (x.data[2 * row + 1] ?? 0)),
      }),
    }),
    wide: defineMethod({
      inputs: { n: "INT64[-1]", words: "BYTES[-1]", on: "BOOL[-1]" },
      outputs: { n: "INT64[-1]", words: "BYTES[-1]", on: "BOOL[-1]" },
      run: ({ n, words, on }) => ({ n: n.data.map((value) => value + 1n), words: words.data.map((word) => `${word}!`), on: on.data }),
    }),
    free: defineMethod({ run: (inputs, { parameters }) => ({ inputs: structuredClone(inputs), parameters: { ...parameters } }) }),
    bytes: defineMethod({ run: () => ({ raw: { datatype: "BYTES", shape: [1], data: [Uint8Array.of(255, 0)] } }) }),
    count: defineMethod({
      inputs: { n: "INT32[1]" },
      async *run({ n }) {
        seen.streams++;
        try {
          for (let value = 0; value < (n.data[0] ?? 0); value++) {
            if (value === 5) throw new RangeError("no number after 4");
            await delay(1);
            yield { value: Int32Array.of(value) };
          }
        } finally {
          seen.streams--;
        }
      },
    }),
    slow: defineMethod({
      inputs: { ms: "INT32[1]" },
      async run({ ms }, { signal }) {
        seen.most = Math.max(seen.most, ++seen.concurrent);
        try {
          await delay(ms.data[0] ?? 0, undefined, { signal });
        } catch {
          seen.givenUp++;
        } finally {
          seen.concurrent--;
        }
        return { ms: ms.data };
      },
    }),
    fails: defineMethod({
      run: () => {
        throw new TypeError("it is broken");
      },
    }),
  },
});

beforeAll(async () => {
  server = await createServer({ httpPort: 0, cacheDir: CACHE_DIRECTORY, inline: "off" });
  await Promise.all([server.models.add("numbers", numbers, { concurrency: 4 }), server.models.addPath(join(EXAMPLES, "iris-onnx"))]);
  url = await server.listen();
});

afterAll(() => server?.close());

type Open = <Inputs = Nitrous.InputValues, Outputs = Nitrous.OutputValues>(name: string) => Nitrous.ModelHandle<Inputs, Outputs>;

const DOORS: ReadonlyArray<readonly [string, Open]> = [
  ["in the process", (name) => server.handle(name)],
  ["over HTTP", (name) => openHandle(url, name)],
];

async function collect<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const all: Value[] = [];
  for await (const value of values) all.push(value);
  return all;
}

async function failure(work: Promise<unknown>): Promise<{ code: string; message: string }> {
  return await work.then(
    () => ({ code: "OK", message: "" }),
    ({ code, message }: Nitrous.ServeError) => ({ code, message }),
  );
}

describe.each(DOORS)("a handle %s", (_, open) => {
  it("takes typed arrays, lists, tensors and rows for the same inputs", async () => {
    const handle = open("numbers");
    const expected = {
      doubled: { datatype: "FP32", shape: [2, 2], data: Float32Array.of(2, 4, 6, 8) },
      sums: { datatype: "FP64", shape: [2], data: Float64Array.of(3, 7) },
    };
    const lists = [
      [1, 2],
      [3, 4],
    ];
    expect(await handle.run({ x: Float32Array.of(1, 2, 3, 4) })).toEqual(expected);
    expect(await handle.run({ x: lists })).toEqual(expected);
    expect(await handle.run({ x: { datatype: "FP32", shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) } })).toEqual(expected);
    expect(await handle.run(lists)).toEqual(expected);
    expect(await handle.run({ x: lists }, { outputs: ["sums"] })).toEqual({ sums: expected.sums });
    // A view into a larger buffer, at no multiple of its element size.
    const view = new Float32Array(Float32Array.of(0, 1, 2, 3, 4).buffer, 4, 4);
    expect(await handle.run({ x: view })).toEqual(expected);
  });

  it("keeps 64 bits, text, booleans, bytes and JSON", async () => {
    const handle = open("numbers");
    const n = BigInt64Array.of(2n ** 53n, -1n);
    const words = { datatype: "BYTES", shape: [2], data: ["grüß", ""] } as const;
    const wide = await handle.method("wide").run({ n, words, on: Uint8Array.of(1, 0) });
    expect(wide).toEqual({
      n: { datatype: "INT64", shape: [2], data: BigInt64Array.of(2n ** 53n + 1n, 0n) },
      words: { datatype: "BYTES", shape: [2], data: ["grüß!", "!"] },
      on: { datatype: "BOOL", shape: [2], data: Uint8Array.of(1, 0) },
    });
    expect(await handle.method("bytes").run({})).toEqual({ raw: { datatype: "BYTES", shape: [1], data: [Uint8Array.of(255, 0)] } });
    const free = handle.method<Nitrous.InputValues, unknown>("free");
    expect(await free.run({ a: [1, "b", null], c: { d: true } }, { parameters: { e: 1, f: "g" } })).toEqual({
      inputs: { a: [1, "b", null], c: { d: true } },
      parameters: { e: 1, f: "g" },
    });
    expect(await free.run([1, { a: 2 }])).toEqual({ inputs: { instances: [1, { a: 2 }] }, parameters: {} });
  });

  it("fails with the code and the words that say what to do", async () => {
    const handle = open("numbers");
    expect(await failure(open("nombres").run([1]))).toMatchObject({ code: "NOT_FOUND", message: expect.stringContaining("nombres") });
    expect(await failure(handle.method("predikt").run({}))).toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining("predikt"),
    });
    expect(await failure(handle.run({ z: [1] }))).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining("z") });
    expect(await failure(handle.run({ x: Float64Array.of(1, 2) }))).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("FP64"),
    });
    expect(await failure(handle.run(7 as never))).toEqual({
      code: "INVALID_ARGUMENT",
      message: "the inputs are a number: expected an object with an input for each name, or a list of rows",
    });
    expect(await failure(handle.method("count").run({ n: [3] }))).toEqual({
      code: "FAILED_PRECONDITION",
      message: "method 'count' of model 'numbers' answers with a stream: call stream() instead of run()",
    });
    expect(await failure(handle.method("fails").run({}))).toMatchObject({
      code: "INTERNAL",
      message: expect.stringContaining("it is broken"),
    });
    expect(await failure(handle.run({ x: [[1, 2]] }, { priority: 9 as 1 }))).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(await failure(handle.run({ x: [[1, 2]] }, { deadline: new Date(0) }))).toMatchObject({ code: "DEADLINE_EXCEEDED" });
  });

  it("gives a request up at its deadline and with its signal, whose listeners it leaves behind none of", async () => {
    const slow = open("numbers").method("slow");
    expect(await failure(slow.run({ ms: [5000] }, { deadline: 50 }))).toMatchObject({ code: "DEADLINE_EXCEEDED" });
    const controller = new AbortController();
    const { signal } = controller;
    const before = seen.givenUp;
    for (let call = 0; call < 20; call++) await slow.run({ ms: [0] }, { signal });
    for await (const _ of slow.map(
      Array.from({ length: 20 }, () => ({ ms: [0] })),
      { signal },
    ))
      expect(signal.aborted).toBe(false);
    for await (const _ of open("numbers")
      .method("count")
      .stream({ n: [2] }, { signal }))
      expect(signal.aborted).toBe(false);
    await (await slow.submit({ ms: [0] }, { signal })).result();
    expect(getEventListeners(signal, "abort")).toEqual([]);
    const running = slow.run({ ms: [5000] }, { signal });
    await expect.poll(() => seen.concurrent).toBeGreaterThan(0);
    controller.abort(new Error("enough"));
    await expect(running).rejects.toThrow("enough");
    await expect.poll(() => seen.givenUp).toBeGreaterThan(before);
    await expect(slow.run({ ms: [0] }, { signal })).rejects.toThrow("enough");
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("streams, lets the model know when nobody reads on, and never takes a broken stream for a whole one", async () => {
    const count = open("numbers").method("count");
    const values = async (n: number, most = Number.POSITIVE_INFINITY): Promise<unknown[]> => {
      const got: unknown[] = [];
      for await (const { value } of count.stream({ n: [n] })) {
        got.push(value?.data[0]);
        if (got.length === most) break;
      }
      return got;
    };
    expect(await values(3)).toEqual([0, 1, 2]);
    expect(await values(0)).toEqual([]);
    expect(await values(5, 2)).toEqual([0, 1]);
    await expect.poll(() => seen.streams).toBe(0);
    const got: unknown[] = [];
    const broken = (async () => {
      for await (const { value } of count.stream({ n: [9] })) got.push(value?.data[0]);
    })();
    expect(await failure(broken)).toMatchObject({ code: "INTERNAL", message: expect.stringContaining("no number after 4") });
    expect(got).toEqual([0, 1, 2, 3, 4]);
    const [only] = await collect(open("numbers").stream({ x: [[1, 2]] }, { outputs: ["sums"] }));
    expect(only).toEqual({ sums: { datatype: "FP64", shape: [1], data: Float64Array.of(3) } });
  });

  it("answers many inputs in their order or as they come, no more at once and read ahead than it may", async () => {
    const slow = open("numbers").method("slow");
    let read = 0;
    let answered = 0;
    let ahead = 0;
    function* inputs(): Generator<{ ms: number[] }> {
      for (const ms of [40, 1, 30, 1, 20, 1, 10, 1]) {
        ahead = Math.max(ahead, ++read - answered);
        yield { ms: [ms] };
      }
    }
    seen.most = 0;
    const got: unknown[] = [];
    for await (const { ms } of slow.map(inputs(), { concurrency: 3 })) {
      answered++;
      got.push(ms?.data[0]);
    }
    expect(got).toEqual([40, 1, 30, 1, 20, 1, 10, 1]);
    expect(seen.most).toBeLessThanOrEqual(3);
    expect(ahead).toBeLessThanOrEqual(4);
    const indices: number[] = [];
    for await (const { index } of slow.map([{ ms: [60] }, { ms: [1] }, { ms: [2] }], { ordered: false })) indices.push(index);
    expect(indices.at(-1)).toBe(0);
    expect(indices.toSorted()).toEqual([0, 1, 2]);
    expect(await failure(collect(slow.map([{ ms: [1] }, { no: [1] }, { ms: [1] }])))).toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("gives a future, whose answer is there later and which can be given up", async () => {
    const handle = open("numbers");
    const future = await handle.submit({ x: [[1, 2]] }, { outputs: ["sums"] });
    expect(await future.result()).toEqual({ sums: { datatype: "FP64", shape: [1], data: Float64Array.of(3) } });
    expect([future.done, (await future.result()).sums?.data[0]]).toEqual([true, 3]);
    const slow = await handle.method("slow").submit({ ms: [5000] });
    await expect.poll(() => seen.concurrent).toBeGreaterThan(0);
    expect(slow.done).toBe(false);
    const before = seen.givenUp;
    await slow.cancel();
    expect(await failure(slow.result())).toEqual({ code: "CANCELLED", message: "the request was cancelled" });
    await expect.poll(() => seen.givenUp).toBeGreaterThan(before);
    const wrong = handle.submit({ z: [1] }).then((each) => each.result());
    expect(await failure(wrong)).toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("loads a model again that was evicted, and refuses when it is drained until it is loaded", async () => {
    const iris = open("iris-onnx");
    const row = [[5.1, 3.5, 1.4, 0.2]];
    const answer = await iris.run(row);
    expect(await iris.status()).toMatchObject({ name: "iris-onnx", state: "ready", answers: true });
    await expect.poll(async () => (await failure(iris.evict())).code).toBe("OK");
    expect(await iris.status()).toMatchObject({ state: "standby", answers: true });
    expect(await iris.run(row)).toEqual(answer);
    expect(await iris.drain()).toMatchObject({ state: "standby", answers: false });
    expect(await failure(iris.run(row))).toMatchObject({ code: "UNAVAILABLE", message: expect.stringContaining("has been drained") });
    expect(await iris.load()).toMatchObject({ state: "ready", answers: true });
    expect(await iris.scale(2)).toMatchObject({ replicas: { ready: 2, wanted: 2, auto: false } });
    expect(await iris.scale("auto")).toMatchObject({ replicas: { auto: true } });
    expect(await iris.run(row)).toEqual(answer);
  });

  it("is for one model: of one that was deleted or replaced it says so, and what is under way is answered", async () => {
    const model = (factor: number) =>
      defineModel({
        inputs: { x: "FP32[-1]" },
        outputs: { y: "FP32[-1]" },
        async predict({ x }) {
          await delay(50);
          return { y: x.data.map((value) => value * factor) };
        },
      });
    await server.models.add("passing", model(2));
    const handle = open("passing");
    expect(await handle.run({ x: [1] })).toMatchObject({ y: { data: Float32Array.of(2) } });
    const underWay = handle.run({ x: [4] });
    await delay(20);
    await server.models.remove("passing");
    expect(await underWay).toMatchObject({ y: { data: Float32Array.of(8) } });
    const gone = await failure(handle.run({ x: [1] }));
    expect(gone).toMatchObject({ code: "FAILED_PRECONDITION", message: expect.stringContaining("was deleted") });
    await server.models.add("passing", model(3));
    const calls: ReadonlyArray<() => Promise<unknown>> = [
      () => handle.run({ x: [1] }),
      () => handle.status(),
      () => handle.drain(),
      () => handle.submit({ x: [1] }).then((future) => future.result()),
      () => collect(handle.map([{ x: [1] }])),
    ];
    for (const call of calls)
      expect(await failure(call())).toMatchObject({
        code: "FAILED_PRECONDITION",
        message: expect.stringMatching(/replaced.*get a new handle/),
      });
    expect(await open("passing").run({ x: [1] })).toMatchObject({ y: { data: Float32Array.of(3) } });
    await server.models.remove("passing");
  });
});

it("a server without a port is reached by nobody and answers handles; it says what is wrong with its options and its models", async () => {
  const own = await createServer({ cacheDir: CACHE_DIRECTORY });
  expect(own.url).toBe(undefined);
  const text = await own.models.add(
    "upper",
    defineModel({ predict: ({ instances }) => instances.map((each) => String(each).toUpperCase()) }),
  );
  expect(await text.run(["a"])).toEqual(["A"]);
  expect(await failure(own.models.add("upper", numbers))).toMatchObject({ code: "ALREADY_EXISTS" });
  expect(await failure(own.models.add("wrong", { inputs: { x: "FLOAT" }, predict: () => 1 }))).toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringContaining("'x' is declared as 'FLOAT'"),
  });
  expect(own.models.list().map(({ name }) => name)).toEqual(["upper"]);
  await expect(own.apply("kind: Nothing")).rejects.toThrow("Nothing");
  const pending = text.run(["b"]);
  await own.close();
  expect(await failure(pending)).toMatchObject({ code: "OK" });
  expect(await failure(text.run(["c"]))).toEqual({ code: "UNAVAILABLE", message: "the server is closed" });
  await expect(createServer({ httpPort: 70_000 })).rejects.toThrow("httpPort: Too big");
  await expect(createServer({ portt: 1 } as object)).rejects.toThrow("unknown option portt; there are host, httpPort,");
});
