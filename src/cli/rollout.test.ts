import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeControlApi, type FakeObject } from "../../test/fake-control-api.ts";
import { fakeTerminal } from "../../test/fake-terminal.ts";
import { FAILED, service } from "../../test/kserve-objects.ts";
import { createClient } from "./client.ts";
import { type RolloutOptions, rolloutHistory, rolloutPromote, rolloutStatus, rolloutUndo } from "./rollout.ts";

let api: FakeControlApi;
beforeEach(async () => {
  api = await FakeControlApi.start();
});
afterEach(() => api.close());

const model = (storageUri: string) => ({ modelFormat: { name: "sklearn" }, storageUri });
const record = (generation: number, uri: string, outcome = "rolled out") => ({
  generation,
  spec: { predictor: { model: model(uri) } },
  annotations: generation === 1 ? { "nitrous/trust": "pickle" } : {},
  outcome,
  time: "2026-01-01T00:00:00Z",
  ...(outcome === "failed" ? { message: "it is corrupt" } : {}),
});
const CANARY = {
  latestCreatedRevision: "iris-00002",
  latestRolledoutRevision: "iris-00001",
  traffic: [
    { revisionName: "iris-00001", percent: 90, tag: "prev" },
    { revisionName: "iris-00002", percent: 10, tag: "latest" },
  ],
};

async function run(command: typeof rolloutStatus, options: Partial<RolloutOptions> = {}) {
  const terminal = fakeTerminal();
  const all = { namespace: "default", ...options };
  const result = await command("iris", all, createClient(api.url), terminal, new AbortController().signal).catch(
    (error: Error) => error.message,
  );
  return { result, out: terminal.out(), err: terminal.err() };
}

/** What was written last. */
function written(): FakeObject {
  if (changed === undefined) throw new Error("nothing was written");
  return changed;
}
let changed: FakeObject | undefined;
beforeEach(() => {
  changed = undefined;
  api.onChange = (object) => {
    changed = object;
  };
});

function put(spec: unknown, predictor: unknown = CANARY, metadata: Record<string, unknown> = {}): void {
  api.put(service("iris", { spec, metadata, status: { components: { predictor } } }));
}

describe("nitrous rollout", () => {
  it("says who gets what when the rollout is where it is to be, and fails with it", async () => {
    put({ predictor: { canaryTrafficPercent: 10, model: model("b") } });
    expect(await run(rolloutStatus)).toMatchObject({
      result: 0,
      out: expect.stringContaining("iris-00001 gets 90 % of the requests\niris-00002 gets 10 % of the requests\n"),
    });
    api.put(service("iris", { status: FAILED }));
    expect(await run(rolloutStatus)).toMatchObject({ result: 1, err: expect.stringContaining("ModelLoadFailed") });
  });

  it("promotes by removing the percentage, and nothing where there is none", async () => {
    put({ predictor: { canaryTrafficPercent: 10, model: model("b") } });
    expect((await run(rolloutPromote)).result).toBe(0);
    expect(written().spec).toEqual({ predictor: { model: model("b") } });
    expect((await run(rolloutPromote)).result).toContain("there is nothing to promote");
  });

  it("promotes a canary by name, or the only one", async () => {
    const canary = (name: string) => ({ predictor: { name, model: { storageUri: name } }, trafficPercent: 10 });
    put({ predictor: { model: model("a") }, canary: [canary("v2"), canary("v3")] });
    expect((await run(rolloutPromote)).result).toBe("iris has several canaries; say which with --canary: v2, v3");
    expect((await run(rolloutPromote, { canary: "v4" })).result).toContain("it has v2, v3");
    expect((await run(rolloutPromote, { canary: "v3" })).result).toBe(0);
    expect(written().spec).toEqual({ predictor: { name: "v3", model: model("v3") }, canary: [canary("v2")] });
    expect((await run(rolloutPromote)).result).toBe(0);
    expect(written().spec).toEqual({ predictor: { name: "v2", model: model("v2") } });
  });

  it("does not promote what cannot serve", async () => {
    api.put(service("iris", { spec: { predictor: { canaryTrafficPercent: 10, model: model("b") } }, status: FAILED }));
    expect((await run(rolloutPromote)).result).toBe("the newest revision of iris cannot serve; 'nitrous rollout undo iris' takes it back");
  });

  it("goes back to the revision that is rolled out, or was before, or is named, with its annotations", async () => {
    api.revisions.set("iris", [record(1, "a"), record(2, "b"), record(3, "c", "failed")]);
    put({ predictor: { canaryTrafficPercent: 10, model: model("b") } }, CANARY, { annotations: { team: "x", "nitrous/trust": "code" } });
    expect(await run(rolloutUndo)).toMatchObject({ result: 0, out: expect.stringContaining("iris back to revision 1") });
    expect(written()).toMatchObject({
      spec: { predictor: { model: model("a") } },
      metadata: { annotations: { team: "x", "nitrous/trust": "pickle" } },
    });
    const whole = { latestCreatedRevision: "iris-00002", latestRolledoutRevision: "iris-00002", previousRolledoutRevision: "iris-00001" };
    put({ predictor: { model: model("b") } }, whole);
    expect((await run(rolloutUndo)).out).toContain("back to revision 1");
    expect((await run(rolloutUndo, { to: "3" })).out).toContain("back to revision 3");
    expect(written().spec).toEqual({ predictor: { model: model("c") } });
    expect((await run(rolloutUndo, { to: "9" })).result).toBe("there is no revision 9; there are 1, 2, 3");
    put({ predictor: { model: model("b") }, canary: [{ predictor: { name: "v2" }, trafficPercent: 5 }] }, whole);
    expect((await run(rolloutUndo)).out).toContain("without canaries");
    expect(written().spec).toEqual({ predictor: { model: model("b") } });
    put({ predictor: { model: model("b") } }, { latestCreatedRevision: "iris-00001", latestRolledoutRevision: "iris-00001" });
    expect((await run(rolloutUndo)).result).toContain("no earlier revision of iris has served");
  });

  it("lists what became of revisions, and shows one", async () => {
    put({ predictor: { canaryTrafficPercent: 10, model: model("b") } });
    expect((await run(rolloutHistory)).err).toContain("no revision of iris has served or failed yet");
    api.revisions.set("iris", [record(1, "a"), record(2, "b", "canary"), record(3, "c", "failed")]);
    const { out } = await run(rolloutHistory);
    expect(out.split("\n").map((line) => line.split(/ {2,}/).join(" | "))).toEqual([
      "REVISION | OUTCOME | TRAFFIC | AGE | SOURCE | REASON",
      "1 | rolled out | 90 % | 5m | a | -",
      "2 | canary | 10 % | 5m | b | -",
      "3 | failed | - | 5m | c | it is corrupt",
      "",
    ]);
    expect((await run(rolloutHistory, { revision: "1" })).out).toContain("storageUri: a");
    expect((await run(rolloutHistory, { output: "table" })).result).toContain("expected json, yaml");
  });
});
