import { beforeEach, expect, it } from "vitest";
import { FakeClock } from "../../test/fake-clock.ts";
import { FakeHosts } from "../../test/fake-hosts.ts";
import { MemoryStore } from "../../test/memory-store.ts";
import { Registry } from "../models/index.ts";
import type { ValidDocument } from "../resources/index.ts";
import { Reconciler } from "./reconciler.ts";
import { ResourceTable } from "./resource-table.ts";
import { ServiceEvents } from "./service-events.ts";

const PLACE = { kind: "InferenceService", namespace: "default" } as const;
const key = (name: string) => ({ ...PLACE, name });

/** Time goes on by a millisecond whenever somebody looks at it. */
class BusyClock extends FakeClock {
  #looks = 0;

  override now(): number {
    return ++this.#looks;
  }
}

let clock: BusyClock;
let registry: Registry;
let table: ResourceTable;
let reconciler: Reconciler;

beforeEach(() => {
  clock = new BusyClock();
  registry = new Registry();
  const hosts = new FakeHosts(clock);
  const happenings = new ServiceEvents(hosts.events);
  table = new ResourceTable(
    new MemoryStore(),
    (document) => document as ValidDocument,
    (changed) => reconciler.changed(changed),
  );
  reconciler = new Reconciler(table, happenings, {
    registry,
    manager: hosts.manager,
    clock,
    events: hosts.events,
    source: { fetch: () => Promise.reject(new Error("there are no artefacts in this test")) },
    createModel: hosts.createModel,
    baseDirectory: "/",
    urlOf: (namespace, name) => `http://127.0.0.1/serving/${namespace}/${name}`,
  });
});

async function apply(...names: string[]): Promise<void> {
  await Promise.all(
    names.map((name) =>
      table.create(PLACE, {
        apiVersion: "serving.kserve.io/v1beta1",
        kind: "InferenceService",
        metadata: { name, namespace: "default" },
        spec: { predictor: { model: { modelFormat: { name: "onnx" }, storageUri: "file:///m" } } },
      }),
    ),
  );
}

it("begins many services in several turns, in their order", async () => {
  const names = Array.from({ length: 20 }, (_, index) => `service-${index}`);
  await apply(...names);
  const begun: number[] = [];
  for (let turns = 0; turns < 100 && registry.names("default").length < names.length; turns++) {
    begun.push(registry.names("default").length);
    await clock.turn();
  }
  expect(registry.names("default")).toEqual(names);
  expect(begun.length).toBeGreaterThan(5);
  expect(Math.max(...begun.slice(1).map((count, index) => count - (begun[index] as number)))).toBeLessThan(3);
});

it("has tried those that still wait for their turn, too", async () => {
  await apply("a", "b", "c", "d");
  let tried = false;
  void reconciler.tried().then(() => {
    tried = true;
  });
  await clock.turn();
  expect(tried).toBe(false);
  for (let turns = 0; turns < 20; turns++) await clock.turn();
  expect(tried).toBe(true);
  expect(registry.names("default")).toEqual(["a", "b", "c", "d"]);
});

it("ends a service at once that is deleted, and never begins one that is deleted while it waits", async () => {
  await apply("a", "b", "c", "d");
  expect(registry.names("default")).toEqual(["a"]);
  await Promise.all([table.delete(key("a")), table.delete(key("d"))]);
  expect(registry.names("default")).toEqual([]);
  for (let turns = 0; turns < 20; turns++) await clock.turn();
  expect(registry.names("default")).toEqual(["b", "c"]);
});
