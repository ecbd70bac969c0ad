import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { corrupt, makeArtefacts, Reconciled, removeArtefacts, type ServiceOptions } from "../../test/reconciled.ts";
import type { JsonObject } from "../core/inference.ts";

const TENSOR = "data_type: TYPE_FP32, dims: [ 1 ]";
const ONNX = `backend: "onnxruntime" max_batch_size: 4 input { name: "X", ${TENSOR} } output { name: "Y", ${TENSOR} }`;
const STEP = (name: string, from: string, to: string): string =>
  `step { model_name: "${name}" model_version: -1 input_map { key: "X" value: "${from}" } output_map { key: "Y" value: "${to}" } }`;
const ENSEMBLE = `platform: "ensemble" max_batch_size: 4 input { name: "IN", ${TENSOR} } output { name: "OUT", ${TENSOR} }
ensemble_scheduling { ${STEP("first", "IN", "between")} ${STEP("second", "between", "OUT")} }`;

let root: string;
let world: Reconciled;

function write(path: string, text: string): void {
  mkdirSync(join(root, path, ".."), { recursive: true });
  writeFileSync(join(root, path), text);
}

function model(path: string, configuration = ONNX): void {
  write(`${path}/config.pbtxt`, configuration);
  write(`${path}/1/model.onnx`, path);
}

beforeAll(() => {
  root = makeArtefacts(["own"]);
  model("pair/first");
  model("pair/second");
  model("chain/first");
  model("chain/second");
  model("chain/third");
  write("chain/whole/config.pbtxt", ENSEMBLE);
  write("chain/whole/1/.keep", "");
  model("single/first");
  model("alone", `name: "called"\n${ONNX}`);
  model("other/first");
  model("other/fourth");
  model("broken/first", "backend: onnxruntime max_batch_size");
  write("code/adder/config.pbtxt", `backend: "python" input { name: "X", ${TENSOR} } output { name: "Y", ${TENSOR} }`);
  write("code/adder/1/model.py", "class TritonPythonModel:\n    pass\n");
  model("foreign/first", ONNX.replace("onnxruntime", "tensorrt"));
});
afterAll(() => removeArtefacts(root));
beforeEach(() => {
  world = new Reconciled(root);
});

async function apply(name: string, artefact: string, options: ServiceOptions = {}): Promise<void> {
  await world.apply(name, artefact, { format: "triton", ...options });
  await world.rest();
}

/** The folder of the model that answers a name now, or what its client hears. */
function answering(name: string): string {
  try {
    const { spec, answers } = world.registry.find({ namespace: "default", name });
    return `${spec.name}${answers ? "" : " does not answer"}`;
  } catch (error) {
    return (error as Error).message;
  }
}

function running(): string[] {
  return [...world.hosts.running.keys()].map((file) => file.slice(root.length + 1).replace("/1/model.onnx", "")).sort();
}

function versions(name: string): unknown {
  const { versions } = world.status(name).nitrous as { versions: JsonObject[] };
  return versions.map(({ model: which, state }) => [which, state]);
}

describe("a service of a model repository", () => {
  it("serves each model by its name, and tells of the service's own name which names there are", async () => {
    await apply("vision", "pair");
    expect(["first", "second"].map(answering)).toEqual(["first", "second"]);
    expect(answering("vision")).toContain("ask for first, second");
    expect(world.registry.names("default")).toEqual(["first", "second"]);
    expect(world.condition("vision")).toMatchObject({ status: "True" });
    expect(versions("vision")).toEqual([
      ["first", "ready"],
      ["second", "ready"],
    ]);
  });

  it("is what its models are found under, and nothing else is", async () => {
    await apply("vision", "pair");
    await apply("own", "own", { format: "onnx" });
    const { registry } = world;
    expect(registry.find({ namespace: "default", name: "first", service: "vision" }).spec.name).toBe("first");
    expect(() => registry.find({ namespace: "default", name: "own", service: "vision" })).toThrow(
      /Below this prefix there is only "vision"/,
    );
    expect(registry.serviceOf({ namespace: "default", name: "first" })).toBe("vision");
  });

  it.each([
    ["the only model", "vision", "single", "first"],
    ["the one of its name", "second", "pair", "second"],
    ["the only ensemble that is no step", "vision", "chain", "whole"],
    ["the one of a model's own folder, which says how it is called", "vision", "alone", "called"],
  ])("has its own name for %s", async (_, name, artefact, expected) => {
    await apply(name, artefact);
    expect(answering(name)).toBe(expected);
    expect(answering(expected)).toBe(expected);
    // No model is told twice.
    const names = world.registry.names("default");
    expect(names.includes(name)).toBe(name === expected);
    expect(
      world.registry
        .statuses()
        .map(({ name: each }) => each)
        .sort(),
    ).toEqual(names.sort());
  });

  it("takes the place of all models of its old revision at once, and only when all of its own answer", async () => {
    await apply("vision", "pair");
    world.hosts.held.add(join(root, "other/fourth/1/model.onnx"));
    await apply("vision", "other");
    expect(["first", "second"].map(answering)).toEqual(["first", "second"]);
    expect(world.registry.find({ namespace: "default", name: "first" }).spec.file).toBe(join(root, "pair/first/1/model.onnx"));
    world.hosts.release(join(root, "other/fourth/1/model.onnx"));
    await world.rest();
    expect(world.registry.find({ namespace: "default", name: "first" }).spec.file).toBe(join(root, "other/first/1/model.onnx"));
    expect(answering("fourth")).toBe("fourth");
    expect(answering("second")).toContain("does not exist");
    expect(running()).toEqual(["other/first", "other/fourth"]);
  });

  it("is ready when all of its models are, but for those that somebody has unloaded", async () => {
    const second = join(root, "pair/second/1/model.onnx");
    world.hosts.held.add(second);
    await apply("vision", "pair");
    expect(answering("first")).toBe("first");
    expect(world.condition("vision")).toMatchObject({ status: "False" });
    world.hosts.release(second);
    await world.rest();
    expect(world.condition("vision")).toMatchObject({ status: "True" });
    const drained = world.hosts.manager.drain(world.registry.find({ namespace: "default", name: "second" }));
    await world.rest();
    await drained;
    expect(world.condition("vision")).toMatchObject({ status: "True" });
  });

  it("splits the requests for each model", async () => {
    await apply("vision", "pair");
    await apply("vision", "other", { canaryTrafficPercent: 20 });
    const shares = (name: string): unknown =>
      world.registry.revisions({ namespace: "default", name }).map((revision) => [revision.name, revision.percent]);
    expect(shares("first")).toEqual([
      ["vision-00001", 80],
      ["vision-00002", 20],
    ]);
    const { predictor } = world.status("vision").components as { predictor: JsonObject };
    expect(predictor.traffic).toMatchObject([{ percent: 80 }, { percent: 20 }]);
    expect([shares("second"), shares("fourth")]).toEqual([[["vision-00001", 100]], [["vision-00002", 100]]]);
  });

  it("keeps the old revision when a model of the new one does not load, and says which", async () => {
    await apply("vision", "pair");
    world.hosts.failures.set(join(root, "other/fourth/1/model.onnx"), [corrupt()]);
    await apply("vision", "other");
    expect(["first", "second"].map(answering)).toEqual(["first", "second"]);
    expect(JSON.stringify(world.status("vision").modelStatus)).toContain("model fourth, version 1: it is corrupt");
  });

  it("lets nothing of it be served when it is deleted or stopped", async () => {
    await apply("vision", "pair");
    await apply("vision", "pair", { annotations: { "serving.kserve.io/stop": "true" } });
    expect(["vision", "first"].map(answering)).toEqual(Array(2).fill(expect.stringContaining("It is stopped")));
    await apply("vision", "pair");
    expect(answering("first")).toBe("first");
    await world.delete("vision");
    await world.rest();
    expect(["vision", "first"].map(answering)).toEqual(Array(2).fill(expect.stringContaining("does not exist")));
    expect(running()).toEqual([]);
    expect(world.gone.sort()).toEqual(["first", "second", "vision"]);
  });

  it("loads nothing before the first request when it has no replicas", async () => {
    await apply("vision", "pair", { minReplicas: 0 });
    expect(running()).toEqual([]);
    expect(world.registry.find({ namespace: "default", name: "second" }).state).toBe("standby");
  });

  it("loads again what has changed, takes what has come and lets go of what is gone when its files are watched", async () => {
    for (const name of ["first", "second"]) model(`watched/${name}`);
    await apply("vision", "watched", { annotations: { "nitrous/watch": "true" } });
    const second = world.registry.find({ namespace: "default", name: "second" });
    write("watched/first/1/model.onnx", "something else");
    model("watched/third");
    for (let second = 0; second < 5; second++) await world.advance(1_000);
    const loads = world.hosts.loads.map((file) => file.split("/").at(-3)).sort();
    expect(loads).toEqual(["first", "first", "second", "third"]);
    expect(world.registry.find({ namespace: "default", name: "second" })).toBe(second);
    rmSync(join(root, "watched/first"), { recursive: true });
    for (let second = 0; second < 5; second++) await world.advance(1_000);
    expect(["second", "third"].map(answering)).toEqual(["second", "third"]);
    expect(answering("first")).toContain("does not exist");
  });

  it("loads what --load-model names, with the steps of ensembles, and tells of arguments that change nothing", async () => {
    const args = ["--model-control-mode=explicit", "--load-model=whole", "--strict-readiness=false"];
    await apply("vision", "chain", { args });
    expect(world.registry.names("default").sort()).toEqual(["first", "second", "whole"]);
    expect(world.registry.find({ namespace: "default", name: "first" }).spec.notes).toEqual([
      "the argument --strict-readiness=false of its tritonserver has no effect here",
    ]);
    await apply("vision", "chain", { args: ["--model-control-mode=explicit", "--load-model=sixth"] });
    expect(world.status("vision").modelStatus).toMatchObject({
      lastFailureInfo: { message: "--load-model names sixth, and the model repository of vision has first, second, third, whole" },
    });
  });
});

describe("names of models", () => {
  it("are of one service, and another one gets them when they are free", async () => {
    await apply("vision", "pair");
    await apply("later", "other");
    expect(answering("fourth")).toContain("does not exist");
    expect(world.condition("later")).toMatchObject({
      status: "False",
      reason: "InvalidPredictorSpec",
      message: expect.stringContaining("its repository has a model first, and the InferenceService vision"),
    });
    await world.delete("vision");
    await world.rest();
    expect(["first", "fourth"].map(answering)).toEqual(["first", "fourth"]);
    expect(world.condition("later")).toMatchObject({ status: "True" });
  });

  it("are first of all those of services, whenever these come", async () => {
    await apply("vision", "pair");
    await apply("first", "own", { format: "onnx" });
    expect(world.registry.find({ namespace: "default", name: "first" }).spec.file).toBe(world.file("own"));
    expect(answering("second")).toBe("second");
    expect(JSON.stringify(world.status("vision").modelStatus)).toContain(
      "the InferenceService first of the namespace default has that name",
    );
    await world.delete("first");
    await world.rest();
    expect(world.registry.find({ namespace: "default", name: "first" }).spec.file).toBe(join(root, "pair/first/1/model.onnx"));
    expect(world.condition("vision")).toMatchObject({ status: "True" });
  });
});

describe("what cannot be served", () => {
  it.each([
    ["a configuration that is none", "broken", {}, /config\.pbtxt/],
    ["code that nobody trusts", "code", {}, /its model adder runs its own code .* nitrous\/trust: code/],
    ["a backend that nobody has", "foreign", {}, /there is no backend 'tensorrt'/],
    ["what is no repository", "empty", {}, /empty/],
  ])("is told of %s", async (_, artefact, options, message) => {
    await apply("vision", artefact, options);
    expect(world.condition("vision")).toMatchObject({ status: "False", message: expect.stringMatching(message) });
  });
});
