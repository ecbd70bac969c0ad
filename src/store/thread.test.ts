import type { Worker } from "node:worker_threads";
import { afterEach, expect, it, vi } from "vitest";
import { afterCommits, put, temporaryDirectories } from "../../test/state-directories.ts";
import type { ServeError } from "../core/errors.ts";
import { openStore } from "./store.ts";

const threads = vi.hoisted((): Worker[] => []);
vi.mock("node:worker_threads", async (importOriginal) => {
  const original = await importOriginal<typeof import("node:worker_threads")>();
  class ObservedWorker extends original.Worker {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      super(...args);
      threads.push(this);
    }
  }
  return { ...original, Worker: ObservedWorker };
});

const directories = temporaryDirectories();
afterEach(directories.dispose);

it("fails what waits and says so once when its thread dies, and the directory can be opened again", async () => {
  const directory = directories.make();
  const faults: ServeError[] = [];
  const store = await openStore(directory, { onFault: (fault) => faults.push(fault) });
  await store.commit([put("settled")]);
  const waiting = Promise.allSettled([store.commit([put("a")]), store.commit([put("b")])]);
  await threads[0]?.terminate();
  const dead = { code: "UNAVAILABLE", message: expect.stringContaining("may or may not be stored") };
  expect(await waiting).toMatchObject([
    { status: "rejected", reason: dead },
    { status: "rejected", reason: dead },
  ]);
  await expect(store.commit([put("late")])).rejects.toMatchObject(dead);
  await store.close();
  expect(faults).toMatchObject([dead]);

  const next = await openStore(directory);
  expect(next.restored).toEqual(expect.arrayContaining(afterCommits([[put("settled")]])));
  await next.close();
  await expect(next.commit([put("late")])).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
});

it("says so when its thread dies before it has opened", async () => {
  const opened = openStore(directories.make());
  await threads.at(-1)?.terminate();
  await expect(opened).rejects.toMatchObject({ code: "UNAVAILABLE", message: expect.stringContaining("could not be opened") });
});
