import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import {
  AVAILABLE_MODULES,
  afterCommits,
  childArguments,
  openHere,
  put,
  ready,
  remove,
  resource,
  restoredIn,
  revision,
  temporaryDirectories,
} from "../../test/state-directories.ts";
import type { JsonObject } from "../core/inference.ts";
import { KEPT_REVISIONS, type ResourceChange, type ResourceStore, type StoredResource } from "../core/resource-store.ts";
import { loadSqlite } from "./sqlite.ts";
import { openStore, type SettledGroup, type StoreOptions } from "./store.ts";

const directories = temporaryDirectories();
afterEach(directories.dispose);

describe.each(AVAILABLE_MODULES)("a store with %s", (sqlite) => {
  const open = (directory: string, options: StoreOptions = {}): Promise<ResourceStore> => openStore(directory, { sqlite, ...options });

  /** What is there after these commits, made one after the other, when the store is opened again. */
  async function restoredAfter(...commits: (readonly ResourceChange[])[]): Promise<readonly StoredResource[]> {
    const directory = directories.make();
    const store = await open(directory);
    for (const changes of commits) await store.commit(changes);
    await store.close();
    return await restoredIn(directory, sqlite);
  }

  it("is empty at first, makes its directory and leaves no log when it is closed", async () => {
    const directory = join(directories.make(), "deeply", "nested");
    const store = await open(directory);
    expect(store).toMatchObject({ restored: [], epoch: 1 });
    await store.commit([put("a")]);
    await store.close();
    expect(readdirSync(directory).sort()).toEqual(["lock.db", "state.db", "state.last-good.db"]);
  });

  it("restores what was committed, in the order of kind, namespace and name", async () => {
    const cluster = resource("z");
    const { namespace: _, ...metadata } = cluster.metadata;
    const runtime = { ...cluster, kind: "ClusterServingRuntime" as const, metadata };
    const commits: ResourceChange[][] = [[put("b", { b: 1 })], [put("a", { a: [1, null, "x"] }), { change: "put", resource: runtime }]];
    const restored = await restoredAfter(...commits);
    expect(restored).toEqual(afterCommits(commits));
    const kinds = ["ClusterServingRuntime", "InferenceService", "InferenceService"];
    expect(restored.map((stored) => stored.resource.kind)).toEqual(kinds);
    expect(restored.map((stored) => stored.resource.metadata.name)).toEqual(["z", "a", "b"]);
    expect(restored[0]?.resource.metadata).not.toHaveProperty("namespace");
  });

  it("counts its openings", async () => {
    const directory = directories.make();
    for (const epoch of [1, 2]) {
      const store = await open(directory);
      expect(store.epoch).toBe(epoch);
      await store.close();
    }
  });

  it("keeps the last ready spec over new ones, and drops it with the object", async () => {
    const commits = [
      [put("kept", { v: 1 }), put("gone", { v: 1 }), put("again", { v: 1 }, "first")],
      [ready("kept", 1, { v: 1 }), ready("gone", 1, { v: 1 }), ready("again", 1, { v: 1 }, "first")],
      [put("kept", { v: 2 }), remove("gone"), put("again", { v: 2 }, "second"), remove("never there")],
      [ready("again", 1, { v: 1 }, "first"), ready("gone", 1, { v: 1 })],
    ];
    const restored = await restoredAfter(...commits);
    expect(restored).toEqual([
      { resource: resource("again", { v: 2 }, "second") },
      { resource: resource("kept", { v: 2 }), lastReady: { generation: 1, spec: { v: 1 } } },
    ]);
    expect(restored).toEqual(afterCommits(commits));
  });

  it("agrees with a map about any commits", async () => {
    const name = fc.constantFrom("a", "b", "c");
    const uid = fc.constantFrom("one", "two");
    const change = fc.oneof(
      fc.record({ name, uid, number: fc.nat() }).map(({ name, uid, number }) => put(name, { number }, uid)),
      name.map(remove),
      fc.record({ name, uid, generation: fc.nat() }).map(({ name, uid, generation }) => ready(name, generation, { generation }, uid)),
    );
    const commits = fc.array(fc.array(change, { maxLength: 4 }), { maxLength: 8 });
    const property = fc.asyncProperty(commits, async (some) => {
      const directory = directories.make();
      const state = await openHere(directory, sqlite);
      state.commit(...some);
      state.close();
      expect(await restoredIn(directory, sqlite)).toEqual(afterCommits(some));
    });
    await fc.assert(property, { numRuns: 10 });
  });

  it("keeps what became of the last revisions, and drops it with the object", async () => {
    const commits = [
      [put("kept"), put("gone"), put("again", {}, "first"), put("many")],
      [revision("kept", 1, "canary"), revision("gone", 1), revision("again", 1, "failed", "first")],
      [revision("kept", 1), revision("kept", 4, "failed"), put("kept", { v: 2 })],
      [remove("gone"), put("again", {}, "second")],
      [revision("again", 2, "rolled out", "first"), revision("gone", 1), revision("again", 3, "rolled out", "second")],
      Array.from({ length: KEPT_REVISIONS + 5 }, (_, index) => revision("many", index + 1)),
    ];
    const restored = await restoredAfter(...commits);
    expect(restored).toEqual(afterCommits(commits));
    const kept = restored.map(({ resource, revisions }) => [
      resource.metadata.name,
      revisions?.map(({ generation }) => generation).slice(0, 2),
    ]);
    expect(kept).toEqual([
      ["again", [3]],
      ["kept", [1, 4]],
      ["many", [6, 7]],
    ]);
  });

  it("takes on a state that an earlier version has written", async () => {
    const directory = directories.make();
    const store = await open(directory);
    await store.commit([put("a", { v: 1 }), ready("a", 1, { v: 1 })]);
    await store.close();
    const database = (await loadSqlite(sqlite))(join(directory, "state.db"));
    database.exec("DROP TABLE revisions; PRAGMA user_version = 1");
    database.close();
    const again = await open(directory);
    expect(again.restored).toEqual(afterCommits([[put("a", { v: 1 }), ready("a", 1, { v: 1 })]]));
    await again.commit([revision("a", 1)]);
    await again.close();
    expect((await restoredIn(directory, sqlite))[0]?.revisions).toHaveLength(1);
  });

  it("gives specs back as they were, whatever JSON they are", async () => {
    const spec: JsonObject = {
      bigint: 2n ** 70n,
      negative: -9007199254740993n,
      double: 2 ** 60,
      text: 'é 漢 🦊 \0 "quoted" \u2028 \ud800 \\u0000',
      "": { " ": [[], {}, [null]] },
      ["__proto__"]: { polluted: true },
      toJSON: "no function",
      deep: JSON.parse(`${"[".repeat(500)}1${"]".repeat(500)}`),
      long: "x".repeat(200_000),
    };
    const restored = await restoredAfter([put("odd", spec), ready("odd", 7, spec)]);
    expect(restored).toStrictEqual([{ resource: resource("odd", spec), lastReady: { generation: 7, spec } }]);
    expect(Object.keys(restored[0]?.resource.spec ?? {})).toEqual(Object.keys(spec));
  });

  it("refuses what is not JSON, and commits nothing of it", async () => {
    const directory = directories.make();
    const store = await open(directory);
    await expect(store.commit([put("a"), put("b", { number: Number.NaN })])).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await store.close();
    expect(await restoredIn(directory, sqlite)).toEqual([]);
  });

  it("writes commits of one turn together, and each settles", async () => {
    const directory = directories.make();
    const groups: SettledGroup[] = [];
    const store = await open(directory, { onSettled: (group) => groups.push(group) });
    const order: number[] = [];
    const numbers = Array.from({ length: 50 }, (_, number) => number);
    await Promise.all(numbers.map((number) => store.commit([put("last", { number }), put(`n${number}`)]).then(() => order.push(number))));
    expect(order).toEqual(numbers);
    expect(groups.reduce((sum, { commits }) => sum + commits, 0)).toBe(50);
    expect(groups.length).toBeLessThan(5);
    expect(groups.every(({ failed, seconds }) => failed === 0 && seconds > 0)).toBe(true);
    await store.close();
    expect(await restoredIn(directory, sqlite)).toEqual(
      afterCommits(numbers.map((number) => [put("last", { number }), put(`n${number}`)])),
    );
  });

  it("applies all changes of a commit or none, and the others of its group", async () => {
    const directory = directories.make();
    const groups: SettledGroup[] = [];
    const store = await open(directory, { onSettled: (group) => groups.push(group) });
    // The table refuses it, after the first change of its commit was made.
    const impossible = { ...resource("bad"), metadata: { ...resource("bad").metadata, uid: null as unknown as string } };
    const outcomes = await Promise.allSettled([
      store.commit([put("before")]),
      store.commit([put("half"), { change: "put", resource: impossible }]),
      store.commit([put("after")]),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(groups).toMatchObject([{ commits: 3, failed: 1 }]);
    await store.close();
    expect(await restoredIn(directory, sqlite)).toEqual(afterCommits([[put("before"), put("after")]]));
  });

  it("takes changes as they are when they are given", async () => {
    const directory = directories.make();
    const store = await open(directory);
    const spec: JsonObject = { version: 1 };
    const committed = store.commit([put("a", spec)]);
    spec.version = 2;
    await committed;
    await store.close();
    expect(await restoredIn(directory, sqlite)).toEqual([{ resource: resource("a", { version: 1 }) }]);
  });

  it("finishes what is under way when it is closed, and refuses more", async () => {
    const directory = directories.make();
    const faults: unknown[] = [];
    const store = await open(directory, { onFault: (fault) => faults.push(fault) });
    const commits = Array.from({ length: 20 }, (_, number) => store.commit([put(`n${number}`)]));
    const closed = store.close();
    await expect(store.commit([put("late")])).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
    await Promise.all(commits);
    await closed;
    await store.close();
    expect(faults).toEqual([]);
    expect(await restoredIn(directory, sqlite)).toHaveLength(20);
  });

  it("goes on with a log that was too long to keep", async () => {
    const directory = directories.make();
    const store = await open(directory);
    const commits = Array.from({ length: 12 }, (_, number) => [put(`n${number % 5}`, { number, text: "x".repeat(1_000_000) })]);
    for (const changes of commits) await store.commit(changes);
    await store.close();
    expect(await restoredIn(directory, sqlite)).toEqual(afterCommits(commits));
  });
});

it("prints nothing to the terminal, not even Node's warning that its SQLite is experimental", () => {
  const body = "await (await openStore(directory)).close();";
  const { status, stdout, stderr } = spawnSync(process.execPath, childArguments(body, directories.make()), { encoding: "utf8" });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
});
