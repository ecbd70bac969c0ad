import { describe, expect, it } from "vitest";
import type { JsonObject } from "../core/inference.ts";
import { deviceFindings, deviceWishOf, resourcesNotInEffect } from "./device-wish.ts";

describe("what a service says of devices", () => {
  it.each<[JsonObject, Record<string, string>, unknown]>([
    [{}, {}, undefined],
    [{ resources: { limits: { cpu: "1" } } }, {}, undefined],
    [{ resources: { limits: { "nvidia.com/gpu": 1 } } }, {}, { kind: "count", count: 1, asked: "nvidia.com/gpu: 1" }],
    [{ resources: { requests: { "nvidia.com/gpu": "2" } } }, {}, { kind: "count", count: 2, asked: "nvidia.com/gpu: 2" }],
    [{ resources: { limits: { "nvidia.com/gpu": "0" } } }, {}, { kind: "cpu" }],
    [{ resources: { limits: { "nvidia.com/gpu": "1" } } }, { "nitrous/device": "cpu" }, { kind: "cpu" }],
    [{}, { "nitrous/device": "cuda" }, { kind: "count", count: 1, asked: 'nitrous/device: "cuda"' }],
    [{}, { "nitrous/device": "3" }, { kind: "index", index: 3, asked: 'nitrous/device: "3"' }],
  ])("%j with %j is %j", (model, annotations, expected) => {
    expect(deviceWishOf(model, annotations)).toEqual(expected);
  });

  it("is told what is wrong with it, and where", () => {
    const predictor = { model: { resources: { limits: { "nvidia.com/gpu": "0.5" } } } };
    expect(deviceFindings(predictor, { "nitrous/device": "gpu" })).toEqual([
      { path: ["metadata", "annotations", "nitrous/device"], message: 'expected "cpu", "cuda" or the number of a device, found "gpu"' },
      {
        path: ["spec", "predictor", "model", "resources", "limits", "nvidia.com/gpu"],
        message: 'expected a whole number of GPUs, found "0.5"',
      },
    ]);
    expect(deviceFindings({ model: { resources: { limits: { "nvidia.com/gpu": 8 } } } }, { "nitrous/device": "cuda" })).toEqual([]);
  });

  it("leaves the other resources without effect", () => {
    const limits = { "nvidia.com/gpu": 1, memory: "1Gi" };
    expect(resourcesNotInEffect({ resources: { limits, requests: { "nvidia.com/gpu": 1 }, claims: [{ name: "x" }] } }, ["m"])).toEqual([
      ["m", "resources", "limits", "memory"],
      ["m", "resources", "claims"],
    ]);
    expect(resourcesNotInEffect({ resources: { limits: { cpu: 1 } } }, ["m"])).toEqual([["m", "resources"]]);
    expect(resourcesNotInEffect({ resources: {} }, ["m"])).toEqual([]);
  });
});
