import { basename } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { makeArtefacts, Reconciled, removeArtefacts } from "../../test/reconciled.ts";
import type { JsonObject } from "../core/inference.ts";
import type { ResourceKey } from "../core/resource.ts";

const PLACE = { kind: "TrainedModel", namespace: "default" } as const;
const RUNTIME = { kind: "ServingRuntime", namespace: "default", name: "many" } as const;

let root: string;
let world: Reconciled;

beforeAll(() => {
  root = makeArtefacts(["a", "b", "c"]);
});
afterAll(() => removeArtefacts(root));
beforeEach(async () => {
  world = new Reconciled(root);
  await world.table.create(RUNTIME, runtime({}));
});

function runtime(spec: JsonObject, memory = "1Gi"): JsonObject {
  return {
    apiVersion: "serving.kserve.io/v1alpha1",
    kind: "ServingRuntime",
    metadata: { name: "many", namespace: "default" },
    spec: {
      multiModel: true,
      supportedModelFormats: [{ name: "onnx" }, { name: "sklearn" }],
      protocolVersions: ["v2"],
      containers: [{ name: "kserve-container", command: ["serve", "--name={{.Name}}"], resources: { limits: { memory } } }],
      ...spec,
    },
  };
}

function parent(runtimeName = "many", name = "holder"): JsonObject {
  return {
    apiVersion: "serving.kserve.io/v1beta1",
    kind: "InferenceService",
    metadata: { name, namespace: "default" },
    spec: { predictor: { minReplicas: 2, model: { modelFormat: { name: "onnx" }, runtime: runtimeName } } },
  };
}

function trained(name: string, artefact: string, { memory = "256Mi", framework = "onnx", inferenceService = "holder" } = {}): JsonObject {
  return {
    apiVersion: "serving.kserve.io/v1alpha1",
    kind: "TrainedModel",
    metadata: { name, namespace: "default" },
    spec: { inferenceService, model: { storageUri: `file:///${artefact}`, framework, memory } },
  };
}

async function apply(document: JsonObject): Promise<void> {
  const { kind, metadata } = document as { kind: ResourceKey["kind"]; metadata: { name: string } };
  const key = { kind, namespace: "default", name: metadata.name };
  if (world.table.find(key) === undefined) await world.table.create(key, document);
  else await world.table.replace(key, () => document);
  await world.rest();
}

function conditions(name: string): Record<string, unknown> {
  const list = (world.table.get({ ...PLACE, name }).status?.conditions ?? []) as Array<{ type: string; status: string; reason?: string }>;
  return Object.fromEntries(list.map(({ type, status, reason }) => [type, reason ?? status]));
}

const specOf = (name: string) => world.registry.find({ namespace: "default", name }).spec;
const ALL_TRUE = {
  FrameworkSupported: "True",
  InferenceServiceReady: "True",
  IsMMSPredictor: "True",
  MemoryResourceAvailable: "True",
  Ready: "True",
};

describe("a TrainedModel", () => {
  it("is a model of its own in the server of its InferenceService", async () => {
    await apply(parent());
    await apply(trained("Model_1", "a"));
    expect(conditions("Model_1")).toEqual(ALL_TRUE);
    expect(world.table.get({ ...PLACE, name: "Model_1" }).status).toMatchObject({
      observedGeneration: 1,
      url: "http://host/serving/default/Model_1/v1/models/Model_1:predict",
      modelStatus: { states: { activeModelState: "Loaded" } },
    });
    const [own, holder] = [specOf("Model_1"), specOf("holder")];
    expect([basename(own.file), own.upstream?.modelName, own.scaling, holder.file]).toEqual(["a", "Model_1", undefined, ""]);
    expect(own.upstream?.place).toEqual(holder.upstream?.place);
  });

  it("is another model when its artefact is another one", async () => {
    await apply(parent());
    await apply(trained("m", "a"));
    await apply(trained("m", "b"));
    expect([basename(specOf("m").file), conditions("m").Ready]).toEqual(["b", "True"]);
  });

  it("waits for its InferenceService, and goes with it", async () => {
    await apply(trained("m", "a"));
    expect(conditions("m")).toMatchObject({ InferenceServiceReady: "InferenceServiceNotFound", Ready: "InferenceServiceNotFound" });
    expect(world.answers("m")).toContain("there is no InferenceService holder in the namespace default");
    await apply(parent());
    expect(conditions("m")).toEqual(ALL_TRUE);
    await world.table.delete({ kind: "InferenceService", namespace: "default", name: "holder" });
    await world.rest();
    expect(conditions("m").Ready).toBe("InferenceServiceNotFound");
    expect(world.answers("m")).toContain("there is no InferenceService holder");
  });

  it("needs a runtime for several models that knows its framework", async () => {
    await apply(parent("nitrous-onnx"));
    await apply(trained("m", "a", { framework: "sklearn" }));
    expect(conditions("m")).toMatchObject({ IsMMSPredictor: "IsNotMMSPredictor", FrameworkSupported: "FrameworkNotSupported" });
    expect(world.answers("m")).toContain("holds one model");
    await apply(parent());
    expect(conditions("m")).toEqual(ALL_TRUE);
    await apply(runtime({ supportedModelFormats: [{ name: "onnx" }] }));
    expect(conditions("m")).toMatchObject({ FrameworkSupported: "FrameworkNotSupported", Ready: "FrameworkNotSupported" });
  });

  it("has memory of the server's in the order in which they came, and what another one leaves", async () => {
    await apply(parent());
    await apply(trained("m1", "a", { memory: "600Mi" }));
    await apply(trained("m2", "b", { memory: "600Mi" }));
    await apply(trained("m3", "c", { memory: "400Mi" }));
    expect(["m1", "m2", "m3"].map((name) => conditions(name).MemoryResourceAvailable)).toEqual([
      "True",
      "MemoryResourceNotAvailable",
      "MemoryResourceNotAvailable",
    ]);
    expect(world.answers("m2")).toContain(
      "it needs 600 MiB, and the server of holder may have 1024 MiB, of which its other models have 600 MiB",
    );
    await world.table.delete({ ...PLACE, name: "m1" });
    await world.rest();
    expect(["m2", "m3"].map((name) => conditions(name).Ready)).toEqual(["True", "True"]);
  });

  it("keeps its memory", async () => {
    await apply(parent());
    await apply(trained("m", "a", { memory: "1Gi" }));
    await apply(trained("m", "a", { memory: "1024Mi" }));
    await expect(apply(trained("m", "a", { memory: "2Gi" }))).rejects.toThrow(
      "spec.model.memory cannot be changed: it was 1024Mi and would be 2Gi",
    );
  });

  it("gives way to an InferenceService of its name, and comes back", async () => {
    await apply(parent());
    await apply(trained("m", "a"));
    await world.apply("m", "b");
    await world.rest();
    expect(world.answers("m")).toBe("b");
    expect(conditions("m").Ready).toBe("NameTaken");
    await world.delete("m");
    await world.rest();
    expect([basename(specOf("m").file), conditions("m").Ready]).toEqual(["a", "True"]);
  });

  it("is gone when it is deleted", async () => {
    await apply(parent());
    await apply(trained("m", "a"));
    await world.table.delete({ ...PLACE, name: "m" });
    await world.rest();
    expect(world.answers("m")).toContain("m");
    expect(() => specOf("m")).toThrow();
    expect(world.gone).toEqual(["m"]);
  });

  it("serves again after a restart", async () => {
    await apply(parent());
    await apply(trained("m", "a"));
    world = world.restarted();
    await world.rest();
    expect([basename(specOf("m").file), conditions("m")]).toEqual(["a", ALL_TRUE]);
  });
});
