import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { settle } from "../../test/fake-clock.ts";
import { corrupt, makeArtefacts, Reconciled, removeArtefacts } from "../../test/reconciled.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import type { InferResponse } from "../core/inference.ts";
import type { DataPlane } from "../core/planes.ts";
import { createDataPlane } from "./data-plane.ts";

const IRIS = { namespace: "default", name: "iris" };

let root: string;
let world: Reconciled;
let plane: DataPlane;

beforeAll(() => {
  root = makeArtefacts(["a", "b"]);
});
afterAll(() => removeArtefacts(root));
beforeEach(() => {
  world = new Reconciled(root);
  world.hosts.methods.predict = { accepts: "json", inputs: [], outputs: [] };
  plane = createDataPlane(world.registry, world.clock, () => undefined);
});

function context(revision?: string): RequestContext {
  const made = new RequestContext({ deadline: 60_000, record: createRecord("v2", "iris", world.clock.now()) });
  made.revision = revision;
  return made;
}

function ask(request: RequestContext): Promise<InferResponse> {
  return plane.infer({ target: IRIS, payload: { kind: "json", value: 1 }, context: request });
}

async function apply(artefact: string, options = {}): Promise<void> {
  await world.apply("iris", artefact, options);
  await world.rest();
}

it("lets a request that waits for a load go on with the revision that has come instead", async () => {
  await apply("a", { minReplicas: 0 });
  world.hosts.held.add(world.file("a"));
  const waiting = ask(context());
  await world.rest();
  // The load that it waits for is given up.
  await apply("b");
  await expect(waiting).resolves.toMatchObject({ modelName: "iris" });
  expect([...world.hosts.running.keys()]).toEqual([world.file("b")]);
});

it("lets a request that waits for a canary go on with the other revision when the canary cannot be loaded again", async () => {
  await apply("a");
  await apply("b", { canaryTrafficPercent: 100 });
  await apply("a", { canaryTrafficPercent: 99 });
  const canary = world.registry.revisions(IRIS)[1];
  expect(canary?.percent).toBe(99);
  const request = context();
  request.keepTo(canary?.name ?? "", true);
  plane.admit(IRIS, 1, request);
  world.hosts.failures.set(world.file("a"), [corrupt()]);
  world.hosts.running.get(world.file("a"))?.kill("was killed by SIGKILL");
  await world.rest();
  const answered = ask(request);
  await world.rest();
  await expect(answered).resolves.toMatchObject({ modelName: "iris" });
  expect(request.record.revision).toBe(world.registry.revisions(IRIS)[0]?.name);
});

it("gives a request the same revision when it is admitted and when it is answered", async () => {
  await apply("a");
  await apply("b", { canaryTrafficPercent: 50 });
  for (let each = 0; each < 20; each++) {
    const request = context();
    plane.admit(IRIS, 1, request);
    const { revision } = request;
    const answered = ask(request);
    for (let turn = 0; turn < 3; turn++) {
      await settle();
      await world.clock.turn();
    }
    await answered;
    expect([request.revision, request.record.revision]).toEqual([revision, revision]);
  }
});

it("does not answer a request that names a revision from another one", async () => {
  await apply("a");
  await apply("b", { canaryTrafficPercent: 50 });
  const request = context("prev");
  plane.admit(IRIS, 1, request);
  expect(request.record.revision).toBe("iris-00001");
  await apply("b");
  await expect(ask(request)).rejects.toMatchObject({ code: "NOT_FOUND", message: expect.stringContaining("it has iris-00002 (latest)") });
});
