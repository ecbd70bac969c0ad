import fc from "fast-check";
import { expect, it } from "vitest";
import { FakeClock, settle } from "../../test/fake-clock.ts";
import { FakeHosts, modelSpec } from "../../test/fake-hosts.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import type { Residency } from "../core/model.ts";
import type { ModelVersion } from "./model-version.ts";
import { MEMORY, MODELS } from "./residency/index.ts";

const MEBIBYTE = 1048576;
const MODEL_COUNT = 4;
/** Room for so many replicas. */
const MOST = 6;

type Command =
  | { readonly do: "ask"; readonly model: number }
  | { readonly do: "scale"; readonly model: number; readonly to: number | "auto" }
  | { readonly do: "fail"; readonly model: number }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "kill"; readonly process: number };

const model = fc.integer({ min: 0, max: MODEL_COUNT - 1 });
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("ask" as const), model }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("scale" as const), model, to: fc.constantFrom(0, 1, 2, 3, 4, "auto" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("fail" as const), model }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 100, 2_000, 31_000, 70_000) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("kill" as const), process: fc.nat({ max: 7 }) }) },
);
const residencies: readonly Residency[] = [
  { kind: "preferred" },
  { kind: "preferred", idleMs: 20_000 },
  { kind: "on-demand", idleMs: 5_000 },
  { kind: "preferred" },
];
const scaling = {
  metric: "concurrency",
  target: 1,
  utilization: 1,
  windowMs: 6_000,
  panicWindowMs: 600,
  panicThreshold: 2,
  scaleDownDelayMs: 0,
} as const;

it("never has more than there is room for, keeps what must be, and comes to what was asked for", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 40 }), async (commands) => {
      const clock = new FakeClock();
      const memory = MOST * 92 * MEBIBYTE;
      const hosts = new FakeHosts(clock, memory, 1, undefined, { models: 3 });
      const pinned = hosts.createModel({
        ...modelSpec("pinned", "pinned"),
        residency: { kind: "pinned" },
        scaling: { ...scaling, least: 2, most: 2 },
      });
      const models = residencies.map((residency, index) =>
        hosts.createModel({ ...modelSpec(`m${index}`, `m${index}`), residency, scaling: { ...scaling, least: 1, most: 3 } }),
      );
      const check = (): void => {
        expect(hosts.ledger.reserved(MEMORY)).toBeLessThanOrEqual(memory);
        expect(hosts.ledger.reserved(MODELS)).toBeLessThanOrEqual(3);
        for (const { state, replicas } of [pinned, ...models]) {
          if (state === "ready") expect(replicas.counts.ready).toBeGreaterThan(0);
          if (replicas.counts.ready > 0) expect(state).toBe("ready");
        }
      };
      const rest = async (ms: number): Promise<void> => {
        await clock.advance(ms);
        for (let turn = 0; turn < 6; turn++) {
          await clock.turn();
          check();
        }
      };
      const ask = (one: ModelVersion): Promise<void> => one.activate(requestAt(clock), clock);
      void hosts.manager.prefer(pinned);
      for (const each of models)
        void (each.spec.residency?.kind === "on-demand" ? hosts.manager.standBy(each) : hosts.manager.prefer(each));
      await rest(0);
      for (const each of commands) {
        if (each.do === "ask") void ask(models[each.model] as ModelVersion).catch(() => undefined);
        else if (each.do === "scale") void hosts.manager.scale(models[each.model] as ModelVersion, each.to).catch(() => undefined);
        else if (each.do === "fail") hosts.failures.set(`m${each.model}`, [new ServeError("UNAVAILABLE", "a test")]);
        else if (each.do === "kill") [...hosts.processes.values()][each.process]?.("was killed by a test");
        await rest(each.do === "wait" ? each.ms : 0);
      }
      hosts.failures.clear();
      for (let step = 0; step < 60; step++) await rest(3_000);
      for (const each of models) {
        if (each.state === "failed" || each.state === "registered") void hosts.manager.start(each);
        await rest(100);
        let answered = false;
        void ask(each).then(
          () => {
            answered = true;
          },
          () => undefined,
        );
        for (let look = 0; look < 20 && !answered; look++) await rest(100);
        expect([each.spec.name, answered, each.state]).toEqual([each.spec.name, true, "ready"]);
      }
      // minReplicas are what they say.
      expect([pinned.state, pinned.replicas.counts.ready]).toEqual(["ready", 2]);
      for (const each of models) void hosts.manager.scale(each, "auto").catch(() => undefined);
      for (let step = 0; step < 60; step++) await rest(1_000);
      for (const { state, replicas } of models) expect(replicas.counts.ready).toBe(state === "ready" ? 1 : 0);
      await hosts.manager.close();
      await settle();
      expect([hosts.ledger.reserved(MEMORY), hosts.ledger.reserved(MODELS), hosts.processes.size]).toEqual([0, 0, 0]);
    }),
    { numRuns: 15 },
  );
}, 60_000);

function requestAt(clock: FakeClock): RequestContext {
  return new RequestContext({ deadline: clock.now() + 1e9, record: createRecord("v2", "m", clock.now()) });
}
