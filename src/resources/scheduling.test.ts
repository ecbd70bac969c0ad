import { describe, expect, it } from "vitest";
import type { JsonObject } from "../core/inference.ts";
import type { InvalidResourceError } from "../core/resource.ts";
import type { SchedulingSpec } from "../core/scheduling.ts";
import { toInferenceService } from "./inference-service.ts";
import { toServingRuntime } from "./serving-runtime.ts";
import { validateDocument } from "./validate-document.ts";

interface Written {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly predictor?: JsonObject;
  readonly env?: Readonly<Record<string, string>>;
}

function documentOf({ annotations = {}, predictor = {}, env = {} }: Written): unknown {
  const variables = Object.entries(env).map(([name, value]) => ({ name, value }));
  const model = { modelFormat: { name: "sklearn" }, storageUri: "iris/1", env: variables };
  return {
    apiVersion: "serving.kserve.io/v1beta1",
    kind: "InferenceService",
    metadata: { name: "iris", annotations },
    spec: { predictor: { model, ...predictor } },
  };
}

const service = (written: Written) => toInferenceService(validateDocument(documentOf(written)));

function problems(written: Written): string[] {
  try {
    validateDocument(documentOf(written));
    return [];
  } catch (error) {
    return (error as InvalidResourceError).problems.map(({ path, message }) => `${path}: ${message}`);
  }
}

describe("how requests of a service are scheduled", () => {
  it.each<[Written, SchedulingSpec]>([
    [{}, {}],
    [{ predictor: { timeout: 5 } }, { timeoutMs: 5000 }],
    [{ predictor: { batcher: {} } }, {}],
    [{ predictor: { batcher: { maxBatchSize: 32, maxLatency: 500 } } }, { maxBatchRows: 32, maxBatchLatencyMs: 500 }],
    [{ predictor: { timeout: 60, batcher: { timeout: 2 } } }, { timeoutMs: 2000 }],
    [{ predictor: { timeout: 1, batcher: { timeout: 2 } } }, { timeoutMs: 1000 }],
    [{ predictor: { timeout: 0, batcher: { maxBatchSize: 0, maxLatency: 0, timeout: 0 } } }, {}],
    [{ env: { MAX_BATCH_SIZE: "32", BATCH_TIMEOUT: "100ms" } }, { maxBatchRows: 32, maxBatchLatencyMs: 100 }],
    [{ env: { BATCH_TIMEOUT: "0.5s" } }, { maxBatchLatencyMs: 500 }],
    [{ env: { BATCH_TIMEOUT: " 7 " } }, { maxBatchLatencyMs: 7 }],
    [
      { env: { MAX_BATCH_SIZE: "32", BATCH_TIMEOUT: "100" }, predictor: { batcher: { maxBatchSize: 8 } } },
      { maxBatchRows: 8, maxBatchLatencyMs: 100 },
    ],
    [{ annotations: { "nitrous/priority": "2", "nitrous/retry": "false" } }, { priority: 2, retry: false }],
    [{ annotations: { "nitrous/idempotent": "true", "nitrous/hedge": "p95" } }, { idempotent: true, hedgePercentile: 0.95 }],
    [{ annotations: { "nitrous/idempotent": "true", "nitrous/hedge": "99.5" } }, { idempotent: true, hedgePercentile: 0.995 }],
    [{ annotations: { "nitrous/idempotent": "true", "nitrous/hedge": "0.9" } }, { idempotent: true, hedgePercentile: 0.9 }],
    [{ annotations: { "nitrous/preferred-batch-sizes": "32, 8,32" } }, { preferredBatchRows: [8, 32] }],
    [{ annotations: { "nitrous/execution-resources": "gpu=1, licence = 2" } }, { resources: { gpu: 1, licence: 2 } }],
    [{ annotations: { "nitrous/rate-limit": "10/s" } }, { rateLimit: { text: "10/s burst 10", intervalMs: 100, burst: 10 } }],
  ])("%j", (written, expected) => {
    expect(problems(written)).toEqual([]);
    expect(service(written).scheduling).toEqual(expected);
  });

  it.each([
    ["priority", ["0", "6", "1.5", "high", ""], "expected a whole number from 1 (first) to 5"],
    ["idempotent", ["yes", "True", "constructor"], 'expected "true" or "false"'],
    ["retry", ["0"], 'expected "true" or "false"'],
    ["preferred-batch-sizes", ["", "8,,32", "0", "8.5", "-1", "a", Array(33).fill("1").join()], "expected at most 32 numbers of rows"],
    ["execution-resources", ["", "gpu", "gpu=0", "gpu=1,gpu=2", "=1", "__proto__=1", "gpu=1.5"], "expected at most 32 resources"],
    ["rate-limit", ["100", "0/s", "fast"], "expected requests per s, m or h such as 100/s"],
  ])("refuses nitrous/%s with what is expected and what was found", (name, values, expected) => {
    for (const value of values) {
      const [problem = "", ...others] = problems({ annotations: { [`nitrous/${name}`]: value } });
      expect(others).toEqual([]);
      expect(problem).toContain(`metadata.annotations["nitrous/${name}"]: ${expected}`);
      expect(problem).toContain(`found ${JSON.stringify(value.slice(0, 60)).slice(0, -1)}`);
    }
  });

  it("hedges only what may be carried out twice", () => {
    for (const value of ["p100", "p49", "1", "0.4", "p0.95", "median"]) {
      expect(problems({ annotations: { "nitrous/idempotent": "true", "nitrous/hedge": value } })).toEqual([
        `metadata.annotations["nitrous/hedge"]: expected a percentile from 50 to below 100, such as "p95", "99.9" or "0.95", found "${value}"`,
      ]);
    }
    for (const more of [{}, { "nitrous/idempotent": "false" }]) {
      expect(problems({ annotations: { "nitrous/hedge": "p95", ...more } })).toEqual([
        expect.stringContaining('add nitrous/idempotent: "true"'),
      ]);
    }
  });

  it("lists annotations with its prefix that it does not know", () => {
    const { notInEffect } = service({ annotations: { "nitrous/prio": "1", "nitrous/priority": "1", "acme.example/nitrous": "1" } });
    expect(notInEffect).toEqual(['metadata.annotations["nitrous/prio"]']);
  });

  it("leaves variables to the model that it cannot read, and says so", () => {
    const { scheduling, notInEffect, predictor } = service({ env: { MAX_BATCH_SIZE: "auto", BATCH_TIMEOUT: "soon", OTHER: "1" } });
    expect(scheduling).toEqual({});
    expect(notInEffect).toEqual(["spec.predictor.model.env[0]", "spec.predictor.model.env[1]"]);
    expect(predictor.model?.environment).toEqual({ MAX_BATCH_SIZE: "auto", BATCH_TIMEOUT: "soon", OTHER: "1" });
    expect(
      service({ env: { MAX_BATCH_SIZE: "8", BATCH_TIMEOUT: "5" }, predictor: { timeout: 1, batcher: { timeout: 1 } } }).notInEffect,
    ).toEqual([]);
  });

  it("takes the batches of a runtime from its container's environment", () => {
    const env = [
      { name: "MAX_BATCH_SIZE", value: "32" },
      { name: "BATCH_TIMEOUT", value: "100ms" },
    ];
    const runtime = (variables: JsonObject[]) =>
      toServingRuntime({
        kind: "ServingRuntime",
        metadata: { name: "r", namespace: "default" },
        spec: { containers: [{ name: "kserve-container", env: variables }] },
      });
    expect(runtime(env).scheduling).toEqual({ maxBatchRows: 32, maxBatchLatencyMs: 100 });
    expect(runtime([])).not.toHaveProperty("scheduling");
  });
});
