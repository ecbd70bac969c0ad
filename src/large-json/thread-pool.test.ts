import { Worker } from "node:worker_threads";
import { afterEach, expect, it } from "vitest";
import { FakeClock, settle } from "../../test/fake-clock.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import { ThreadPool } from "./thread-pool.ts";

/** Answers with what it was told, after the gate's lock is open; ends on "die" and runs out of memory on "grow". */
const THREAD = `
  const { parentPort } = require("node:worker_threads");
  parentPort.on("message", ({ say, gate }) => {
    if (gate !== undefined) Atomics.wait(new Int32Array(gate), 0, 0);
    if (say === "die") process.exit(7);
    if (say === "grow") for (const kept = [];;) kept.push(new Array(1000).fill(kept.length));
    parentPort.postMessage(say === "fail" ? { failure: { code: "OUT_OF_RANGE", message: "no", retryAfter: 3, cause: "why" } } : { answer: say });
  });`;

interface Task {
  readonly say: string;
  readonly gate?: SharedArrayBuffer;
}

const pools: ThreadPool<Task, string>[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

function setUp(size = 1, maxWaiting = 8) {
  const clock = new FakeClock();
  const threads: Worker[] = [];
  const start = (): Worker => {
    const thread = new Worker(THREAD, { eval: true, execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 24 } });
    threads.push(thread);
    return thread;
  };
  const pool = new ThreadPool<Task, string>({ clock, start, size, maxWaiting, idleMs: 1000 });
  pools.push(pool);
  const ask = (task: Task, context = contextUntil(1e9)): Promise<string> => pool.run(task, [], context);
  return { clock, threads, pool, ask };
}

function contextUntil(deadline: number): RequestContext {
  return new RequestContext({ deadline, record: createRecord("v1", "m", 0) });
}

function createGate(): { gate: SharedArrayBuffer; open: () => void } {
  const gate = new SharedArrayBuffer(4);
  const lock = new Int32Array(gate);
  const open = (): void => {
    Atomics.store(lock, 0, 1);
    Atomics.notify(lock, 0);
  };
  return { gate, open };
}

it("starts threads when they are needed, and no more than it may", async () => {
  const { threads, ask } = setUp(2);
  expect(threads).toHaveLength(0);
  expect(await ask({ say: "a" })).toBe("a");
  expect(threads).toHaveLength(1);
  expect(await Promise.all(["b", "c", "d", "e"].map((say) => ask({ say })))).toEqual(["b", "c", "d", "e"]);
  expect(threads).toHaveLength(2);
});

it("gives errors with code, message, pause and cause", async () => {
  const { ask } = setUp();
  await expect(ask({ say: "fail" })).rejects.toSatisfy((error) => {
    expect(error).toBeInstanceOf(ServeError);
    expect(error).toMatchObject({ code: "OUT_OF_RANGE", message: "no", retryAfter: 3, cause: { message: "why" } });
    return true;
  });
});

it("fails exactly the request whose thread dies, and serves the next ones with another thread", async () => {
  const { threads, ask } = setUp();
  const outcomes = await Promise.allSettled([ask({ say: "a" }), ask({ say: "die" }), ask({ say: "b" }), ask({ say: "c" })]);
  expect(outcomes).toMatchObject([
    { value: "a" },
    { status: "rejected", reason: { code: "INTERNAL", message: expect.stringContaining("has ended"), cause: { message: "exit code 7" } } },
    { value: "b" },
    { value: "c" },
  ]);
  expect(threads).toHaveLength(2);
});

it("says so when a thread runs out of memory", async () => {
  const { ask } = setUp();
  await expect(ask({ say: "grow" })).rejects.toMatchObject({ code: "RESOURCE_EXHAUSTED", message: expect.stringContaining("memory") });
  expect(await ask({ say: "a" })).toBe("a");
});

it("lets a request that is given up go at once, and drops its answer", async () => {
  const { clock, ask } = setUp();
  const { gate, open } = createGate();
  const [running, waiting, late] = [contextUntil(1e9), contextUntil(1e9), contextUntil(50)];
  const outcomes = Promise.allSettled([ask({ say: "a", gate }, running), ask({ say: "b" }, waiting), ask({ say: "c" }, late)]);
  const next = ask({ say: "d" });
  running.abort(new ServeError("CANCELLED", "the client went away"));
  waiting.abort(new ServeError("CANCELLED", "the client went away"));
  await clock.advance(50);
  expect(await outcomes).toMatchObject([
    { reason: { code: "CANCELLED" } },
    { reason: { code: "CANCELLED" } },
    { reason: { code: "DEADLINE_EXCEEDED" } },
  ]);
  open();
  expect(await next).toBe("d");
  const gone = contextUntil(1e9);
  gone.abort(new ServeError("CANCELLED", "gone"));
  await expect(ask({ say: "e" }, gone)).rejects.toMatchObject({ code: "CANCELLED" });
});

it("refuses what would wait behind too many", async () => {
  const { ask } = setUp(1, 1);
  const { gate, open } = createGate();
  const first = ask({ say: "a", gate });
  const second = ask({ say: "b" });
  await expect(ask({ say: "c" })).rejects.toMatchObject({ code: "RESOURCE_EXHAUSTED", retryAfter: 1 });
  open();
  expect(await Promise.all([first, second])).toEqual(["a", "b"]);
});

it("ends its threads when it is closed, and fails what is under way", async () => {
  const { threads, pool, ask } = setUp();
  await ask({ say: "a" });
  const { gate } = createGate();
  const outcomes = Promise.allSettled([ask({ say: "b", gate }), ask({ say: "c" })]);
  await pool.close();
  expect(await outcomes).toMatchObject([{ reason: { code: "UNAVAILABLE" } }, { reason: { code: "UNAVAILABLE" } }]);
  expect(threads.map(({ threadId }) => threadId)).toEqual([-1]);
  await expect(ask({ say: "d" })).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

it("ends a thread that has had nothing to do, and starts another one", async () => {
  const { clock, threads, ask } = setUp();
  await ask({ say: "a" });
  const ended = new Promise((resolve) => threads[0]?.once("exit", resolve));
  await clock.advance(1000);
  await ended;
  expect(await ask({ say: "b" })).toBe("b");
  expect(threads).toHaveLength(2);
});

it("leaves neither listeners nor timers behind", async () => {
  const { clock, threads, ask } = setUp();
  await ask({ say: "a" });
  const counts = (): number[] => ["message", "error", "exit", "messageerror"].map((name) => threads[0]?.listenerCount(name) ?? -1);
  const before = [...counts(), clock.timers];
  for (let count = 0; count < 50; count++) await ask({ say: "b" }).catch(() => undefined);
  const context = contextUntil(1e9);
  await ask({ say: "c" }, context);
  await settle();
  expect([...counts(), clock.timers]).toEqual(before);
  // Nobody listens to the request any more.
  context.abort(new ServeError("CANCELLED", "later"));
});
