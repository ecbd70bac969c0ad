import { describe, expect, it } from "vitest";
import { boundFindings, scalingNotInEffect, scalingOf } from "./scaling.ts";
import { scalingFindings } from "./scaling-annotations.ts";

const knative = (fields: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [`autoscaling.knative.dev/${name}`, value]));

describe("how many replicas a service gets", () => {
  it.each([
    [{}, {}, { least: 1, most: 1, metric: "concurrency", target: 100 }],
    [{ minReplicas: 0, maxReplicas: 5, scaleTarget: 2 }, {}, { least: 0, most: 5, target: 2 }],
    [{ minReplicas: 3 }, {}, { least: 3, most: 3 }],
    // Nobody starts a million processes.
    [{ minReplicas: 1_000_000 }, {}, { least: 64, most: 64 }],
    [{ maxReplicas: 100 }, {}, { least: 1, most: 64 }],
    // 0 says nothing, as in KServe.
    [{ maxReplicas: 0 }, {}, { most: 1 }],
    [{ maxReplicas: 4, scaleMetric: "rps" }, {}, { metric: "rps", target: 200 }],
    [{ maxReplicas: 4, containerConcurrency: 3 }, {}, { target: 3 }],
    // No replica ever has more than its hard limit.
    [{ maxReplicas: 4, containerConcurrency: 3, scaleTarget: 8 }, {}, { target: 3 }],
    [{}, { "min-scale": "2", "max-scale": "6", metric: "rps", target: "7.5" }, { least: 2, most: 6, metric: "rps", target: 7.5 }],
    [
      { minReplicas: 1, maxReplicas: 2, scaleTarget: 1 },
      { "min-scale": "2", "max-scale": "6", target: "9" },
      { least: 1, most: 2, target: 1 },
    ],
    [{}, { minScale: "2", maxScale: "3" }, { least: 2, most: 3 }],
    [
      {},
      { window: "1m30s", "panic-window-percentage": "20", "panic-threshold-percentage": "150", "target-utilization-percentage": "50" },
      { windowMs: 90_000, panicWindowMs: 18_000, panicThreshold: 1.5, utilization: 0.5 },
    ],
    [{}, { "scale-down-delay": "15m" }, { scaleDownDelayMs: 900_000 }],
  ])("%j with %j is %j", (predictor, annotations, expected) => {
    expect(scalingOf(predictor, knative(annotations))).toMatchObject(expected);
  });

  it.each([
    [{ maxReplicas: 3, scaleMetric: "cpu", scaleTarget: 80 }, {}, /^replicas do not follow cpu/],
    [{ maxReplicas: 3 }, knative({ class: "hpa.autoscaling.knative.dev" }), /^there is no autoscaler hpa/],
    [{ maxReplicas: 3 }, { "serving.kserve.io/autoscalerClass": "keda" }, /^there is no autoscaler keda/],
    [{ maxReplicas: 3 }, { "serving.kserve.io/autoscalerClass": "external" }, /changes with nitrous scale only$/],
    [{ scaleTarget: 2 }, {}, /^without maxReplicas/],
    [{ maxReplicas: 100 }, {}, /^a model has 64 replicas here at most/],
  ])("%j with %j is told", (predictor, annotations, note) => {
    expect(scalingOf(predictor, annotations).notes).toEqual([expect.stringMatching(note)]);
  });

  it("does not take a percentage of a processor for a number of requests", () => {
    expect(scalingOf({ maxReplicas: 3, scaleMetric: "cpu", scaleTarget: 80 }, {})).toMatchObject({ metric: "concurrency", target: 100 });
    const fields = { maxReplicas: 3, scaleMetric: "memory", scaleTarget: 80 };
    expect(scalingNotInEffect(fields, ["predictor"])).toEqual([
      ["predictor", "scaleMetric"],
      ["predictor", "scaleTarget"],
    ]);
  });

  it("leaves the number to others where the autoscaler is to be none", () => {
    expect(scalingOf({ minReplicas: 2, maxReplicas: 5 }, { "serving.kserve.io/autoscalerClass": "none" })).toMatchObject({
      least: 2,
      most: 2,
    });
  });
});

describe("what is wrong with Knative's annotations", () => {
  it("is said with what was expected", () => {
    const wrong = knative({
      metric: "qps",
      target: "0",
      window: "5s",
      "panic-threshold-percentage": "100",
      "min-scale": "-1",
      "max-scale": "x",
    });
    expect(scalingFindings(wrong).map(({ message }) => message)).toEqual([
      'expected concurrency, rps, cpu, memory, found "qps"',
      'expected a number of at least 0.01, found "0"',
      'expected a time from "6s" to "1h", found "5s"',
      'expected a number from 110 to 1000, found "100"',
      'expected a whole number from 0, found "-1"',
      'expected a whole number from 0, found "x"',
    ]);
    expect(scalingFindings(knative({ metric: "rps", window: "6s", class: "kpa.autoscaling.knative.dev", "max-scale": "0" }))).toEqual([]);
  });

  it("is also bounds of which one is a field and the other an annotation", () => {
    expect(boundFindings({ maxReplicas: 2 }, knative({ "min-scale": "3" }))).toMatchObject([
      { message: "has at least 3 replicas and at most 2" },
    ]);
    expect(boundFindings({ minReplicas: 3 }, knative({ "max-scale": "2" }))).toHaveLength(1);
    expect(boundFindings({ minReplicas: 3 }, knative({ "max-scale": "3" }))).toEqual([]);
  });
});
