import { expect, it } from "vitest";
import type { BatchRecord } from "../core/batch.ts";
import { createRecord, type RequestRecord } from "../core/context.ts";
import { createStatistics } from "./statistics.ts";

it("counts a refused request under its model once that has served, and names that no model ever had together", () => {
  const statistics = createStatistics();
  statistics.observe({ ...createRecord("v2", "iris", 0), version: "1" });
  statistics.observe({ ...createRecord("v2", "iris", 0), outcome: "RESOURCE_EXHAUSTED" });
  for (const name of ["x", "y"]) statistics.observe({ ...createRecord("v2", name, 0), outcome: "NOT_FOUND" });
  const counts = [...statistics.requests()].map(({ model, version, outcomes }) => [model, version, ...outcomes]);
  expect(counts).toEqual([
    ["iris", "1", ["OK", 1]],
    ["iris", "", ["RESOURCE_EXHAUSTED", 1]],
    ["", "", ["NOT_FOUND", 2]],
  ]);
});

it("counts how requests were refused or given up, their second tries and their calls", () => {
  const statistics = createStatistics();
  const observe = (record: Partial<RequestRecord>): void =>
    statistics.observe({ ...createRecord("v2", "iris", 0), version: "1", ...record });
  observe({ outcome: "RESOURCE_EXHAUSTED", refusal: "queue_full" });
  observe({ outcome: "CANCELLED", stage: "running" });
  observe({ outcome: "DEADLINE_EXCEEDED", stage: "queued" });
  observe({ retries: 2, hedge: "won" });
  observe({ hedge: "lost" });
  const [child] = [...statistics.requests()];
  expect(child).toMatchObject({ retries: 2, hedges: { won: 1, lost: 1 } });
  expect([child?.refused, child?.cancelled, child?.expired].map((counts) => [...(counts ?? [])])).toEqual([
    [["queue_full", 1]],
    [["running", 1]],
    [["queued", 1]],
  ]);
  const batch: BatchRecord = { size: 3, rows: 6, startedAt: 0, cut: "rows", inline: true, computeMs: 1 };
  for (const each of [batch, { ...batch, inline: false }, batch])
    statistics.observeBatch({ namespace: "", model: "iris", version: "1", batch: each });
  const [calls] = [...statistics.calls()];
  expect([...(calls?.inline ?? []), ...(calls?.host ?? [])]).toEqual([
    ["rows", 2],
    ["rows", 1],
  ]);
  expect(calls?.sizes.sum).toBe(9);
});

it("counts what never was a request by its status", () => {
  const statistics = createStatistics();
  for (const status of [404, 429, 404]) statistics.observeRefusal({ status, refusal: status === 429 ? "rate_limit" : undefined });
  expect([...statistics.refusals()]).toEqual([
    { status: 404, refusal: undefined, count: 2 },
    { status: 429, refusal: "rate_limit", count: 1 },
  ]);
});
