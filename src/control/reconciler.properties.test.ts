import { basename } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { corrupt, keyOf, makeArtefacts, Reconciled, removeArtefacts, unavailable } from "../../test/reconciled.ts";
import type { JsonObject } from "../core/inference.ts";

const NAMES = ["one", "two"];
const GOOD = ["a", "b", "c"];
/** The models in the first cannot be loaded, the second holds none. */
const BROKEN = ["corrupt", "empty"];
const STOP = { "serving.kserve.io/stop": "true" };
/** A host that dies more often while it loads the same model is given up. */
const MOST_DEATHS = 2;

let root: string;

beforeAll(() => {
  root = makeArtefacts([...GOOD, "corrupt"]);
});
afterAll(() => removeArtefacts(root));

/** What the test does to the server; nothing in it waits for the server to come to rest. */
type Step = (run: Run) => Promise<void> | void;

class Run {
  world: Reconciled;
  deaths = 0;

  constructor(modelsPerHost: number) {
    this.world = this.#prepared(new Reconciled(root, undefined, undefined, modelsPerHost));
  }

  /** `unreachable`: an artefact that cannot be fetched at once after it. */
  restart(unreachable: string): void {
    this.world = this.#prepared(this.world.restarted([[unreachable, [unavailable()]]]));
  }

  kill(which: number): void {
    const processes = [...this.world.hosts.processes.values()];
    if (processes.length === 0 || this.deaths === MOST_DEATHS) return;
    this.deaths++;
    processes[which % processes.length]?.("was killed by SIGKILL");
  }

  failOnce(artefact: string, where: "fetch" | "load"): void {
    const { unreachable, hosts } = this.world;
    if (where === "fetch") unreachable.set(artefact, [unavailable()]);
    else hosts.failures.set(this.world.file(artefact), [unavailable()]);
  }

  /** Nothing is held back any more, and there is time for everything that is tried again. */
  async settle(): Promise<void> {
    for (const artefact of GOOD) this.world.hosts.release(this.world.file(artefact));
    await this.world.rest();
    for (let times = 0; times < 10 && this.world.clock.timers > 0; times++) await this.world.advance(60_000);
  }

  #prepared(world: Reconciled): Reconciled {
    world.hosts.failures.set(world.file("corrupt"), Array.from({ length: 1_000 }, corrupt));
    return world;
  }
}

const step: fc.Arbitrary<[string, Step]> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .record({
        name: fc.constantFrom(...NAMES),
        artefact: fc.constantFrom(...GOOD, ...BROKEN),
        standsBy: fc.boolean(),
        stopped: fc.integer({ min: 0, max: 5 }).map((number) => number === 0),
      })
      .map(({ name, artefact, standsBy, stopped }): [string, Step] => {
        // One that stands by is only found to be corrupt by its first request.
        const minReplicas = standsBy && artefact !== "corrupt" ? 0 : 1;
        const options = { minReplicas, ...(stopped ? { annotations: STOP } : {}) };
        return [`apply ${name} ${artefact} ${JSON.stringify(options)}`, ({ world }) => world.apply(name, artefact, options)];
      }),
  },
  fc
    .constantFrom(...NAMES)
    .map((name): [string, Step] => [
      `delete ${name}`,
      ({ world }) => (world.table.find(keyOf(name)) === undefined ? undefined : world.delete(name)),
    ]),
  fc.nat(3).map((which): [string, Step] => [`kill ${which}`, (run) => run.kill(which)]),
  fc
    .tuple(fc.constantFrom(...GOOD), fc.constantFrom("fetch" as const, "load" as const))
    .map(([artefact, where]): [string, Step] => [`fail to ${where} ${artefact}`, (run) => run.failOnce(artefact, where)]),
  fc.constantFrom(...GOOD).map((artefact): [string, Step] => [
    `hold ${artefact}`,
    ({ world }) => {
      world.hosts.held.add(world.file(artefact));
    },
  ]),
  fc
    .constantFrom(...GOOD)
    .map((artefact): [string, Step] => [`release ${artefact}`, ({ world }) => world.hosts.release(world.file(artefact))]),
  fc.constantFrom(0, 1_000, 5_000, 70_000).map((time): [string, Step] => [`${time} ms pass`, ({ world }) => world.clock.advance(time)]),
  { weight: 3, arbitrary: fc.constant<[string, Step]>(["turn", ({ world }) => world.clock.turn()]) },
  { weight: 2, arbitrary: fc.constant<[string, Step]>(["rest", ({ world }) => world.rest()]) },
  fc.constantFrom(...GOOD, "none").map((artefact): [string, Step] => [`restart without ${artefact}`, (run) => run.restart(artefact)]),
);

/** The artefact that a spec names. */
function artefactOf(spec: JsonObject): string {
  const { predictor } = spec as { predictor: { model: { storageUri: string } } };
  return basename(predictor.model.storageUri);
}

/** The service is what its resource says. */
function check(world: Reconciled, name: string): void {
  const view = world.table.find(keyOf(name));
  const answer = world.answers(name);
  if (view === undefined) {
    expect(answer).toContain("does not exist");
    return;
  }
  const { generation, annotations } = view.metadata;
  const lastReady = world.table.lastReady(keyOf(name));
  const status = world.status(name);
  const artefact = artefactOf(view.spec);
  expect(status.observedGeneration).toBe(generation);
  if (annotations !== undefined && Object.hasOwn(annotations, "serving.kserve.io/stop")) {
    expect(answer).toContain("stopped by its annotation");
    expect(world.condition(name)).toMatchObject({ status: "False", reason: "Stopped" });
    return;
  }
  if (GOOD.includes(artefact)) {
    expect(answer).toBe(artefact);
    expect(status).toMatchObject({ modelStatus: { transitionStatus: "UpToDate" }, nitrous: { servingGeneration: generation } });
    expect(status.modelStatus).not.toHaveProperty("lastFailureInfo");
    // What is wanted again, and has never gone, is the revision that it was.
    expect(artefactOf(lastReady?.spec ?? {})).toBe(artefact);
    expect(lastReady?.generation).toBeLessThanOrEqual(generation);
  } else {
    const message = artefact === "corrupt" ? "it is corrupt" : "there is no onnx model in";
    expect(answer).toEqual(lastReady === undefined ? expect.stringContaining(message) : artefactOf(lastReady.spec));
    expect(status).toMatchObject({
      modelStatus: { transitionStatus: "BlockedByFailedLoad", lastFailureInfo: { message: expect.stringContaining(message) } },
      nitrous: { advice: expect.anything() },
    });
    if (lastReady !== undefined) expect(status).toMatchObject({ nitrous: { servingGeneration: lastReady.generation } });
  }
  const serves = GOOD.includes(artefact) || lastReady !== undefined;
  expect(world.condition(name).status).toBe(serves ? "True" : "False");
}

describe("whatever happens", () => {
  it("everything comes to be as the resources say, and nothing else is left", async () => {
    const steps = fc.array(step, { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(steps, fc.constantFrom(1, 3), async (taken, modelsPerHost) => {
        const run = new Run(modelsPerHost);
        try {
          for (const [, take] of taken) await take(run);
          await run.settle();
          const { world } = run;
          for (const name of NAMES) check(world, name);
          const ready = world.registry.statuses().filter(({ state }) => state === "ready");
          expect(new Set(world.hosts.processes.keys())).toEqual(new Set(ready.map(({ hostPid }) => hostPid)));
          expect(world.clock.timers).toBe(0);
          await world.reconciler.close();
          expect(world.hosts.processes.size).toBe(0);
          expect(world.hosts.ledger.reserved("memory")).toBe(0);
        } catch (error) {
          throw new Error(taken.map(([text]) => text).join("\n"), { cause: error });
        }
      }),
      { numRuns: 100 },
    );
  }, 60_000);
});
