import { beforeEach, describe, expect, it } from "vitest";
import { MemoryStore } from "../../test/memory-store.ts";
import { ServeError } from "../core/errors.ts";
import type { ResourceWatchEvent } from "../core/planes.ts";
import type { ResourceKey } from "../core/resource.ts";
import type { ValidDocument } from "../resources/index.ts";
import { ResourceTable } from "./resource-table.ts";

const PLACE = { kind: "InferenceService", namespace: "default" } as const;
const KEY: ResourceKey = { ...PLACE, name: "iris" };

let store: MemoryStore;
let table: ResourceTable;
let changes: string[];

beforeEach(() => begin(new MemoryStore()));

function begin(withStore: MemoryStore): void {
  store = withStore;
  changes = [];
  table = new ResourceTable(
    store,
    (document) => document as ValidDocument,
    ({ name }) => changes.push(name),
  );
}

function service(
  spec: ValidDocument["spec"],
  metadata: Partial<ValidDocument["metadata"]> & { resourceVersion?: string; uid?: string } = {},
) {
  return {
    apiVersion: "serving.kserve.io/v1beta1",
    kind: "InferenceService",
    metadata: { name: "iris", namespace: "default", ...metadata },
    spec,
  };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => "OK",
    (error: ServeError) => error.code,
  );
}

describe("writing", () => {
  it("gives a new resource its identity, and tells of it when it is stored", async () => {
    const { metadata } = await table.create(PLACE, service({ predictor: {} }));
    expect(metadata).toMatchObject({ name: "iris", namespace: "default", generation: 1 });
    expect(metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(store.contents.size).toBe(1);
    expect(changes).toEqual(["iris"]);
    expect(await codeOf(table.create(PLACE, service({})))).toBe("ALREADY_EXISTS");
  });

  it("counts the generation up with the spec only, and the resource version with everything", async () => {
    const first = await table.create(PLACE, service({ a: 1, b: 2 }));
    const relabelled = await table.replace(KEY, () => service({ b: 2, a: 1 }, { labels: { team: "x" } }));
    expect(relabelled.metadata).toMatchObject({ uid: first.metadata.uid, generation: 1, labels: { team: "x" } });
    const changed = await table.replace(KEY, () => service({ a: 2 }));
    expect(changed.metadata.generation).toBe(2);
    const versions = [first, relabelled, changed].map(({ metadata }) => metadata.resourceVersion);
    expect(new Set(versions).size).toBe(3);
  });

  it("changes nothing when the same is written again, and says that it was", async () => {
    const first = await table.create(PLACE, service({ a: 1 }, { labels: { a: "1", b: "2" } }));
    const again = await table.replace(KEY, () => service({ a: 1 }, { labels: { b: "2", a: "1" } }));
    expect(again).toEqual(first);
    expect(changes).toEqual(["iris", "iris"]);
  });

  it("keeps the order of a spec that is written again in another one, so that nothing is served anew", async () => {
    await table.create(PLACE, service({ a: 1, b: 2 }));
    const { spec } = await table.replace(KEY, () => service({ b: 2, a: 1 }, { labels: { team: "x" } }));
    expect(JSON.stringify(spec)).toBe('{"a":1,"b":2}');
  });

  it("keeps what became known of a resource while a change of it was stored", async () => {
    await table.create(PLACE, service({ a: 1 }));
    const change = table.replace(KEY, () => {
      queueMicrotask(() => table.setStatus(KEY, { ready: true }));
      return service({ a: 2 });
    });
    expect((await change).status).toEqual({ ready: true });
    expect(table.get(KEY)).toMatchObject({ spec: { a: 2 }, status: { ready: true } });
  });

  it("refuses a change of a resource that has changed meanwhile", async () => {
    const { metadata } = await table.create(PLACE, service({ a: 1 }));
    await table.replace(KEY, () => service({ a: 2 }));
    expect(await codeOf(table.replace(KEY, () => service({ a: 3 }, { resourceVersion: metadata.resourceVersion })))).toBe("ABORTED");
    expect(await codeOf(table.replace(KEY, () => service({ a: 3 }, { uid: "another" })))).toBe("ABORTED");
    expect(await codeOf(table.delete(KEY, { resourceVersion: metadata.resourceVersion }))).toBe("ABORTED");
    expect(await codeOf(table.replace(KEY, () => service({ a: 3 })))).toBe("OK");
  });

  it("applies changes of one resource one after the other, each to the result of the one before", async () => {
    await table.create(PLACE, service({ count: 0 }));
    const increment = () => table.replace(KEY, ({ spec }) => service({ count: Number(spec.count) + 1 }));
    await Promise.all(Array.from({ length: 20 }, increment));
    expect(table.get(KEY)).toMatchObject({ spec: { count: 20 }, metadata: { generation: 21 } });
  });

  it("shows nothing that could not be stored", async () => {
    store.failure = new ServeError("RESOURCE_EXHAUSTED", "the disk is full");
    expect(await codeOf(table.create(PLACE, service({})))).toBe("RESOURCE_EXHAUSTED");
    expect(table.find(KEY)).toBeUndefined();
    await table.create(PLACE, service({ a: 1 }));
    store.failure = new ServeError("RESOURCE_EXHAUSTED", "the disk is full");
    expect(await codeOf(table.replace(KEY, () => service({ a: 2 })))).toBe("RESOURCE_EXHAUSTED");
    store.failure = new ServeError("RESOURCE_EXHAUSTED", "the disk is full");
    expect(await codeOf(table.delete(KEY))).toBe("RESOURCE_EXHAUSTED");
    expect(table.get(KEY).spec).toEqual({ a: 1 });
    expect(changes).toEqual(["iris"]);
  });

  it("changes nothing in a dry run", async () => {
    expect((await table.create(PLACE, service({ a: 1 }), { dryRun: true })).spec).toEqual({ a: 1 });
    expect(table.find(KEY)).toBeUndefined();
    await table.create(PLACE, service({ a: 1 }));
    expect((await table.replace(KEY, () => service({ a: 2 }), { dryRun: true })).metadata.generation).toBe(2);
    await table.delete(KEY, {}, { dryRun: true });
    expect(table.get(KEY).spec).toEqual({ a: 1 });
    expect(changes).toEqual(["iris"]);
  });

  it("refuses a document for another place", async () => {
    expect(await codeOf(table.create({ kind: "ServingRuntime", namespace: "default" }, service({})))).toBe("INVALID_ARGUMENT");
    expect(await codeOf(table.create({ ...PLACE, namespace: "other" }, service({})))).toBe("INVALID_ARGUMENT");
    await table.create(PLACE, service({}));
    expect(await codeOf(table.replace(KEY, () => service({}, { name: "else" })))).toBe("INVALID_ARGUMENT");
  });
});

describe("what was not applied", () => {
  const runtime: ValidDocument = { ...service({ disabled: false }), kind: "ClusterServingRuntime", metadata: { name: "sklearn" } };
  const key: ResourceKey = { kind: "ClusterServingRuntime", namespace: undefined, name: "sklearn" };

  it("gives way to what is applied under its name, and comes back when that is deleted", async () => {
    table.show("built-in", runtime);
    expect(await codeOf(table.delete(key))).toBe("PERMISSION_DENIED");
    await table.create(key, { ...runtime, spec: { disabled: true } });
    expect(table.get(key).spec).toEqual({ disabled: true });
    await table.delete(key);
    expect(table.get(key).spec).toEqual({ disabled: false });
    expect([...store.contents]).toEqual([]);
  });

  it("is replaced like any other when it is built in, and not when the command line names it", async () => {
    table.show("built-in", runtime);
    await table.replace(key, () => ({ ...runtime, spec: { disabled: true } }));
    expect(table.originOf(key)).toBe("applied");
    table.show("command line", service({ a: 1 }) as ValidDocument);
    expect(await codeOf(table.replace(KEY, () => service({ a: 2 })))).toBe("PERMISSION_DENIED");
    expect(await codeOf(table.create(PLACE, service({ a: 2 })))).toBe("ALREADY_EXISTS");
    expect(await codeOf(table.delete(KEY))).toBe("PERMISSION_DENIED");
  });
});

describe("after a restart", () => {
  it("has what was stored, with what served last", async () => {
    const { metadata } = await table.create(PLACE, service({ a: 1 }));
    await table.setReady(KEY, metadata.uid, { generation: 1, spec: { a: 1 } });
    await table.replace(KEY, () => service({ a: 2 }));
    begin(new MemoryStore([...store.contents.values()], 2));
    expect(table.get(KEY)).toMatchObject({ spec: { a: 2 }, metadata: { uid: metadata.uid, generation: 2 } });
    expect(table.lastReady(KEY)).toEqual({ generation: 1, spec: { a: 1 } });
  });

  it("forgets what served with the resource", async () => {
    const { metadata } = await table.create(PLACE, service({ a: 1 }));
    await table.setReady(KEY, metadata.uid, { generation: 1, spec: { a: 1 } });
    await table.delete(KEY);
    await table.create(PLACE, service({ a: 2 }));
    await table.setReady(KEY, metadata.uid, { generation: 1, spec: { a: 1 } });
    expect(table.lastReady(KEY)).toBeUndefined();
  });
});

describe("watching", () => {
  async function take(events: AsyncIterable<ResourceWatchEvent>, count: number): Promise<string[]> {
    const taken: string[] = [];
    for await (const { type, object } of events) {
      taken.push(`${type} ${object.metadata.name} ${JSON.stringify(object.spec)}`);
      if (taken.length === count) break;
    }
    return taken;
  }

  it("begins with what there is, and goes on with what happens", async () => {
    await table.create(PLACE, service({ a: 1 }));
    const events = table.watch("InferenceService", "default", undefined, new AbortController().signal);
    await table.replace(KEY, () => service({ a: 2 }));
    await table.create({ ...PLACE, namespace: "other" }, service({}, { namespace: "other" }));
    await table.delete(KEY);
    expect(await take(events, 3)).toEqual(['ADDED iris {"a":1}', 'MODIFIED iris {"a":2}', 'DELETED iris {"a":2}']);
  });

  it("goes on after a version that a list had, without a gap", async () => {
    await table.create(PLACE, service({ a: 1 }));
    const { resourceVersion } = table.list("InferenceService");
    await table.replace(KEY, () => service({ a: 2 }));
    const events = table.watch("InferenceService", undefined, resourceVersion, new AbortController().signal);
    table.setStatus(KEY, { ready: true });
    table.setStatus(KEY, { ready: true });
    await table.delete(KEY);
    expect(await take(events, 3)).toEqual(['MODIFIED iris {"a":2}', 'MODIFIED iris {"a":2}', 'DELETED iris {"a":2}']);
  });

  it("says when a version is too old, of the time before a restart, or made up", async () => {
    await table.create(PLACE, service({}));
    const { resourceVersion } = table.list("InferenceService");
    begin(new MemoryStore([...store.contents.values()], 2));
    const watch = (since: string) => () => table.watch("InferenceService", undefined, since, new AbortController().signal);
    expect(watch(resourceVersion)).toThrow("too old resource version");
    expect(watch("99999999999999")).toThrow("too old resource version");
    expect(watch("nonsense")).toThrow("too old resource version");
  });

  it("ends with the signal, and when the table is closed", async () => {
    const controller = new AbortController();
    const first = take(table.watch("InferenceService", undefined, undefined, controller.signal), 1);
    const second = take(table.watch("InferenceService", undefined, undefined, new AbortController().signal), 1);
    controller.abort();
    table.close();
    expect([await first, await second]).toEqual([[], []]);
  });
});
