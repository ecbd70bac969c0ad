import fc from "fast-check";
import { expect, it } from "vitest";
import { FakeClock, settle } from "../../test/fake-clock.ts";
import { FakeHosts, modelSpec } from "../../test/fake-hosts.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import type { DeviceWish } from "../core/device.ts";
import { ServeError } from "../core/errors.ts";
import type { Residency } from "../core/model.ts";
import type { ModelVersion } from "./model-version.ts";
import { type EvictionPolicyName, MEMORY, MODELS } from "./residency/index.ts";

const MEBIBYTE = 1048576;
const MODEL_COUNT = 6;

type Command =
  | { readonly do: "ask"; readonly model: number }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "kill"; readonly model: number }
  /** The next load fails. */
  | { readonly do: "fail"; readonly model: number }
  /** The next request is never answered, until its host ends. */
  | { readonly do: "stick"; readonly model: number }
  /** The host uses so much from now on, of the memory and of its devices. */
  | { readonly do: "grow"; readonly model: number; readonly mebibytes: number };

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
  { weight: 1, arbitrary: fc.record({ do: fc.constant("fail" as const), model }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("stick" as const), model }) },
);
const growth: fc.Arbitrary<Command> = fc.record({
  do: fc.constant("grow" as const),
  model,
  mebibytes: fc.constantFrom(10, 150, 400, 900, 3_000),
});
const wish: fc.Arbitrary<DeviceWish> = fc.constantFrom<DeviceWish>(
  { kind: "cpu" },
  { kind: "count", count: 1, asked: "one" },
  { kind: "count", count: 2, asked: "two" },
  { kind: "index", index: 1, asked: "the second" },
);

const scenario = (commands: fc.Arbitrary<Command>): fc.Arbitrary<Scenario> =>
  fc.record({
    commands: fc.array(commands, { maxLength: 40 }),
    residencies: fc.array(residency, { minLength: MODEL_COUNT, maxLength: MODEL_COUNT }),
    wishes: fc.array(wish, { minLength: MODEL_COUNT, maxLength: MODEL_COUNT }),
    policy: fc.constantFrom<EvictionPolicyName>("cost", "lru", "lfu", "fifo"),
  });

interface Scenario {
  readonly commands: readonly Command[];
  readonly residencies: readonly Residency[];
  readonly wishes: readonly DeviceWish[];
  readonly policy: EvictionPolicyName;
}

/** Room for the pinned one and two others, by memory or by number; each device holds two models of 600 MiB, or a part of each. */
const BUDGETS: Readonly<Record<string, number>> = {
  [MEMORY]: 300 * MEBIBYTE,
  [MODELS]: 3,
  "device 0": 1_300 * MEBIBYTE,
  "device 1": 1_250 * MEBIBYTE,
};

/** One pinned model and others, on a machine that is too small for all. */
class World {
  readonly clock = new FakeClock();
  readonly hosts: FakeHosts;
  readonly pinned: ModelVersion;
  readonly models: readonly ModelVersion[];
  readonly all: ReadonlyMap<string, ModelVersion>;
  readonly evicted: string[] = [];
  /** Names of models that went while they worked. */
  readonly evictedBusy: string[] = [];
  readonly #check: () => void;

  constructor({ residencies, wishes, policy }: Scenario, check: (world: World) => void) {
    const { "device 0": first = 0, "device 1": second = 0, [MEMORY]: memory = 0, [MODELS]: models = 0 } = BUDGETS;
    this.hosts = new FakeHosts(this.clock, memory, 1, 1e12, { models, policy, devices: [first, second], outgrowFactor: 3 });
    const wishOf = (index: number): DeviceWish => wishes[index] ?? { kind: "cpu" };
    this.pinned = this.hosts.createModel({ ...modelSpec("pinned", "pinned"), residency: { kind: "pinned" }, device: wishOf(0) });
    this.models = residencies.map((each, index) =>
      this.hosts.createModel({ ...modelSpec(`m${index}`, `m${index}`), residency: each, device: wishOf(index) }),
    );
    this.all = new Map([this.pinned, ...this.models].map((each) => [each.spec.name, each]));
    this.hosts.events.on("model-evicted", ({ model: name }) => {
      this.evicted.push(name);
      if (this.all.get(name)?.scheduler.busy === true) this.evictedBusy.push(name);
    });
    this.#check = () => check(this);
  }

  /** What is above its budget. */
  get over(): string[] {
    return Object.entries(BUDGETS).flatMap(([account, budget]) => (this.hosts.ledger.reserved(account) > budget ? [account] : []));
  }

  async rest(ms: number): Promise<void> {
    await this.clock.advance(ms);
    for (let turn = 0; turn < 8; turn++) {
      await this.clock.turn();
      this.#check();
    }
  }

  /** As a request comes, which is answered with itself. */
  /** Requests of one `value` are equal, and two deaths of hosts that had nothing else are enough to refuse all of them. */
  async ask(one: ModelVersion, value = 1): Promise<void> {
    const context = requestAt(this.clock);
    await one.activate(context, this.clock);
    await one.scheduler.run({ method: "predict", payload: { kind: "json", value } }, {}, context);
  }

  async begin(): Promise<void> {
    const { manager } = this.hosts;
    void manager.prefer(this.pinned);
    for (const each of this.models) void (each.spec.residency?.kind === "on-demand" ? manager.standBy(each) : manager.prefer(each));
    await this.rest(0);
  }

  async carryOut(each: Command): Promise<void> {
    const { hosts } = this;
    if (each.do !== "wait") {
      const one = this.models[each.model] as ModelVersion;
      const { name } = one.spec;
      if (each.do === "ask" || each.do === "stick") {
        if (each.do === "stick") hosts.stuck.add(name);
        void this.ask(one).catch(() => undefined);
      } else if (each.do === "kill") hosts.running.get(name)?.kill("was killed by a test");
      else if (each.do === "fail") hosts.failures.set(name, [new ServeError("UNAVAILABLE", "a test had it fail")]);
      else if (one.hostPid !== undefined) {
        hosts.memory.set(one.hostPid, each.mebibytes * MEBIBYTE);
        const devices = [0, 1].filter((index) => one.status(true).devices.includes(`device ${index} (Fake)`));
        hosts.deviceMemory.set(one.hostPid, new Map(devices.map((index) => [index, each.mebibytes * MEBIBYTE])));
      }
    }
    await this.rest(each.do === "wait" ? each.ms : 0);
    if (each.do === "stick") hosts.stuck.clear();
  }

  /** Nothing is stuck, grown or to fail any more; what has failed is tried again, as the reconciler would. */
  async calmDown(): Promise<void> {
    const { hosts } = this;
    hosts.failures.clear();
    hosts.memory.clear();
    hosts.deviceMemory.clear();
    for (const each of hosts.running.values()) each.kill("was killed at the end of a test");
    await this.waitLong();
    for (const each of this.all.values()) if (each.failure !== undefined) void hosts.manager.prefer(each);
    await this.waitLong();
  }

  /** Minutes; restarts and retries have short steps at first. */
  async waitLong(): Promise<void> {
    for (let second = 0; second < 30; second++) await this.rest(1_000);
    for (let look = 0; look < 12; look++) await this.rest(10_000);
  }

  /** Which models are loaded, and what of the budgets they hold. */
  get picture(): unknown {
    return [
      [...this.all].map(([name, each]) => [name, each.state, each.hostPid]),
      Object.keys(BUDGETS).map((account) => this.hosts.ledger.reserved(account)),
    ];
  }

  /** When requests stop, what is loaded stays so; the pinned one is among it, and every model answers when it is asked. */
  async expectConvergence(): Promise<void> {
    await this.calmDown();
    const { picture, pinned, hosts } = this;
    await this.waitLong();
    expect(this.picture).toEqual(picture);
    expect([pinned.state, this.over, this.evictedBusy]).toEqual(["ready", [], []]);
    for (const each of this.all.values()) {
      let answer = "";
      void this.ask(each, 2).then(
        () => {
          answer = "answered";
        },
        (error: Error) => {
          answer = error.message;
        },
      );
      for (let look = 0; look < 10 && answer === ""; look++) await this.rest(100);
      expect([each.spec.name, answer, each.state]).toEqual([each.spec.name, "answered", "ready"]);
    }
    expect(this.evicted).not.toContain("pinned");
    await hosts.manager.close();
    await settle();
    expect([...Object.keys(BUDGETS).map((account) => hosts.ledger.reserved(account)), hosts.processes.size]).toEqual([0, 0, 0, 0, 0]);
  }
}

it("never reserves more than there is, never takes a pinned or busy model, and answers every model in the end", async () => {
  await fc.assert(
    fc.asyncProperty(scenario(command), async (given) => {
      const world = new World(given, ({ over, hosts }) => {
        expect(over).toEqual([]);
        expect(hosts.processes.size).toBeLessThanOrEqual(3);
      });
      await world.begin();
      for (const each of given.commands) await world.carryOut(each);
      expect(world.evictedBusy).toEqual([]);
      await world.expectConvergence();
    }),
    { numRuns: 30 },
  );
}, 60_000);

it("comes back into its budgets when hosts have grown beyond them, without taking a pinned or busy model", async () => {
  await fc.assert(
    fc.asyncProperty(scenario(fc.oneof({ weight: 5, arbitrary: command }, { weight: 2, arbitrary: growth })), async (given) => {
      const world = new World(given, ({ evictedBusy, evicted }) => {
        expect([evictedBusy, evicted.includes("pinned")]).toEqual([[], false]);
      });
      await world.begin();
      for (const each of given.commands) await world.carryOut(each);
      await world.expectConvergence();
    }),
    { numRuns: 30 },
  );
}, 60_000);

function requestAt(clock: FakeClock): RequestContext {
  return new RequestContext({ deadline: clock.now() + 1e9, record: createRecord("v2", "m", clock.now()) });
}
