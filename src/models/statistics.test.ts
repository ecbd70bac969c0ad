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
