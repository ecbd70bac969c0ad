import { describe, expect, it } from "vitest";
import { modelMetricChangeOf } from "./model-metrics.ts";

const METADATA = { name: "tokens", help: "", kind: "histogram", labels: { lang: "en" }, buckets: [1, 2], action: "observe", value: 1 };

describe("what a host counts", () => {
  it("is read", () => {
    expect(modelMetricChangeOf(METADATA)).toEqual(METADATA);
    const { buckets: _, ...counter } = { ...METADATA, kind: "counter", action: "increment" };
    expect(modelMetricChangeOf(counter)).toEqual(counter);
  });

  it.each([
    { name: 'a"} 1\nb' },
    { name: "" },
    { help: 1 },
    { kind: "summary" },
    { action: "forget" },
    { labels: { le: "1" } },
    { labels: { "a b": "1" } },
    { labels: { lang: 1 } },
    { labels: ["en"] },
    { buckets: [2, 1] },
    { buckets: [1, 1] },
    { buckets: [Number.NaN] },
    { buckets: null },
    { value: "1" },
  ])("is ignored where Prometheus could not read it: %j", (wrong) => {
    expect(modelMetricChangeOf({ ...METADATA, ...wrong })).toBeUndefined();
  });
});
