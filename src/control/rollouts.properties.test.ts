import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { corrupt, makeArtefacts, Reconciled, removeArtefacts, type ServiceOptions } from "../../test/reconciled.ts";

const GOOD = ["a", "b", "c"];
const TARGET = { namespace: "default", name: "iris" };

let root: string;
beforeAll(() => {
  root = makeArtefacts([...GOOD, "corrupt"]);
});
afterAll(() => removeArtefacts(root));

interface Change {
  readonly artefact: string;
  readonly options: ServiceOptions;
  /** What happens before the next change. */
  readonly next: "rest" | "turn" | "restart";
}

const change: fc.Arbitrary<Change> = fc.record({
  artefact: fc.constantFrom(...GOOD, "corrupt"),
  options: fc
    .record({
      percent: fc.constantFrom(undefined, 0, 30, 100),
      canaries: fc.constantFrom<ServiceOptions["canaries"]>(
        undefined,
        undefined,
        [["v2", "b", 20]],
        [["v2", "c", 10]],
        [["v3", "corrupt", 10]],
      ),
    })
    .map(({ percent, canaries }) => ({
      ...(percent === undefined ? {} : { canaryTrafficPercent: percent }),
      ...(canaries === undefined ? {} : { canaries }),
    })),
  next: fc.constantFrom("rest", "rest", "turn", "restart"),
});

it("always answers, gives away all requests once, and comes to be what is wanted last, whatever splits were wanted before", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 10 }), fc.constantFrom(...GOOD), async (changes, last) => {
      const prepared = (made: Reconciled): Reconciled => {
        made.hosts.failures.set(made.file("corrupt"), Array.from({ length: 100 }, corrupt));
        return made;
      };
      let world = prepared(new Reconciled(root));
      await world.apply("iris", "a");
      await world.rest();
      for (const { artefact, options, next } of changes) {
        await world.apply("iris", artefact, options);
        if (next === "restart") world = prepared(world.restarted());
        if (next === "turn") await world.clock.turn();
        else await world.rest();
        const revisions = world.registry.revisions(TARGET);
        if (next !== "turn") expect(GOOD).toContain(world.answers("iris"));
        expect(revisions.reduce((sum, { percent }) => sum + percent, 0)).toBe(100);
        expect(new Set(revisions.map(({ name }) => name)).size).toBe(revisions.length);
      }
      await world.apply("iris", last);
      await world.rest();
      expect(world.traffic("iris")).toEqual({ [last]: 100 });
      expect(world.hosts.processes.size).toBe(1);
      world = world.restarted();
      await world.rest();
      expect(world.traffic("iris")).toEqual({ [last]: 100 });
      await world.reconciler.close();
      expect(world.hosts.processes.size).toBe(0);
    }),
    { numRuns: 30 },
  );
}, 60_000);
