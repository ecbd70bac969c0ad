import { describe, expect, it } from "vitest";
import { affinityHeader, canarySpecs, promotedSpec, templateOf, trafficFindings, versionTraffic, wholeSpec } from "./traffic-fields.ts";

const STABLE = {
  name: "v1",
  minReplicas: 3,
  canaryTrafficPercent: 5,
  model: { modelFormat: { name: "onnx" }, storageUri: "a", args: ["x"] },
};

describe("canaries", () => {
  it("are the stable predictor with what their own says instead, and their share of its replicas", () => {
    const spec = {
      predictor: STABLE,
      canary: [
        { predictor: { name: "v2", model: { storageUri: "b", args: ["y", "z"] } }, trafficPercent: 40 },
        { predictor: { name: "v3", sklearn: { storageUri: "c" }, minReplicas: 1 } },
      ],
    };
    expect(canarySpecs(spec)).toEqual([
      {
        name: "v2",
        percent: 40,
        spec: { predictor: { name: "v2", minReplicas: 2, model: { modelFormat: { name: "onnx" }, storageUri: "b", args: ["y", "z"] } } },
      },
      { name: "v3", percent: 0, spec: { predictor: { name: "v3", minReplicas: 1, sklearn: { storageUri: "c" } } } },
    ]);
  });

  it("become the predictor, and leave the others where they are", () => {
    const canary = (name: string) => ({ predictor: { name, model: { storageUri: name } }, trafficPercent: 10 });
    const predictor = { model: { storageUri: "a" } };
    const spec = { predictor, canary: [canary("v2"), canary("v3")] };
    const promoted = promotedSpec(spec, "v2");
    expect(promoted).toEqual({ predictor: { name: "v2", model: { storageUri: "v2" } }, canary: [canary("v3")] });
    expect(promotedSpec(spec, "v4")).toBeUndefined();
    expect(promotedSpec(spec, undefined)).toBeUndefined();
    // What ran as a canary is what runs now: nothing has to be loaded.
    expect(templateOf(promoted ?? {})).toEqual(templateOf(canarySpecs(spec)[0]?.spec ?? {}));
  });
});

it("takes how requests are split for no part of what runs", () => {
  const { name: _, canaryTrafficPercent: __, ...predictor } = STABLE;
  expect(templateOf({ predictor: STABLE, canary: [], transformer: {} })).toEqual({ predictor, transformer: {} });
  expect(wholeSpec({ predictor: STABLE, canary: [] })).toEqual({ predictor: { name: "v1", ...predictor } });
  expect(promotedSpec({ predictor: STABLE }, undefined)).toEqual({ predictor: { name: "v1", ...predictor } });
});

describe("annotations", () => {
  it.each([
    [
      "1=10,2=90",
      [
        ["1", 10],
        ["2", 90],
      ],
    ],
    [
      " 1 = 0 , 12 = 100 ",
      [
        ["1", 0],
        ["12", 100],
      ],
    ],
  ])("nitrous/traffic %j is read", (text, expected) => {
    expect([...(versionTraffic({ "nitrous/traffic": text }) ?? [])]).toEqual(expected);
    expect(trafficFindings({ "nitrous/traffic": text })).toEqual([]);
  });

  it.each(["", "1", "1=50", "1=50,1=50", "1=101,2=-1", "0=100", "a=100", "1=100%", "1=50;2=50"])(
    "nitrous/traffic %j is refused",
    (text) => {
      expect(trafficFindings({ "nitrous/traffic": text })).toEqual([
        {
          path: ["metadata", "annotations", "nitrous/traffic"],
          message: `expected versions with percentages that make 100, such as "1=10,2=90", found ${JSON.stringify(text)}`,
        },
      ]);
    },
  );

  it("nitrous/affinity-header is the name of a header, in any case", () => {
    expect(affinityHeader({ "nitrous/affinity-header": "X-User-Id" })).toBe("x-user-id");
    for (const text of ["", "x user", "x:y", "ü"]) expect(trafficFindings({ "nitrous/affinity-header": text })).toHaveLength(1);
  });
});
