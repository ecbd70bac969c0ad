import { describe, expect, it } from "vitest";
import { residencyFindings, residencyOf } from "./residency-annotations.ts";

describe("how a service's models come and go", () => {
  it.each([
    [{}, {}, { kind: "preferred" }],
    [{ minReplicas: 0 }, {}, { kind: "on-demand" }],
    [{ minReplicas: 1 }, {}, { kind: "pinned" }],
    [{ minReplicas: 1 }, { "nitrous/pin": "false" }, { kind: "preferred" }],
    [{}, { "nitrous/pin": "true" }, { kind: "pinned" }],
    [{}, { "nitrous/idle-timeout": "5m" }, { kind: "preferred", idleMs: 300_000 }],
    [{ minReplicas: 0 }, { "nitrous/idle-timeout": "500ms" }, { kind: "on-demand", idleMs: 500 }],
  ])("%j with %j is %j", (predictor, annotations, expected) => {
    expect(residencyOf(predictor, annotations)).toEqual(expected);
  });

  it("says what is wrong with annotations", () => {
    expect(residencyFindings({ "nitrous/pin": "yes", "nitrous/idle-timeout": "5" }).map(({ message }) => message)).toEqual([
      'expected "true" or "false", found "yes"',
      'expected a time such as "90s", "5m" or "1h", found "5"',
    ]);
    expect(residencyFindings({ "nitrous/pin": "true", "nitrous/idle-timeout": "1h" })).toEqual([]);
  });
});
