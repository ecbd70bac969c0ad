import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { modelSpec } from "../../test/fake-hosts.ts";
import { corrupt, keyOf, makeArtefacts, Reconciled, removeArtefacts, unavailable } from "../../test/reconciled.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import type { JsonObject } from "../core/inference.ts";
import { adoptModels } from "./folder-models.ts";

const RUNTIME = { kind: "ClusterServingRuntime", namespace: undefined, name: "nitrous-onnx" } as const;

let root: string;
let world: Reconciled;

beforeAll(() => {
  root = makeArtefacts(["a", "b", "c"]);
});
afterAll(() => removeArtefacts(root));
beforeEach(() => {
  world = new Reconciled(root);
});

function runtimeDocument(name: string, spec: JsonObject, annotations: JsonObject = { "nitrous/host": "node" }): JsonObject {
  return {
    apiVersion: "serving.kserve.io/v1alpha1",
    kind: "ClusterServingRuntime",
    metadata: { name, annotations },
    spec: {
      supportedModelFormats: [{ name: "onnx", version: "1", autoSelect: true, priority: 9 }],
      protocolVersions: ["v1", "v2"],
      containers: [{ name: "kserve-container", image: "made/up" }],
      ...spec,
    },
  };
}

function requestContext(): RequestContext {
  return new RequestContext({ deadline: 60_000, record: createRecord("v2", "iris", 0) });
}

describe("a service", () => {
  it("is served and says so, once per phase", async () => {
    const file = world.file("a");
    world.hosts.held.add(file);
    await world.apply("iris", "a");
    await world.rest();
    expect(world.condition("iris")).toMatchObject({ status: "False", reason: "Loading" });
    expect(world.status("iris")).toMatchObject({ observedGeneration: 1, modelStatus: { transitionStatus: "InProgress" } });
    world.hosts.release(file);
    await world.rest();
    expect(world.answers("iris")).toBe("a");
    expect(world.condition("iris").status).toBe("True");
    expect(world.status("iris")).toMatchObject({
      observedGeneration: 1,
      clusterServingRuntimeName: "nitrous-onnx",
      modelStatus: { transitionStatus: "UpToDate", states: { activeModelState: "Loaded", targetModelState: "Loaded" } },
      nitrous: { servingGeneration: 1 },
    });
    expect(world.told("iris")).toEqual(["Applied", "Loading", "Ready"]);
    expect(world.table.lastReady(keyOf("iris"))?.generation).toBe(1);
  });

  it("serves the newest generation also when its spec was changed and changed back before anybody looked", async () => {
    await world.apply("iris", "a", { minReplicas: 0 });
    await world.apply("iris", "a", { minReplicas: 1, annotations: { "serving.kserve.io/stop": "true" } });
    await world.apply("iris", "a", { minReplicas: 0 });
    await world.rest();
    expect(world.status("iris")).toMatchObject({ observedGeneration: 3, nitrous: { servingGeneration: 3 } });
  });

  it("has its requests scheduled as its annotations and its runtime say, and again when they change", async () => {
    const scheduled = () => world.registry.find({ namespace: "default", name: "iris" }).spec.scheduling;
    await world.apply("iris", "a");
    await world.rest();
    expect(scheduled()).toBeUndefined();
    await world.apply("iris", "a", { annotations: { "nitrous/priority": "1", "nitrous/rate-limit": "5/s" } });
    await world.rest();
    expect(scheduled()).toEqual({ priority: 1, rateLimit: { text: "5/s burst 5", intervalMs: 200, burst: 5 } });
    const containers = [{ name: "kserve-container", image: "made/up", env: [{ name: "MAX_BATCH_SIZE", value: "4" }] }];
    await world.table.replace(RUNTIME, () => runtimeDocument("nitrous-onnx", { containers }));
    await world.rest();
    expect(scheduled()).toMatchObject({ priority: 1, maxBatchRows: 4 });
  });

  it("is replaced when its spec changes, without a moment in which nothing answers", async () => {
    await world.apply("iris", "a");
    await world.rest();
    world.hosts.held.add(world.file("b"));
    await world.apply("iris", "b");
    await world.rest();
    expect(world.answers("iris")).toBe("a");
    expect(world.status("iris")).toMatchObject({ observedGeneration: 2, nitrous: { servingGeneration: 1 } });
    expect(world.condition("iris").status).toBe("True");
    world.hosts.release(world.file("b"));
    await world.rest();
    expect(world.answers("iris")).toBe("b");
    expect(world.status("iris")).toMatchObject({ nitrous: { servingGeneration: 2 } });
    expect([...world.hosts.running.keys()]).toEqual([world.file("b")]);
    expect(world.hosts.processes.size).toBe(1);
  });

  it("stays as it was when the new spec is broken, with the reason in its status", async () => {
    await world.apply("iris", "a");
    await world.rest();
    await world.apply("iris", "empty");
    await world.rest();
    expect(world.answers("iris")).toBe("a");
    expect(world.condition("iris").status).toBe("True");
    expect(world.status("iris")).toMatchObject({
      observedGeneration: 2,
      modelStatus: { transitionStatus: "BlockedByFailedLoad", lastFailureInfo: { modelRevisionName: "iris-00002" } },
      nitrous: { servingGeneration: 1, advice: expect.stringContaining("not tried again by itself") },
    });
    expect(world.clock.timers).toBe(0);
    world.hosts.running.get(world.file("a"))?.kill("was killed by SIGKILL");
    await world.rest();
    await world.advance(0);
    expect(world.answers("iris")).toBe("a");
    expect(world.status("iris")).toMatchObject({ modelStatus: { transitionStatus: "BlockedByFailedLoad" } });
  });

  it("tells how its host ended and what it refuses because of that, until its next revision serves", async () => {
    const file = world.file("a");
    await world.apply("iris", "a");
    await world.rest();
    expect(JSON.stringify(world.status("iris"))).not.toMatch(/hostExits|lastHostExit|quarantined/);
    const send = (): Promise<unknown> =>
      world.registry
        .find({ namespace: "default", name: "iris" })
        .scheduler.run({ method: "predict", payload: { kind: "json", value: 1 } }, {}, requestContext())
        .then(
          () => "answered",
          ({ code }: ServeError) => code,
        );
    world.hosts.stuck.add(file);
    const killer = send();
    for (const delay of [0, 1_000]) {
      await world.rest();
      world.hosts.running.get(file)?.kill("was killed by SIGKILL");
      await world.rest();
      await world.advance(delay);
    }
    expect(await killer).toBe("UNAVAILABLE");
    const lastHostExit = { message: "its host was killed by SIGKILL", log: ["last words"] };
    expect(world.status("iris")).toMatchObject({
      modelStatus: { transitionStatus: "UpToDate" },
      nitrous: { quarantined: 1, versions: [{ state: "ready", hostExits: 2, lastHostExit, quarantined: 1 }] },
    });
    expect(() => send()).toThrow("ended the model's host 2 times");
    world.hosts.stuck.clear();
    await world.apply("iris", "b");
    await world.rest();
    expect(JSON.stringify(world.status("iris"))).not.toMatch(/hostExits|lastHostExit|quarantined/);
    const answer = send();
    await world.rest();
    expect(await answer).toBe("answered");
  });

  it("is tried again when the same is applied once more, and not when it serves", async () => {
    world.hosts.failures.set(world.file("a"), [corrupt()]);
    await world.apply("iris", "a");
    await world.rest();
    expect(world.condition("iris")).toMatchObject({ status: "False", reason: "ModelLoadFailed" });
    await world.apply("iris", "a");
    await world.rest();
    expect(world.answers("iris")).toBe("a");
    await world.apply("iris", "a");
    await world.apply("iris", "a", { labels: { team: "x" } });
    await world.rest();
    expect(world.hosts.loads).toHaveLength(2);
    expect(world.status("iris")).toMatchObject({ observedGeneration: 1 });
  });

  it("is tried again by itself when what failed may go away", async () => {
    world.unreachable.set("a", [unavailable(), unavailable()]);
    await world.apply("iris", "a");
    await world.rest();
    expect(world.status("iris")).toMatchObject({ nitrous: { retry: "tried again 1 s after attempt 1" } });
    await world.advance(1_000);
    expect(world.told("iris").filter((reason) => reason === "ModelLoadFailed")).toHaveLength(2);
    await world.advance(2_000);
    expect(world.answers("iris")).toBe("a");
    expect(world.clock.timers).toBe(0);
  });

  it("is gone when it is deleted, also while it loads or waits for another attempt", async () => {
    world.hosts.held.add(world.file("b"));
    world.unreachable.set("c", [unavailable()]);
    for (const artefact of ["a", "b", "c"]) await world.apply(`is-${artefact}`, artefact);
    await world.rest();
    for (const artefact of ["a", "b", "c"]) await world.delete(`is-${artefact}`);
    await world.rest();
    expect(world.answers("is-a")).toContain("does not exist");
    expect(world.hosts.processes.size).toBe(0);
    expect(world.hosts.ledger.reserved("memory")).toBe(0);
    expect(world.clock.timers).toBe(0);
    expect(world.told("is-a").at(-1)).toBe("Deleted");
    expect(world.gone.sort()).toEqual(["is-a", "is-b", "is-c"]);
  });

  it("can be made anew while the one before it still drains", async () => {
    await world.apply("iris", "a");
    await world.rest();
    const before = world.registry.find({ namespace: "default", name: "iris" });
    let drained = (): void => undefined;
    vi.spyOn(before.scheduler, "close").mockReturnValueOnce(new Promise((resolve) => (drained = resolve)));
    await world.delete("iris");
    await world.apply("iris", "b");
    await world.rest();
    expect(before.state).toBe("draining");
    expect(world.answers("iris")).toBe("b");
    expect(world.status("iris")).toMatchObject({ observedGeneration: 1, nitrous: { servingGeneration: 1 } });
    drained();
    await world.rest();
    expect(world.gone).toEqual([]);
    expect([...world.hosts.running.keys()]).toEqual([world.file("b")]);
    expect(world.answers("iris")).toBe("b");
  });

  it("runs nothing while its annotation stops it, and serves again after that", async () => {
    await world.apply("iris", "a");
    await world.rest();
    await world.apply("iris", "a", { annotations: { "serving.kserve.io/stop": "true" } });
    await world.rest();
    expect(world.answers("iris")).toContain("stopped by its annotation");
    expect(world.hosts.processes.size).toBe(0);
    expect(world.condition("iris", "Stopped").status).toBe("True");
    expect(world.condition("iris")).toMatchObject({ status: "False", reason: "Stopped" });
    await world.apply("iris", "a");
    await world.rest();
    expect(world.answers("iris")).toBe("a");
    expect(world.condition("iris", "Stopped").status).toBe("False");
  });

  it("has conditions whose time moves with their status only", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: 0 });
    try {
      await world.apply("iris", "a");
      await world.rest();
      const since = world.condition("iris").lastTransitionTime;
      vi.setSystemTime(60_000);
      await world.apply("iris", "b");
      await world.rest();
      expect(world.answers("iris")).toBe("b");
      expect(world.condition("iris").lastTransitionTime).toBe(since);
      vi.setSystemTime(120_000);
      await world.apply("iris", "b", { annotations: { "serving.kserve.io/stop": "true" } });
      await world.rest();
      expect(world.condition("iris").lastTransitionTime).toBe("1970-01-01T00:02:00Z");
    } finally {
      vi.useRealTimers();
    }
  });

  it("keeps the place of requests that wait when it stands by, and loads for them", async () => {
    await world.apply("iris", "a", { minReplicas: 0 });
    await world.rest();
    expect(world.hosts.loads).toEqual([]);
    expect(world.condition("iris").status).toBe("True");
    expect(world.status("iris")).toMatchObject({ modelStatus: { states: { activeModelState: "Standby" } } });
  });
});

describe("runtimes", () => {
  it("change the choice when they come, are disabled and go", async () => {
    await world.apply("iris", "a");
    await world.rest();
    await world.table.create(RUNTIME, runtimeDocument("mine", {}));
    await world.rest();
    expect(world.status("iris")).toMatchObject({ clusterServingRuntimeName: "mine" });
    expect(world.hosts.loads).toHaveLength(2);
    await world.table.replace({ ...RUNTIME, name: "mine" }, () => runtimeDocument("mine", { disabled: true }));
    await world.rest();
    expect(world.status("iris")).toMatchObject({ clusterServingRuntimeName: "nitrous-onnx" });
    await world.table.delete({ ...RUNTIME, name: "mine" });
    await world.rest();
    expect(world.answers("iris")).toBe("a");
    expect(world.hosts.loads).toHaveLength(3);
    expect(world.status("iris")).toMatchObject({ observedGeneration: 1 });
  });

  it("bring a service to life that had none, and one that cannot run leaves the old model where it is", async () => {
    await world.apply("iris", "a", { runtime: "mine" });
    await world.rest();
    expect(world.status("iris")).toMatchObject({ modelStatus: { transitionStatus: "InvalidSpec" } });
    await world.table.create(RUNTIME, runtimeDocument("mine", {}));
    await world.rest();
    expect(world.answers("iris")).toBe("a");
    const containers = [{ name: "kserve-container" }];
    await world.table.replace({ ...RUNTIME, name: "mine" }, () => runtimeDocument("mine", { containers }, {}));
    await world.rest();
    expect(world.answers("iris")).toBe("a");
    expect(world.status("iris")).toMatchObject({ modelStatus: { lastFailureInfo: { reason: "InvalidPredictorSpec" } } });
  });

  it("that are servers of their own are rolled out again when what they run changes, and not for anything else", async () => {
    const run = (args: readonly string[]): JsonObject => ({
      containers: [{ name: "kserve-container", command: ["serve"], args: [...args] }],
    });
    const labelled = { runtime: "mine", labels: { size: "small" } };
    await world.table.create(RUNTIME, runtimeDocument("mine", run(["--size={{.Labels.size}}"]), {}));
    await world.apply("iris", "a", labelled);
    await world.rest();
    const words = (): unknown => {
      const { upstream } = world.registry.find({ namespace: "default", name: "iris" }).spec;
      return upstream?.place.kind === "container" ? upstream.place.container.arguments : undefined;
    };
    expect(words()).toEqual(["--size=small"]);
    expect(world.status("iris")).toMatchObject({ nitrous: { server: "process serve: v1 at port 8080, v2 at port 8080" } });
    await world.apply("iris", "a", { ...labelled, labels: { size: "small", other: "1" }, annotations: { "acme.example/note": "x" } });
    await world.rest();
    expect(world.hosts.loads).toHaveLength(1);
    await world.apply("iris", "a", { ...labelled, labels: { size: "large" } });
    await world.rest();
    expect(words()).toEqual(["--size=large"]);
    await world.table.replace({ ...RUNTIME, name: "mine" }, () => runtimeDocument("mine", run(["--other"]), {}));
    await world.rest();
    expect([words(), world.hosts.loads.length]).toEqual([["--other"], 3]);
  });

  it("are not needed by a service that names a server elsewhere", async () => {
    await world.apply("iris", "a", { annotations: { "nitrous/url": "http://10.0.0.5:80" } });
    await world.rest();
    const { spec } = world.registry.find({ namespace: "default", name: "iris" });
    expect(spec.upstream).toMatchObject({ place: { kind: "elsewhere" }, protocols: [{ protocol: "v1", port: 80 }] });
    expect(world.status("iris")).toMatchObject({
      modelStatus: { transitionStatus: "UpToDate" },
      nitrous: { candidates: [], server: "http://10.0.0.5:80: v1" },
    });
  });
});

describe("after a restart", () => {
  it("serves what it served", async () => {
    await world.apply("iris", "a");
    await world.rest();
    const again = world.restarted();
    await again.rest();
    expect(again.answers("iris")).toBe("a");
    expect(again.status("iris")).toMatchObject({ observedGeneration: 1, nitrous: { servingGeneration: 1 } });
  });

  it("serves the generation that served, and says why the newest one does not", async () => {
    await world.apply("iris", "a");
    await world.rest();
    await world.apply("iris", "empty");
    await world.rest();
    const again = world.restarted();
    await again.rest();
    expect(again.answers("iris")).toBe("a");
    expect(again.status("iris")).toMatchObject({
      observedGeneration: 2,
      modelStatus: { transitionStatus: "BlockedByFailedLoad" },
      nitrous: { servingGeneration: 1 },
    });
  });

  it("comes back to the generation that served when that could not be had at first", async () => {
    await world.apply("iris", "a");
    await world.rest();
    await world.apply("iris", "empty");
    await world.rest();
    const again = world.restarted([["a", [unavailable()]]]);
    await again.rest();
    expect(again.condition("iris").status).toBe("False");
    await again.advance(1_000);
    expect(again.answers("iris")).toBe("a");
    expect(again.status("iris")).toMatchObject({ nitrous: { servingGeneration: 1 } });
  });

  it("goes on to the newest generation when the server was killed before that was ready", async () => {
    await world.apply("iris", "a");
    await world.rest();
    world.hosts.held.add(world.file("b"));
    await world.apply("iris", "b");
    const again = world.restarted();
    await again.rest();
    expect(again.answers("iris")).toBe("b");
    expect([...again.hosts.running.keys()]).toEqual([again.file("b")]);
    expect(again.table.lastReady(keyOf("iris"))?.generation).toBe(2);
  });

  it("keeps the generation that served when another change comes at once, and that is broken", async () => {
    await world.apply("iris", "a");
    await world.rest();
    await world.apply("iris", "empty");
    await world.rest();
    const again = world.restarted();
    await again.apply("iris", "nowhere");
    await again.rest();
    expect(again.answers("iris")).toBe("a");
    expect(again.status("iris")).toMatchObject({ observedGeneration: 3, nitrous: { servingGeneration: 1 } });
  });

  it("stays stopped, and serves the generation that served when the stop ends", async () => {
    const stop = { annotations: { "serving.kserve.io/stop": "true" } };
    await world.apply("iris", "a");
    await world.rest();
    await world.apply("iris", "empty", stop);
    const again = world.restarted();
    await again.rest();
    expect(again.hosts.processes.size).toBe(0);
    await again.apply("iris", "empty");
    await again.rest();
    expect(again.answers("iris")).toBe("a");
    expect(again.status("iris")).toMatchObject({ modelStatus: { transitionStatus: "BlockedByFailedLoad" } });
  });
});

describe("a store that fails", () => {
  it("is asked again to remember what serves", async () => {
    world.hosts.held.add(world.file("a"));
    await world.apply("iris", "a");
    await world.rest();
    world.store.failure = new ServeError("RESOURCE_EXHAUSTED", "the disk is full");
    world.hosts.release(world.file("a"));
    await world.rest();
    expect(world.answers("iris")).toBe("a");
    expect(world.told("iris")).toContain("StateNotWritten");
    expect(world.table.lastReady(keyOf("iris"))).toBeUndefined();
    await world.advance(30_000);
    expect(world.table.lastReady(keyOf("iris"))?.generation).toBe(1);
    expect(world.clock.timers).toBe(0);
  });

  it("is not asked again when the service is gone", async () => {
    world.hosts.held.add(world.file("a"));
    await world.apply("iris", "a");
    await world.rest();
    world.store.failure = new ServeError("RESOURCE_EXHAUSTED", "the disk is full");
    world.hosts.release(world.file("a"));
    await world.rest();
    await world.delete("iris");
    await world.rest();
    expect(world.clock.timers).toBe(0);
  });
});

describe("models of the command line", () => {
  it("are served under resources that cannot be changed, with several versions", async () => {
    const versions = [modelSpec("My_Model", "a", "1"), modelSpec("My_Model", "b", "2")];
    expect(adoptModels(world.table, world.reconciler, versions).rejections).toEqual([]);
    await world.reconciler.tried();
    await world.rest();
    expect(world.registry.find({ namespace: "default", name: "My_Model" }).spec.file).toBe("b");
    expect(world.status("my-model")).toMatchObject({ observedGeneration: 1, nitrous: { origin: "command line", modelName: "My_Model" } });
    expect(world.condition("my-model").status).toBe("True");
    expect([...world.store.contents]).toEqual([]);
    await world.table.create(RUNTIME, runtimeDocument("mine", {}));
    await world.rest();
    expect(world.hosts.loads).toEqual(["a", "b"]);
  });

  it("answer with the highest version that can, as their status says", async () => {
    const later = (): ServeError => new ServeError("RESOURCE_EXHAUSTED", "there is no room");
    world.hosts.failures.set("b", [later()]);
    adoptModels(world.table, world.reconciler, [modelSpec("iris", "a", "1"), modelSpec("iris", "b", "2")]);
    await world.rest();
    const target = { namespace: "default", name: "iris" };
    expect(world.condition("iris").status).toBe("True");
    expect(world.registry.find(target).spec.file).toBe("a");
    world.hosts.held.add("b");
    await world.advance(1_000);
    expect(world.registry.find(target).spec.file).toBe("a");
    world.hosts.release("b");
    await world.rest();
    expect(world.registry.find(target).spec.file).toBe("b");
  });

  it("give way to services that are applied already", async () => {
    await world.apply("iris", "a");
    await world.rest();
    const [rejection] = adoptModels(world.table, world.reconciler, [modelSpec("iris", "b")]).rejections;
    expect(rejection?.reason).toContain("is taken by the InferenceService default/iris");
    expect(world.answers("iris")).toBe("a");
  });
});

describe("closing", () => {
  it("ends every model and every timer, and nothing begins after that", async () => {
    world.unreachable.set("c", [unavailable()]);
    for (const artefact of ["a", "b", "c"]) await world.apply(`is-${artefact}`, artefact);
    await world.rest();
    await world.reconciler.close();
    expect(world.hosts.processes.size).toBe(0);
    expect(world.clock.timers).toBe(0);
    await world.apply("late", "a");
    await world.rest();
    expect(world.hosts.processes.size).toBe(0);
  });
});
