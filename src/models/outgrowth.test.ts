import { beforeEach, describe, expect, it } from "vitest";
import { FakeClock, settle } from "../../test/fake-clock.ts";
import { FakeHosts, modelSpec } from "../../test/fake-hosts.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import type { ServeError } from "../core/errors.ts";
import type { Payload } from "../core/inference.ts";
import type { ModelVersion } from "./model-version.ts";

const MEBIBYTE = 1048576;
const payload: Payload = { kind: "json", value: 1 };

let clock: FakeClock;
let hosts: FakeHosts;
let told: string[];

beforeEach(() => begin(10_000));

function begin(mebibytes: number, places = 1): void {
  clock = new FakeClock();
  hosts = new FakeHosts(clock, mebibytes * MEBIBYTE, places, 1e12, { outgrowFactor: 3 });
  told = [];
  hosts.events.on("model-outgrown", ({ model, action, reason }) => told.push(`${model} ${action}: ${reason}`));
}

async function rest(ms = 0): Promise<void> {
  await clock.advance(ms);
  for (let turn = 0; turn < 12; turn++) {
    await clock.turn();
    await settle();
  }
}

async function started(...names: readonly string[]): Promise<ModelVersion[]> {
  const models = names.map((name) => hosts.createModel(modelSpec(name, name)));
  for (const each of models) void hosts.manager.start(each);
  await rest();
  return models;
}

const request = (): RequestContext => new RequestContext({ deadline: clock.now() + 1e9, record: createRecord("v2", "m", clock.now()) });

/** As requests come: the model is woken where that is needed. */
async function ask(model: ModelVersion): Promise<string> {
  const answer = begun(model);
  await rest();
  return await answer;
}

async function begun(model: ModelVersion): Promise<string> {
  try {
    const context = request();
    await model.activate(context, clock);
    await model.scheduler.run({ method: "predict", payload }, {}, context);
    return "answered";
  } catch (error) {
    return (error as ServeError).code;
  }
}

function use(model: ModelVersion, mebibytes: number): void {
  hosts.memory.set(model.hostPid as number, mebibytes * MEBIBYTE);
}

describe("a host that outgrows what was reserved for it", () => {
  it("is exchanged for one that serves before it goes, and no request is lost", async () => {
    const [model] = (await started("a")) as [ModelVersion];
    const before = model.hostPid as number;
    // Small ones may grow by half a gibibyte, whatever the factor says.
    use(model, 600);
    await rest(5_000);
    expect([told, hosts.processes.size]).toEqual([[], 1]);
    use(model, 700);
    hosts.held.add("a");
    await rest(5_000);
    expect(told).toEqual([
      "a restart: its host uses 700 MiB, and 90 MiB were reserved when it had been loaded; that is more than --outgrow-factor allows (602 MiB)",
    ]);
    expect([model.state, hosts.processes.size, await ask(model)]).toEqual(["ready", 2, "answered"]);
    expect(hosts.processes.has(before)).toBe(true);
    hosts.release("a");
    await rest();
    expect([model.state, hosts.processes.size, hosts.processes.has(before), await ask(model)]).toEqual(["ready", 1, false, "answered"]);
    expect(hosts.ledger.reserved("memory")).toBe(90 * MEBIBYTE + 2);
    expect(hosts.ledger.reserved("models")).toBe(1);
    expect(model.hostExits).toBe(0);
  });

  it("finishes what is under way first where there is no room for two, and requests wait meanwhile", async () => {
    begin(750);
    const [model] = (await started("a")) as [ModelVersion];
    const before = model.hostPid as number;
    hosts.stuck.add("a");
    const stuck = begun(model);
    await rest();
    hosts.stuck.delete("a");
    use(model, 700);
    await rest(5_000);
    expect(told).toHaveLength(1);
    expect([model.state, hosts.processes.has(before)]).toEqual(["standby", true]);
    const waiting = begun(model);
    await rest();
    // What it worked on ends with its host, as if that were its answer.
    hosts.processes.get(before)?.("was ended by a test");
    await rest(1_000);
    expect([await waiting, model.state, hosts.processes.size]).toEqual(["answered", "ready", 1]);
    expect(hosts.processes.has(before)).toBe(false);
    await stuck;
  });

  it("costs its model the second time within ten minutes, and only the first time after that", async () => {
    const [model, other] = (await started("a", "b")) as [ModelVersion, ModelVersion];
    const grow = async (): Promise<void> => {
      use(model, 3_000);
      await rest(5_000);
      await rest(5_000);
    };
    await grow();
    await rest(600_000);
    await grow();
    expect([model.state, told.map((text) => text.split(":", 1)[0])]).toEqual(["ready", ["a restart", "a restart"]]);
    await grow();
    expect(told[2]).toMatch(/^a refuse: its host uses 3000 MiB, and 90 MiB were reserved .* for the second time within 10 minutes/);
    expect(model).toMatchObject({ state: "failed", failure: { code: "FAILED_PRECONDITION" } });
    expect(model.failure?.message).toContain("see whether it leaks, or raise --outgrow-factor\n  last words");
    expect([await ask(model), other.state, hosts.processes.size]).toEqual(["UNAVAILABLE", "ready", 1]);
    expect(hosts.ledger.reserved("memory")).toBe(90 * MEBIBYTE + 2);
  });

  it("is exchanged with all models that share it", async () => {
    begin(10_000, 2);
    const models = await started("a", "b");
    expect(hosts.processes.size).toBe(1);
    use(models[0] as ModelVersion, 3_000);
    await rest(5_000);
    await rest(5_000);
    expect(told.map((text) => text.split(":", 1)[0])).toEqual(["a restart", "b restart"]);
    expect(models.map(({ state }) => state)).toEqual(["ready", "ready"]);
    expect(hosts.running.get("a")?.pid).not.toBe(1);
  });

  it("is exchanged in place when the new one does not load", async () => {
    const [model] = (await started("a")) as [ModelVersion];
    const before = model.hostPid;
    hosts.failures.set("a", [new Error("no luck")]);
    use(model, 3_000);
    await rest(5_000);
    await rest();
    expect([model.state, model.hostPid === before, hosts.processes.size, await ask(model)]).toEqual(["ready", false, 1, "answered"]);
  });
});
