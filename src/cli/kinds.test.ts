import { describe, expect, it } from "vitest";
import { CLUSTER_RUNTIMES, KINDS, parseWanted, pathOf, RUNTIMES, SERVICES } from "./kinds.ts";

describe("parseWanted", () => {
  it("takes a kind, a kind and names, or names of InferenceServices", () => {
    expect(parseWanted([])).toEqual([{ kind: SERVICES }]);
    expect(parseWanted(["CSR"])).toEqual([{ kind: CLUSTER_RUNTIMES }]);
    expect(parseWanted(["servingruntimes.serving.kserve.io", "a", "b"])).toEqual([
      { kind: RUNTIMES, name: "a" },
      { kind: RUNTIMES, name: "b" },
    ]);
    expect(parseWanted(["iris", "wine"])).toEqual([
      { kind: SERVICES, name: "iris" },
      { kind: SERVICES, name: "wine" },
    ]);
    expect(parseWanted(["all"])).toEqual(KINDS.map((kind) => ({ kind })));
  });

  it("takes KIND/NAME of any kind, also as it prints them", () => {
    expect(parseWanted(["isvc/iris", "clusterservingruntime.serving.kserve.io/x"])).toEqual([
      { kind: SERVICES, name: "iris" },
      { kind: CLUSTER_RUNTIMES, name: "x" },
    ]);
    expect(() => parseWanted(["isvc/iris", "wine"])).toThrow("wine: expected KIND/NAME");
    expect(() => parseWanted(["ivsc/iris"])).toThrow("there is no kind 'ivsc'; did you mean isvc?");
  });
});

describe("pathOf", () => {
  it("leaves the namespace out for all of them and for cluster-scoped kinds", () => {
    expect(pathOf(SERVICES, "team a", "iris")).toBe("/apis/serving.kserve.io/v1beta1/namespaces/team%20a/inferenceservices/iris");
    expect(pathOf(SERVICES, undefined)).toBe("/apis/serving.kserve.io/v1beta1/inferenceservices");
    expect(pathOf(CLUSTER_RUNTIMES, "default", "x")).toBe("/apis/serving.kserve.io/v1alpha1/clusterservingruntimes/x");
  });
});
