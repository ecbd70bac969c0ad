import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { corrupt, keyOf, makeArtefacts, Reconciled, removeArtefacts, type ServiceOptions } from "../../test/reconciled.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import type { JsonObject } from "../core/inference.ts";

let root: string;
let world: Reconciled;

beforeAll(() => {
  root = makeArtefacts(["a", "b", "c", "d"]);
});
afterAll(() => removeArtefacts(root));
beforeEach(() => {
  world = new Reconciled(root);
});

async function apply(artefact: string, options: ServiceOptions = {}): Promise<void> {
  await world.apply("iris", artefact, options);
  await world.rest();
}

function predictor(): JsonObject {
  return (world.status("iris").components as { predictor: JsonObject }).predictor;
}

function running(): string[] {
  return [...world.hosts.running.keys()].map((file) => file.split("/").at(-2) ?? "").sort();
}

describe("canaryTrafficPercent", () => {
  it("has no effect without an earlier revision", async () => {
    await apply("a", { canaryTrafficPercent: 10 });
    expect(world.traffic("iris")).toEqual({ a: 100 });
    expect(world.condition("iris")).toMatchObject({ status: "True" });
  });

  it("splits the requests once the new revision is ready, and not before", async () => {
    await apply("a");
    world.hosts.held.add(world.file("b"));
    await apply("b", { canaryTrafficPercent: 10 });
    expect(world.traffic("iris")).toEqual({ a: 100 });
    expect(world.status("iris")).toMatchObject({ modelStatus: { transitionStatus: "InProgress" } });
    world.hosts.release(world.file("b"));
    await world.rest();
    expect(world.traffic("iris")).toEqual({ a: 90, b: 10 });
    expect(predictor()).toMatchObject({
      latestCreatedRevision: "iris-00002",
      latestReadyRevision: "iris-00002",
      latestRolledoutRevision: "iris-00001",
      traffic: [
        { revisionName: "iris-00001", latestRevision: false, percent: 90, tag: "prev" },
        { revisionName: "iris-00002", latestRevision: true, percent: 10, tag: "latest" },
      ],
    });
    expect(world.status("iris")).toMatchObject({ modelStatus: { transitionStatus: "UpToDate" }, nitrous: { servingGeneration: 1 } });
    expect(world.outcomes("iris")).toEqual(["1 rolled out", "2 canary"]);
    expect(world.happenings.list().at(-1)?.message).toBe("of the requests iris-00001 gets 90 %, iris-00002 gets 10 %");
  });

  it("changes the split without loading anything, and promotes with 100 or without the field", async () => {
    await apply("a");
    for (const last of [{ canaryTrafficPercent: 100 }, {}]) {
      const artefact = "canaryTrafficPercent" in last ? "b" : "c";
      const before = "canaryTrafficPercent" in last ? "a" : "b";
      await apply(artefact, { canaryTrafficPercent: 10 });
      const loads = world.hosts.loads.length;
      await apply(artefact, { canaryTrafficPercent: 50 });
      expect(world.traffic("iris")).toEqual({ [before]: 50, [artefact]: 50 });
      await apply(artefact, last);
      expect(world.traffic("iris")).toEqual({ [artefact]: 100 });
      expect(world.hosts.loads.length).toBe(loads);
      expect(running()).toEqual([artefact]);
    }
    expect(predictor()).toMatchObject({ latestRolledoutRevision: "iris-00005", previousRolledoutRevision: "iris-00002" });
    expect(world.outcomes("iris")).toEqual(["1 rolled out", "2 rolled out", "5 rolled out"]);
    expect(world.status("iris")).toMatchObject({ observedGeneration: 7, nitrous: { servingGeneration: 7 } });
  });

  it("keeps a revision with 0 percent addressable", async () => {
    await apply("a");
    await apply("b", { canaryTrafficPercent: 0 });
    expect(world.traffic("iris")).toEqual({ a: 100, b: 0 });
    const target = { namespace: "default", name: "iris" };
    for (const revision of ["latest", "iris-00002"]) expect(world.registry.find({ ...target, revision }).spec.file).toBe(world.file("b"));
    expect(world.registry.find({ ...target, revision: "prev" }).spec.file).toBe(world.file("a"));
    expect(world.registry.find(target).spec.file).toBe(world.file("a"));
  });

  it("gives a broken revision nothing, and keeps what there is", async () => {
    await apply("a");
    world.hosts.failures.set(world.file("b"), [corrupt()]);
    await apply("b", { canaryTrafficPercent: 50 });
    expect(world.traffic("iris")).toEqual({ a: 100 });
    expect(world.status("iris")).toMatchObject({ modelStatus: { transitionStatus: "BlockedByFailedLoad" } });
    expect(world.outcomes("iris")).toEqual(["1 rolled out", "2 failed"]);
    await apply("c", { canaryTrafficPercent: 50 });
    expect(world.traffic("iris")).toEqual({ a: 50, c: 50 });
  });

  it("takes a canary back at once when the old spec is wanted again", async () => {
    await apply("a");
    await apply("b", { canaryTrafficPercent: 50 });
    const loads = world.hosts.loads.length;
    await apply("a");
    expect(world.traffic("iris")).toEqual({ a: 100 });
    expect(world.hosts.loads.length).toBe(loads);
    expect(running()).toEqual(["a"]);
    expect(world.outcomes("iris")).toEqual(["1 rolled out", "2 given up"]);
  });

  it("brings the earlier revision back when one that is rolled out is to get less", async () => {
    await apply("a");
    await apply("b");
    expect(running()).toEqual(["b"]);
    world.hosts.held.add(world.file("a"));
    await apply("b", { canaryTrafficPercent: 20 });
    expect(world.traffic("iris")).toEqual({ b: 100 });
    world.hosts.release(world.file("a"));
    await world.rest();
    expect(world.traffic("iris")).toEqual({ a: 80, b: 20 });
    await apply("b");
    expect(world.traffic("iris")).toEqual({ b: 100 });
    expect(running()).toEqual(["b"]);
  });

  it("is after a restart as it was before", async () => {
    await apply("a");
    await apply("b", { canaryTrafficPercent: 10 });
    await apply("b", { canaryTrafficPercent: 30 });
    const before = predictor();
    world = world.restarted();
    await world.rest();
    expect(world.traffic("iris")).toEqual({ a: 70, b: 30 });
    expect(predictor()).toEqual(before);
    await apply("b");
    expect(world.traffic("iris")).toEqual({ b: 100 });
    world = world.restarted();
    await world.rest();
    expect(world.traffic("iris")).toEqual({ b: 100 });
    expect(predictor()).toMatchObject({ latestRolledoutRevision: "iris-00002", previousRolledoutRevision: "iris-00001" });
  });
});

describe("spec.canary", () => {
  it("gives canaries their parts as soon as they are ready", async () => {
    world.hosts.held.add(world.file("c"));
    await apply("a", {
      canaries: [
        ["v2", "b", 20],
        ["v3", "c", 5],
      ],
    });
    expect(world.traffic("iris")).toEqual({ a: 80, b: 20 });
    expect(world.condition("iris", "CanaryPredictorReady")).toMatchObject({ status: "False", reason: "CanariesNotReady" });
    world.hosts.release(world.file("c"));
    await world.rest();
    expect(world.traffic("iris")).toEqual({ a: 75, b: 20, c: 5 });
    expect(world.condition("iris", "CanaryPredictorReady")).toMatchObject({ status: "True", reason: "AllCanariesReady" });
    expect(world.status("iris").canaryStatuses).toMatchObject([
      { name: "v2", ready: true, trafficPercent: 20, modelStatus: { transitionStatus: "UpToDate" } },
      { name: "v3", ready: true, trafficPercent: 5 },
    ]);
    expect(world.registry.find({ namespace: "default", name: "iris", revision: "v3" }).spec.file).toBe(world.file("c"));
  });

  it("promotes a canary without loading it again", async () => {
    await apply("a", { canaries: [["v2", "b", 20]] });
    const loads = world.hosts.loads.length;
    await apply("b", { predictorName: "v2" });
    expect(world.traffic("iris")).toEqual({ b: 100 });
    expect(world.hosts.loads.length).toBe(loads);
    expect(running()).toEqual(["b"]);
    expect(world.condition("iris", "CanaryPredictorReady")).toBeUndefined();
    expect(world.registry.find({ namespace: "default", name: "iris", revision: "v2" }).spec.file).toBe(world.file("b"));
    expect(predictor()).toMatchObject({ latestRolledoutRevision: "iris-00002", previousRolledoutRevision: "iris-00001" });
  });

  it("lets a canary go that is wanted no more, and is there again after a restart", async () => {
    await apply("a", { canaries: [["v2", "b", 20]] });
    world = world.restarted();
    await world.rest();
    expect(world.traffic("iris")).toEqual({ a: 80, b: 20 });
    await apply("a");
    expect(running()).toEqual(["a"]);
  });

  it("shares what canaries leave between the newest revision and the one before it", async () => {
    await apply("a", { canaries: [["v2", "b", 20]] });
    await apply("c", { canaries: [["v2", "b", 20]], canaryTrafficPercent: 50 });
    expect(world.traffic("iris")).toEqual({ a: 40, c: 40, b: 20 });
  });
});

describe("requests on their way", () => {
  it("go on with another revision when the one that they were assigned to goes", async () => {
    await apply("a");
    await apply("b", { canaryTrafficPercent: 100 });
    await apply("c", { canaryTrafficPercent: 99 });
    const context = new RequestContext({ deadline: 1e6, record: createRecord("v1", "iris", 0) });
    const target = { namespace: "default", name: "iris" };
    const first = world.registry.find(target, context).spec.file;
    expect([world.file("b"), world.file("c")]).toContain(first);
    await apply("d");
    expect(world.registry.find(target, context).spec.file).toBe(world.file("d"));
    await world.reconciler.close();
    expect(world.hosts.processes.size).toBe(0);
  });

  it("are told what there is when they name a revision that has gone", async () => {
    await apply("a");
    await apply("b");
    expect(world.registry.revisions(keyOf("iris"))).toMatchObject([{ name: "iris-00002", tags: ["latest"] }]);
    expect(() => world.registry.find({ namespace: "default", name: "iris", revision: "iris-00001" })).toThrow(
      "model 'iris' has no revision \"iris-00001\" now; it has iris-00002 (latest)",
    );
  });
});
