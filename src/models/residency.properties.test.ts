import fc from "fast-check";
import { expect, it } from "vitest";
import { FakeClock, settle } from "../../test/fake-clock.ts";
import { FakeHosts, modelSpec } from "../../test/fake-hosts.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import type { Residency } from "../core/model.ts";
import type { ModelVersion } from "./model-version.ts";
import { type EvictionPolicyName, MEMORY, MODELS } from "./residency/index.ts";

const MEBIBYTE = 1048576;
const MODEL_COUNT = 6;

type Command =
  | { readonly do: "ask"; readonly model: number }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "kill"; readonly model: number };

const residency: fc.Arbitrary<Residency> = fc.constantFrom<Residency>(
  { kind: "preferred" },
  { kind: "preferred", idleMs: 5_000 },
  { kind: "on-demand", idleMs: 2_000 },
);
const model = fc.integer({ min: 0, max: MODEL_COUNT - 1 });
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("ask" as const), model }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 20, 500, 3_000, 90_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("kill" as const), model }) },
);

it("never reserves more than there is, never takes a pinned model, and answers every model in the end", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(command, { maxLength: 40 }),
      fc.array(residency, { minLength: MODEL_COUNT, maxLength: MODEL_COUNT }),
      fc.constantFrom<EvictionPolicyName>("cost", "lru", "lfu", "fifo"),
      async (commands, residencies, policy) => {
        const clock = new FakeClock();
        // Room for the pinned one and two others, by memory or by number.
        const memory = 300 * MEBIBYTE;
        const hosts = new FakeHosts(clock, memory, 1, undefined, { models: 3, policy });
        const pinned = hosts.createModel({ ...modelSpec("pinned", "pinned"), residency: { kind: "pinned" } });
        const models = residencies.map((each, index) => hosts.createModel({ ...modelSpec(`m${index}`, `m${index}`), residency: each }));
        const evicted: string[] = [];
        hosts.events.on("model-evicted", ({ model: name }) => evicted.push(name));
        const check = (): void => {
          expect(hosts.ledger.reserved(MEMORY)).toBeLessThanOrEqual(memory);
          expect(hosts.ledger.reserved(MODELS)).toBeLessThanOrEqual(3);
          expect(hosts.processes.size).toBeLessThanOrEqual(3);
        };
        const rest = async (ms: number): Promise<void> => {
          await clock.advance(ms);
          for (let turn = 0; turn < 8; turn++) {
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
          else if (each.do === "kill") hosts.running.get(`m${each.model}`)?.kill("was killed by a test");
          await rest(each.do === "wait" ? each.ms : 0);
        }
        for (let second = 0; second < 120; second++) await rest(1_000);
        for (const each of [pinned, ...models]) {
          let answered = false;
          void ask(each).then(() => {
            answered = true;
          });
          for (let look = 0; look < 10 && !answered; look++) await rest(100);
          expect([each.spec.name, answered, each.state]).toEqual([each.spec.name, true, "ready"]);
        }
        expect(pinned.hostExits).toBe(0);
        expect(evicted).not.toContain("pinned");
        await hosts.manager.close();
        await settle();
        expect([hosts.ledger.reserved(MEMORY), hosts.ledger.reserved(MODELS), hosts.processes.size]).toEqual([0, 0, 0]);
      },
    ),
    { numRuns: 60 },
  );
}, 60_000);

function requestAt(clock: FakeClock): RequestContext {
  return new RequestContext({ deadline: clock.now() + 1e9, record: createRecord("v2", "m", clock.now()) });
}
