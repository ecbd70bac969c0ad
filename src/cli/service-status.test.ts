import { describe, expect, it } from "vitest";
import { readiness, stateInWord, statusOf, whyNotReady } from "./service-status.ts";

function service(status: unknown, generation = 1) {
  return { metadata: { name: "iris", generation }, status };
}

function state(status: object, generation = 1): string {
  const object = service({ observedGeneration: 1, ...status }, generation);
  return stateInWord(object, statusOf(object));
}

describe("statusOf", () => {
  it("takes whatever a server of another version says", () => {
    for (const odd of [undefined, null, "Ready", [], { conditions: 3, modelStatus: [], nitrous: "x", observedGeneration: "1" }]) {
      expect(readiness(statusOf(service(odd)))).toBe("Unknown");
    }
    const status = statusOf(
      service({ conditions: [{ type: "Ready", status: "True" }, 5], nitrous: { warnings: ["a", 1], versions: "?" } }),
    );
    expect(readiness(status)).toBe("True");
    expect(status.nitrous.warnings).toEqual(["a"]);
  });
});

describe("stateInWord", () => {
  const states = (activeModelState: string, targetModelState: string) => ({ states: { activeModelState, targetModelState } });

  it.each([
    ["Loaded", { modelStatus: { transitionStatus: "UpToDate", ...states("Loaded", "Loaded") } }],
    ["Loading", { modelStatus: { transitionStatus: "InProgress", ...states("", "Loading") } }],
    ["FailedToLoad", { modelStatus: { transitionStatus: "BlockedByFailedLoad", ...states("", "FailedToLoad") } }],
    ["Loaded/FailedToLoad", { modelStatus: { transitionStatus: "BlockedByFailedLoad", ...states("Loaded", "FailedToLoad") } }],
    ["InvalidSpec", { modelStatus: { transitionStatus: "InvalidSpec" } }],
    ["Loaded/InvalidSpec", { modelStatus: { transitionStatus: "InvalidSpec", ...states("Loaded", "FailedToLoad") } }],
    ["Stopped", { conditions: [{ type: "Stopped", status: "True" }] }],
    ["Unknown", {}],
  ])("%s", (word, status) => {
    expect(state(status)).toBe(word);
  });

  it("does not take a word about an older generation for one about the newest", () => {
    expect(state({ modelStatus: { transitionStatus: "UpToDate", ...states("Loaded", "Loaded") } }, 2)).toBe("Loaded/Pending");
    expect(state({ modelStatus: { transitionStatus: "BlockedByFailedLoad", ...states("", "FailedToLoad") } }, 2)).toBe("Pending");
  });
});

describe("whyNotReady", () => {
  it("prefers the failure to a condition, and is silent about old failures of what is ready", () => {
    const lastFailureInfo = { reason: "ModelLoadFailed", message: "no such file" };
    const ready = [{ type: "Ready", status: "True" }];
    expect(whyNotReady(statusOf(service({ modelStatus: { lastFailureInfo } })))).toBe("ModelLoadFailed: no such file");
    expect(whyNotReady(statusOf(service({ conditions: ready, modelStatus: { lastFailureInfo } })))).toBeUndefined();
    expect(whyNotReady(statusOf(service({ conditions: [{ type: "Ready", status: "False", reason: "Loading" }] })))).toBe("Loading");
  });
});
