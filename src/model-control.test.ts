import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Reconciled } from "../test/reconciled.ts";
import { GivenFiles, RequestedLoads } from "./control/index.ts";
import { createRecord, RequestContext } from "./core/context.ts";
import type { Target } from "./core/inference.ts";
import { readModelConfigurationJson } from "./model-configurations/index.ts";
import { readModels } from "./resources/index.ts";
import { controlOf } from "./serve-settings.ts";
import { ServedModels } from "./served-models.ts";

const ONNX = 'backend: "onnxruntime"\nmax_batch_size: 4\n';
const instances = (count: number): string => `${ONNX}instance_group { count: ${count} }`;
const ensembleOf = (model: string): string => `platform: "ensemble"
  input { name: "x" data_type: TYPE_FP32 dims: 2 }
  output { name: "y" data_type: TYPE_FP32 dims: 2 }
  ensemble_scheduling { step { model_name: "${model}" model_version: -1 input_map { key: "a" value: "x" } output_map { key: "b" value: "y" } } }`;

let root: string;
let world: Reconciled;
let served: ServedModels;
let loads: RequestedLoads;

function write(path: string, text: string): void {
  mkdirSync(join(root, "models", path, ".."), { recursive: true });
  writeFileSync(join(root, "models", path), text);
}

async function open(onDemand: boolean, lookMs?: number): Promise<void> {
  const { hosts, registry } = world;
  const { events, manager, createModel } = hosts;
  const named = <Models>(models: Models): Models => models;
  served = new ServedModels({ ...world, events, trust: [], triton: {}, named, lookMs, onDemand });
  loads = new RequestedLoads({
    registry,
    manager,
    events,
    createModel,
    files: served,
    given: new GivenFiles(join(root, "given")),
    refuses: false,
  });
  const path = join(root, "models");
  expect(await served.serve(path, await readModels([path]))).toEqual([]);
  await world.rest();
}

/** Files are looked at in threads, and drains end in later turns. */
async function done<Result>(work: Promise<Result>): Promise<Result> {
  let settled = false;
  const ended = work.finally(() => {
    settled = true;
  });
  ended.catch(() => undefined);
  while (!settled) {
    await world.rest();
    await turn();
  }
  return await ended;
}

const target = (name: string): Target => ({ namespace: "default", name });
const load = (name: string): Promise<void> =>
  done(loads.load(target(name), undefined, new RequestContext({ deadline: 60_000, record: createRecord("", name, 0) })));
const unload = (name: string, dependents = false): Promise<void> => done(loads.unload(target(name), { dependents }));

/** Versions that answer, and what is said of a model without any. */
function answering(name: string): string {
  try {
    const versions = world.registry.versions(target(name)).filter(({ answers }) => answers);
    return versions.map(({ spec, replicas }) => `${spec.version}x${replicas.counts.ready}`).join(" ");
  } catch (error) {
    return (error as Error).message;
  }
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "model-control-"));
  world = new Reconciled(root);
});
afterEach(async () => {
  served.close();
  await done(loads.close());
  await world.reconciler.close();
  rmSync(root, { recursive: true });
});

describe("polling", () => {
  const seconds = async (count: number): Promise<void> => {
    for (let second = 0; second < count; second++) await world.advance(1_000);
  };
  /** Files are read in threads, which may take longer than a second of the clock of a test. */
  const until = async (isSo: () => boolean): Promise<void> => {
    for (let second = 0; second < 100 && !isSo(); second++) await seconds(1);
  };
  const message = (name: string): string => JSON.stringify(world.status(name));

  beforeEach(async () => {
    write("m/config.pbtxt", ONNX);
    write("m/1/model.onnx", "one");
    write("m/labels.txt", "a");
    write("other/config.pbtxt", ONNX);
    write("other/1/model.onnx", "other");
    await open(false, 15_000);
  });

  it("serves a new version, and drains the old one", async () => {
    expect(answering("m")).toBe("1x1");
    write("m/2/model.onnx", "two");
    await seconds(14);
    expect(answering("m")).toBe("1x1");
    await until(() => answering("m") === "2x1" && world.hosts.processes.size === 2);
    expect([answering("m"), world.hosts.processes.size]).toEqual(["2x1", 2]);
  });

  it("changes the number of replicas without a reload, and reloads for everything else", async () => {
    const before = world.hosts.loads.length;
    const [model] = world.registry.versions(target("m"));
    write("m/config.pbtxt", instances(3));
    await until(() => answering("m") === "1x3");
    expect([answering("m"), world.hosts.loads.length - before]).toEqual(["1x3", 2]);
    write("m/config.pbtxt", ONNX);
    await until(() => answering("m") === "1x1");
    expect([answering("m"), world.hosts.loads.length - before]).toEqual(["1x1", 2]);
    write("m/config.pbtxt", `# a comment\n${ONNX}`);
    await seconds(40);
    expect(world.registry.versions(target("m"))).toEqual([model]);
    write("m/labels.txt", "b");
    await until(() => world.hosts.loads.length - before === 3 && world.hosts.processes.size === 2);
    expect(world.registry.versions(target("m"))).not.toEqual([model]);
    expect(answering("m")).toBe("1x1");
    expect(world.hosts.loads.filter((file) => file.includes("other"))).toHaveLength(1);
  });

  it("keeps what serves when the new one is broken", async () => {
    write("m/config.pbtxt", "max_batch_size: four");
    await until(() => message("m").includes("config.pbtxt:1"));
    expect([answering("m"), message("m")]).toEqual(["1x1", expect.stringContaining("config.pbtxt:1")]);
    write("m/config.pbtxt", instances(2));
    await until(() => answering("m") === "1x2");
    expect(answering("m")).toBe("1x2");
  });

  it("serves what comes and forgets what goes", async () => {
    write("new/config.pbtxt", ONNX);
    await until(() => answering("new").includes("no folder"));
    expect(answering("new")).toContain("it has no folder of a version");
    write("new/1/model.onnx", "new");
    rmSync(join(root, "models/other"), { recursive: true });
    await until(() => answering("new") === "1x1" && world.registry.names("default").length === 2);
    expect([answering("new"), world.registry.names("default").sort()]).toEqual(["1x1", ["m", "new"]]);
  });
});

describe("explicit control", () => {
  beforeEach(async () => {
    write("m/config.pbtxt", ONNX);
    write("m/1/model.onnx", "one");
    write("bad/config.pbtxt", "no_field: 1");
    write("bad/1/model.onnx", "bad");
    write("pipe/config.pbtxt", ensembleOf("m"));
    mkdirSync(join(root, "models/pipe/1"));
    await open(true);
  });

  it("serves nothing by itself, and knows what there is", async () => {
    expect(world.registry.names("default").sort()).toEqual(["bad", "m", "pipe"]);
    expect(answering("m")).toContain("It has not been loaded");
    expect(answering("bad")).toContain("no_field");
    expect(world.hosts.loads).toEqual([]);
    await unload("m");
  });

  it("loads a model, leaves it alone while nothing changes, and loads what its files have become", async () => {
    await load("m");
    await load("m");
    expect([answering("m"), world.hosts.loads.length]).toEqual(["1x1", 1]);
    expect(world.table.list("InferenceService").items.map(({ metadata }) => metadata.name)).toEqual(["m"]);
    write("m/2/model.onnx", "two");
    expect(answering("m")).toBe("1x1");
    await load("m");
    expect([answering("m"), world.hosts.processes.size]).toEqual(["2x1", 1]);
    write("m/config.pbtxt", instances(2));
    await load("m");
    expect([answering("m"), world.hosts.loads.length]).toEqual(["2x2", 3]);
    write("m/config.pbtxt", "max_batch_size: four");
    await expect(load("m")).rejects.toThrow("config.pbtxt:1");
    expect(answering("m")).toBe("2x2");
    await unload("m");
    expect([answering("m"), world.hosts.processes.size]).toEqual(["", 0]);
    write("m/config.pbtxt", ONNX);
    await load("m");
    expect(answering("m")).toBe("2x1");
  });

  it("keeps what serves when the new one does not load, and tries the same again when it is asked to", async () => {
    await load("m");
    write("m/1/model.onnx", "another one");
    world.hosts.failures.set(join(root, "models/m/1/model.onnx"), [new Error("no graph in it")]);
    await expect(load("m")).rejects.toThrow("no graph in it");
    expect(answering("m")).toBe("1x1");
    await load("m");
    expect([answering("m"), world.registry.find(target("m")).spec.bytes]).toEqual(["1x1", "another one".length]);
  });

  it("takes a configuration that comes with a load instead of the file's, all of it, until the next load", async () => {
    write("m/2/model.onnx", "two");
    const context = new RequestContext({ deadline: 60_000, record: createRecord("", "m", 0) });
    const asked = async (json: string): Promise<void> => {
      const configuration = readModelConfigurationJson(json, { file: "", name: "m" });
      await done(loads.load(target("m"), { configuration, files: new Map() }, context));
    };
    await asked('{"version_policy": {"all": {}}, "max_batch_size": "16", "instance_group": [{"count": 2}]}');
    expect(answering("m")).toBe("1x2 2x2");
    const { configuration, scaling } = world.registry.find(target("m")).spec;
    expect([configuration?.backend, configuration?.maxBatchSize, scaling?.least]).toEqual(["onnxruntime", 16, 2]);
    await expect(asked('{"version_policy": {"specific": {"versions": [9]}}}')).rejects.toThrow("at least one version must be available");
    await expect(asked('{"backend": "tensorrt"}')).rejects.toThrow("no backend 'tensorrt'");
    expect(answering("m")).toBe("1x2 2x2");
    await load("m");
    expect([answering("m"), world.registry.find(target("m")).spec.configuration?.maxBatchSize]).toEqual(["2x1", 4]);
    await unload("m");
    await load("m");
    expect([answering("m"), world.hosts.processes.size]).toEqual(["2x1", 1]);
  });

  it("loads models whose folders have come since, and says of others why not", async () => {
    write("late/config.pbtxt", ONNX);
    write("late/1/model.onnx", "late");
    expect([await loads.holds(target("late")), await loads.holds(target("never"))]).toEqual([true, false]);
    await load("late");
    expect(answering("late")).toBe("1x1");
    await expect(load("bad")).rejects.toThrow("config.pbtxt:1:1");
    write("bad/config.pbtxt", ONNX);
    await load("bad");
    expect(answering("bad")).toBe("1x1");
    await unload("late");
    rmSync(join(root, "models/late"), { recursive: true });
    await expect(load("late")).rejects.toThrow("failed to poll from model repository");
  });

  it("loads an ensemble with its steps, which go with it when that is asked for", async () => {
    await load("pipe");
    expect([answering("pipe"), answering("m")]).toEqual(["1x1", "1x1"]);
    await unload("pipe");
    expect([answering("pipe"), answering("m")]).toEqual(["", "1x1"]);
    await load("pipe");
    await unload("pipe", true);
    // It had been loaded for an ensemble only.
    expect([answering("pipe"), answering("m")]).toEqual(["", ""]);
    await load("m");
    await load("pipe");
    await unload("pipe", true);
    expect([answering("pipe"), answering("m")]).toEqual(["", "1x1"]);
  });

  it("names the step that keeps an ensemble from being loaded", async () => {
    world.hosts.failures.set(join(root, "models/m/1/model.onnx"), [new Error("no graph in it")]);
    await expect(load("pipe")).rejects.toThrow(
      "ensemble 'pipe' depends on 'm' which has no loaded version. Model 'm' loading failed with error: no graph in it",
    );
    write("pipe/config.pbtxt", ensembleOf("nowhere"));
    await expect(load("pipe")).rejects.toThrow("ensemble 'pipe' depends on 'nowhere' which has no loaded version");
    write("pipe/config.pbtxt", ensembleOf("tube"));
    write("tube/config.pbtxt", ensembleOf("pipe"));
    mkdirSync(join(root, "models/tube/1"));
    await expect(load("pipe")).rejects.toThrow("circular dependency between ensembles: pipe -> tube -> pipe");
  });
});

describe("settings of model control", () => {
  it("refuse loads and unloads in Triton's words where nobody may ask for them", async () => {
    write("m/config.pbtxt", ONNX);
    await open(true);
    expect(() => loads.assertChangeable()).not.toThrow();
    const { hosts, registry } = world;
    const given = new GivenFiles(join(root, "given"));
    const refusing = new RequestedLoads({ ...hosts, registry, manager: hosts.manager, files: served, given, refuses: true });
    expect(() => refusing.assertChangeable()).toThrow("explicit model load / unload is not allowed if polling is enabled");
  });

  it("name models to load only where clients have a say, and * alone", () => {
    const control = (mode: "explicit" | "none", ...names: string[]) =>
      controlOf({ "model-control": mode, "load-model": names, "repository-poll-secs": 2 });
    expect(control("explicit", "a", "b")).toEqual({ mode: "explicit", loads: ["a", "b"], pollMs: 2_000 });
    expect(control("explicit", "*").loads).toBe("all");
    expect(() => control("none", "a")).toThrow("'--load-model' requires setting '--model-control=explicit'");
    expect(() => control("explicit", "*", "a")).toThrow("must be the ONLY startup model");
  });
});
