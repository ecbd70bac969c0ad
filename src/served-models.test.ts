import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Reconciled } from "../test/reconciled.ts";
import { readModels } from "./resources/index.ts";
import { ServedModels } from "./served-models.ts";

let root: string;
let world: Reconciled;
let served: ServedModels;
let rejected: string[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "served-models-"));
  world = new Reconciled(root);
  rejected = [];
  world.hosts.events.on("resource-rejected", ({ place, reason }) => rejected.push(`${place.slice(root.length)}: ${reason}`));
  served = new ServedModels({
    ...world,
    events: world.hosts.events,
    trust: [],
    triton: {},
    named: (models) => models,
    lookMs: 1_000,
    onDemand: false,
  });
});
afterEach(async () => {
  served.close();
  await world.reconciler.close();
  rmSync(root, { recursive: true });
});

function write(path: string, text: string): void {
  mkdirSync(join(root, path, ".."), { recursive: true });
  writeFileSync(join(root, path), text);
}

async function serve(path = root): Promise<void> {
  expect(await served.serve(path, await readModels([path]))).toEqual([]);
  await world.rest();
}

async function seconds(count: number): Promise<void> {
  for (let second = 0; second < count; second++) await world.advance(1_000);
}

const bytesOf = (name: string): number => world.registry.find({ namespace: "default", name }).spec.bytes;
const names = (): string[] => world.registry.names("default").sort();

it("serves models that come into a folder, loads again those that change, and drains those that go", async () => {
  write("iris/model.onnx", "one");
  write("wine.onnx", "one");
  await serve();
  const loads = world.hosts.loads.length;
  write("tea/model.onnx", "tea");
  write("wine.onnx", "another one");
  await seconds(3);
  expect(names()).toEqual(["iris", "tea", "wine"]);
  expect([bytesOf("wine"), world.hosts.loads.length - loads]).toEqual([11, 2]);
  rmSync(join(root, "iris"), { recursive: true });
  await seconds(3);
  expect(names()).toEqual(["tea", "wine"]);
  expect(world.hosts.processes.size).toBe(2);
  expect(world.table.list("InferenceService").items.map(({ metadata }) => metadata.name)).toEqual(["tea", "wine"]);
  expect(world.hosts.loads.length - loads).toBe(2);
});

it("goes on with what it has when nothing can be found in a folder that is still there", async () => {
  write("iris/1/model.onnx", "one");
  write("tea/model.onnx", "tea");
  await serve();
  rmSync(join(root, "tea/model.onnx"));
  await seconds(3);
  expect(bytesOf("tea")).toBe(3);
  expect(world.status("tea")).toMatchObject({
    modelStatus: { lastFailureInfo: { message: expect.stringContaining("the folder is empty") } },
  });
  expect(rejected).toEqual([expect.stringMatching(/^\/tea: the folder is empty/)]);
  write("tea/model.onnx", "again");
  write("iris/2/model.onnx", "second");
  await seconds(3);
  expect([bytesOf("tea"), bytesOf("iris")]).toEqual([5, 6]);
});

it("keeps the model of a path that is one", async () => {
  write("iris/model.onnx", "one");
  await serve(join(root, "iris"));
  write("iris/example.json", "{}");
  rmSync(join(root, "iris/model.onnx"));
  await seconds(3);
  expect(names()).toEqual(["iris"]);
  expect(bytesOf("iris")).toBe(3);
  rmSync(join(root, "iris"), { recursive: true });
  await seconds(6);
  expect(names()).toEqual([]);
});
