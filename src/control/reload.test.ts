import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { modelSpec } from "../../test/fake-hosts.ts";
import { corrupt, keyOf, Reconciled } from "../../test/reconciled.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import { createDataPlane } from "../planes/index.ts";
import { adoptModels } from "./folder-models.ts";

const WATCHED = { annotations: { "nitrous/watch": "true" } };
const IRIS = { namespace: "default", name: "iris" };

let root: string;
let world: Reconciled;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "reload-"));
  write("iris/model.onnx", "one");
  world = new Reconciled(root);
});
afterEach(async () => {
  await world.reconciler.close();
  rmSync(root, { recursive: true });
});

function write(path: string, text: string): string {
  const file = join(root, path);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, text);
  return file;
}

/** Long enough for a change to have settled. */
async function seconds(count: number): Promise<void> {
  for (let second = 0; second < count; second++) await world.advance(1_000);
}

async function serveIris(options: object = WATCHED): Promise<string> {
  await world.apply("iris", "iris", options);
  await world.rest();
  expect(world.answers("iris")).not.toContain("not ready");
  return world.file("iris");
}

it("loads a changed file beside the old one, and serves it when it answers", async () => {
  const file = await serveIris();
  const before = world.registry.find(IRIS);
  world.hosts.held.add(file);
  write("iris/model.onnx", "two two");
  await seconds(3);
  expect(world.hosts.loads).toEqual([file, file]);
  expect(world.registry.find(IRIS)).toBe(before);
  expect(before.state).toBe("ready");
  world.hosts.release(file);
  await world.rest();
  const after = world.registry.find(IRIS);
  expect(after).not.toBe(before);
  expect([after.state, after.spec.bytes, world.hosts.processes.size]).toEqual(["ready", 7, 1]);
  expect(world.told("iris")).toEqual(["Applied", "Ready", "FilesChanged", "Loading", "Ready"]);
  await seconds(5);
  expect(world.hosts.loads).toHaveLength(2);
});

it("goes on with the old model when the new file is broken, says so, and takes the next one", async () => {
  const file = await serveIris();
  const before = world.registry.find(IRIS);
  for (const text of ["broken", "broken again"]) {
    world.hosts.failures.set(file, [corrupt()]);
    write("iris/model.onnx", text);
    await seconds(3);
    expect(world.registry.find(IRIS)).toBe(before);
    expect(world.condition("iris").status).toBe("True");
    expect(world.status("iris")).toMatchObject({
      modelStatus: { transitionStatus: "BlockedByFailedLoad", lastFailureInfo: { message: expect.stringContaining("it is corrupt") } },
    });
  }
  expect(world.told("iris").filter((reason) => reason === "ModelLoadFailed")).toHaveLength(2);
  write("iris/model.onnx", "good again");
  await seconds(3);
  expect(world.registry.find(IRIS).spec.bytes).toBe(10);
  expect(world.status("iris")).toMatchObject({ modelStatus: { transitionStatus: "UpToDate" } });
});

it("keeps serving what cannot be read any more", async () => {
  await serveIris();
  const before = world.registry.find(IRIS);
  rmSync(join(root, "iris"), { recursive: true });
  await seconds(8);
  expect(world.registry.find(IRIS)).toBe(before);
  expect(world.told("iris").at(-1)).not.toBe("Ready");
  write("iris/model.onnx", "it is back");
  await seconds(3);
  expect(world.registry.find(IRIS).spec.bytes).toBe(10);
});

it("takes no notice without the annotation, follows the server's --watch with it, and stops when it is taken away", async () => {
  const file = await serveIris({});
  write("iris/model.onnx", "two two");
  await seconds(3);
  expect(world.hosts.loads).toEqual([file]);
  await world.apply("iris", "iris", WATCHED);
  await seconds(1);
  const loads = world.hosts.loads.length;
  write("iris/model.onnx", "three");
  await seconds(3);
  expect(world.hosts.loads).toHaveLength(loads + 1);
  await world.apply("iris", "iris", { annotations: { "nitrous/watch": "false" } });
  await seconds(1);
  write("iris/model.onnx", "four four");
  await seconds(3);
  expect(world.registry.find(IRIS).spec.stamp).toBeUndefined();
  expect(world.clock.timers).toBe(0);
  await world.delete("iris");
});

it("serves versions that come, drains versions that go, and leaves the others as they are", async () => {
  rmSync(join(root, "iris"), { recursive: true });
  const first = write("iris/1/model.onnx", "one");
  await serveIris();
  const one = world.registry.find({ ...IRIS, version: "1" });
  const second = write("iris/2/model.onnx", "two");
  await seconds(3);
  expect(world.hosts.loads).toEqual([first, second]);
  expect(world.registry.find({ ...IRIS, version: "1" })).toBe(one);
  expect(world.registry.find(IRIS).spec.version).toBe("2");
  const two = world.registry.find(IRIS);
  rmSync(join(root, "iris/1"), { recursive: true });
  await seconds(3);
  expect(() => world.registry.find({ ...IRIS, version: "1" })).toThrow("It has 2");
  expect(world.registry.find(IRIS)).toBe(two);
  expect([world.hosts.loads.length, world.hosts.processes.size]).toEqual([2, 1]);
  // A version that cannot be loaded keeps none of the others from answering.
  world.hosts.failures.set(write("iris/3/model.onnx", "three"), [corrupt()]);
  await seconds(3);
  expect(world.registry.find(IRIS)).toBe(two);
});

it("fails no request while files change again and again", async () => {
  const file = await serveIris();
  world.hosts.methods.predict = { accepts: "json", inputs: [], outputs: [] };
  write("iris/model.onnx", "with a method");
  await seconds(3);
  const plane = createDataPlane(world.registry, world.clock, () => undefined);
  const outcomes = new Map<string, number>();
  let pending = 0;
  const ask = (): void => {
    const context = new RequestContext({ deadline: world.clock.now() + 60_000, record: createRecord("v2", "iris", world.clock.now()) });
    pending++;
    const note = (outcome: string): void => {
      pending--;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    };
    try {
      plane.admit(IRIS, 10, context);
    } catch (error) {
      note((error as Error).message);
      return;
    }
    void plane.infer({ target: IRIS, payload: { kind: "json", value: 1 }, context }).then(
      () => note("OK"),
      (error: Error) => note(error.message),
    );
  };
  for (let round = 0; round < 20; round++) {
    if (round % 5 === 4) world.hosts.failures.set(file, [corrupt()]);
    write("iris/model.onnx", `round ${round} ${"x".repeat(round)}`);
    for (let step = 0; step < 12; step++) {
      ask();
      await world.clock.advance(250);
      ask();
      await world.clock.turn();
      ask();
    }
    await world.rest();
  }
  await world.rest();
  expect(pending).toBe(0);
  expect([...outcomes]).toEqual([["OK", 20 * 36]]);
  expect(world.hosts.loads.length).toBeGreaterThan(5);
}, 30_000);

it("serves what is found again under the name of a model of the command line, and keeps it when nothing can be found", async () => {
  const spec = { ...modelSpec("iris", "a"), stamp: "1" };
  adoptModels(world.table, world.reconciler, [spec]);
  await world.rest();
  world.reconciler.adoptAgain(keyOf("iris"), [{ ...spec, file: "b", stamp: "2" }]);
  await world.rest();
  expect(world.registry.find(IRIS).spec.file).toBe("b");
  world.reconciler.adoptAgain(keyOf("iris"), new ServeError("FAILED_PRECONDITION", "there is no model in it"));
  await world.rest();
  expect(world.registry.find(IRIS).spec.file).toBe("b");
  expect(world.status("iris")).toMatchObject({ modelStatus: { lastFailureInfo: { message: "there is no model in it" } } });
});
