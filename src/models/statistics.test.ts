import { expect, it } from "vitest";
import { createRecord } from "../core/context.ts";
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

it("counts the requests whose clients went away by how far they had come", () => {
  const statistics = createStatistics();
  const ends = [
    ["queued", "CANCELLED"],
    ["running", "CANCELLED"],
    ["queued", "CANCELLED"],
    ["queued", "DEADLINE_EXCEEDED"],
    ["answering", "OK"],
  ] as const;
  for (const [stage, outcome] of ends) statistics.observe({ ...createRecord("v2", "iris", 0), version: "1", stage, outcome });
  const [child] = statistics.requests();
  expect([...(child?.cancelled ?? [])]).toEqual([
    ["queued", 2],
    ["running", 1],
  ]);
});
