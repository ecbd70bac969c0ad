import { describe, expect, it } from "vitest";
import { createEvents } from "../core/events.ts";
import type { ModelMetricChange } from "../core/model-metrics.ts";
import { customFamilies } from "./custom-families.ts";
import { renderFamily } from "./families.ts";

const COUNTER: ModelMetricChange = {
  name: "tokens",
  help: "Tokens.",
  kind: "counter",
  labels: { lang: "en" },
  action: "increment",
  value: 2,
};

function opened() {
  const events = createEvents();
  const families = customFamilies(events);
  return {
    count: (owner: object, change: Partial<ModelMetricChange> = {}) =>
      events.emit("model-metric", { owner, change: { ...COUNTER, ...change } }),
    end: (owner: object) => events.emit("model-metrics-ended", { owner }),
    page: () => families().map(renderFamily).join("\n"),
  };
}

describe("metrics of a model's own", () => {
  const one = {};
  const other = {};

  it("are counted over all of its processes", () => {
    const { count, page } = opened();
    count(one, { action: "declare", value: 0 });
    expect(page()).toBe('# HELP tokens Tokens.\n# TYPE tokens counter\ntokens{lang="en"} 0');
    count(one);
    count(other, { value: 5, help: "Another text." });
    count(other, { labels: { lang: "de" } });
    expect(page()).toBe('# HELP tokens Tokens.\n# TYPE tokens counter\ntokens{lang="en"} 7\ntokens{lang="de"} 2');
  });

  it("keep the last value of a gauge and the buckets of a histogram", () => {
    const { count, page } = opened();
    count(one, { name: "depth", kind: "gauge", action: "increment", value: 3 });
    count(other, { name: "depth", kind: "gauge", action: "set", value: 1 });
    const histogram = { name: "size", kind: "histogram", labels: {}, buckets: [1, 2.5], action: "observe" } as const;
    for (const value of [1, 2, 9]) count(one, { ...histogram, value });
    const lines = page().split("\n");
    expect(lines).toContain('depth{lang="en"} 1');
    expect(lines.slice(-5)).toEqual([
      'size_bucket{le="1"} 1',
      'size_bucket{le="2.5"} 2',
      'size_bucket{le="+Inf"} 3',
      "size_sum 12",
      "size_count 3",
    ]);
  });

  it("go with the last process that has them, and are of one kind", () => {
    const { count, end, page } = opened();
    count(one);
    count(other, { kind: "gauge", action: "set", value: 100 });
    expect(page()).toContain('tokens{lang="en"} 2');
    count(other);
    end(one);
    expect(page()).toContain('tokens{lang="en"} 4');
    end(other);
    expect(page()).toBe("");
  });

  it("are of a limited number", () => {
    const { count, page } = opened();
    for (let index = 0; index < 10_001; index++) count(one, { labels: { request: String(index) } });
    expect(page().split("\n")).toHaveLength(2 + 10_000);
  });
});
