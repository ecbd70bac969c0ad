import { expect, it } from "vitest";
import { FakeClock } from "../../test/fake-clock.ts";
import { createRecord } from "../core/context.ts";
import type { ModelStatus } from "../core/model.ts";
import { createStatistics } from "../models/index.ts";
import { createTop } from "./top.ts";

it("has a row for each version with its traffic, and for each service that has none", async () => {
  const clock = new FakeClock();
  const statistics = createStatistics();
  const replicas = { ready: 1, wanted: 2, least: 1, most: 2, auto: true, obstacle: "no room for a second one" };
  const status = { namespace: "default", name: "iris", version: "1", state: "ready", reason: "", queued: 3, memoryBytes: 7, replicas };
  const revisions = [{ ...status, revision: "iris-1" } as unknown as ModelStatus];
  const service = (name: string, namespace: string, more: object) => ({ metadata: { name, namespace }, status: more });
  const items = [
    service("iris", "default", {}),
    service("gone", "default", {
      conditions: [{ type: "Ready", status: "False", reason: "ModelLoadFailed", message: "there is no file" }],
      modelStatus: { states: { targetModelState: "FailedToLoad" } },
    }),
    service("off", "team", { conditions: [{ type: "Ready", reason: "Stopped", message: "by its annotation" }] }),
    service("new", "team", {}),
  ];
  const list = (_kind: string, namespace?: string) => ({
    resourceVersion: "1",
    items: items.filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace),
  });
  const top = createTop({
    controlPlane: { list: () => revisions, resources: { list } as never },
    statistics,
    accounts: { budgets: { memory: 10 }, reserved: () => 4 },
    load: () => ({ cores: 0.5, eventLoopLagMs: 1, memoryBytes: 9 }),
    clock,
    version: "1",
    wallClock: () => 0,
  });
  for (let each = 0; each < 20; each++) statistics.observe({ ...createRecord("v2", "iris", 0), namespace: "default", version: "1" });
  await clock.advance(10_000);
  const { models, ...rest } = top();
  expect(rest).toMatchObject({
    time: "1970-01-01T00:00:00.000Z",
    uptimeSeconds: 10,
    accounts: [{ name: "memory", reserved: 4, budget: 10 }],
  });
  expect(rest.requests.perSecond).toBe(2);
  expect(models.map(({ model, version, state, reason }) => [model, version, state, reason])).toEqual([
    ["iris", "1", "ready", "no room for a second one"],
    ["gone", "", "failed", "there is no file"],
    ["off", "", "stopped", "by its annotation"],
    ["new", "", "pending", ""],
  ]);
  expect(models[0]).toMatchObject({ requestsPerSecond: 2, queued: 3, memoryBytes: 7, replicas: { ready: 1, wanted: 2 } });
  // Of several revisions each has its own.
  revisions.push({ ...status, revision: "iris-2" } as unknown as ModelStatus);
  for (let each = 0; each < 10; each++)
    statistics.observe({
      ...createRecord("v2", "iris", 9_000),
      namespace: "default",
      version: "1",
      revision: each < 4 ? "iris-2" : "iris-1",
      finishedAt: 9_500,
    });
  expect(top().models.map(({ requestsPerSecond }) => requestsPerSecond)).toEqual([8, 4, 0, 0, 0]);
  expect(top("team").models.map(({ model }) => model)).toEqual(["off", "new"]);
});
