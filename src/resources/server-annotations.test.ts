import { describe, expect, it } from "vitest";
import { runtimeFindings } from "./runtime-rules.ts";
import { serverAnnotations, serverFindings } from "./server-annotations.ts";

describe("serverAnnotations", () => {
  it("takes a service's own before its runtime's", () => {
    const runtime = {
      "nitrous/run-as": "container",
      "nitrous/network": "host",
      "nitrous/batch": "true",
      "nitrous/protocols": "v2, openai",
    };
    expect(serverAnnotations(runtime, { "nitrous/run-as": "process", "nitrous/batch": "false" })).toEqual({
      url: undefined,
      runAs: "process",
      network: "host",
      batch: false,
      openai: undefined,
      protocols: ["v2", "openai"],
      modelName: undefined,
      program: undefined,
    });
  });
});

describe("serverFindings", () => {
  it.each([
    [
      "nitrous/url",
      ["http://10.0.0.5:8080", "https://host/base", "grpc://[::1]:9000"],
      ["host:80", "ftp://h", "http://u:p@h", "http://", ""],
    ],
    ["nitrous/run-as", ["process", "container"], ["auto", ""]],
    ["nitrous/network", ["private", "host"], ["none"]],
    ["nitrous/batch", ["true", "false"], ["yes"]],
    ["nitrous/openai", ["true", "false"], ["1"]],
    ["nitrous/protocols", ["v1", "grpc-v2,v2", " v1 , openai "], ["", "v3", "v1,,v2", "grpc-v1"]],
    ["nitrous/model-name", ["llama"], [" "]],
  ])("knows what %s may be", (name, right, wrong) => {
    for (const value of right) expect([value, serverFindings({ [name]: value })]).toEqual([value, []]);
    for (const value of wrong) {
      const [finding] = serverFindings({ [name]: value });
      expect([value, finding?.path]).toEqual([value, ["metadata", "annotations", name]]);
      expect(finding?.message).toMatch(/^expected .*, found "/);
    }
  });

  it("lets a runtime elsewhere have no container", () => {
    expect(runtimeFindings({ containers: [] }, {})).toHaveLength(1);
    expect(runtimeFindings({ containers: [] }, { "nitrous/url": "http://h" })).toEqual([]);
  });
});
