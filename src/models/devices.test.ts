import { beforeEach, describe, expect, it } from "vitest";
import { FakeClock, settle } from "../../test/fake-clock.ts";
import { FakeHosts, type FakeMachine, modelSpec } from "../../test/fake-hosts.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import type { DeviceWish } from "../core/device.ts";
import type { ModelSpec } from "../core/model.ts";
import type { ModelVersion } from "./model-version.ts";

const GIBIBYTE = 2 ** 30;
const ONE: DeviceWish = { kind: "count", count: 1, asked: "nvidia.com/gpu: 1" };
const TWO: DeviceWish = { kind: "count", count: 2, asked: "nvidia.com/gpu: 2" };
/** With what CUDA itself takes it is estimated at 1.5 GiB. */
const ARTEFACT = 624 * 2 ** 20;

let clock: FakeClock;
let hosts: FakeHosts;

function begin(machine: FakeMachine): void {
  clock = new FakeClock();
  hosts = new FakeHosts(clock, 100 * GIBIBYTE, 1, 100 * GIBIBYTE, machine);
}
beforeEach(() => begin({ devices: [2 * GIBIBYTE, 4 * GIBIBYTE] }));

async function rest(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) {
    await clock.turn();
    await settle();
  }
}

function model(name: string, device: DeviceWish | undefined, more: Partial<ModelSpec> = {}): ModelVersion {
  return hosts.createModel({ ...modelSpec(name, name), bytes: ARTEFACT, ...(device === undefined ? {} : { device }), ...more });
}

async function started(...models: readonly ModelVersion[]): Promise<void> {
  for (const each of models) void hosts.manager.prefer(each);
  await rest();
}

const visible = (of: ModelVersion): string | undefined => hosts.environments.get(of.hostPid as number)?.CUDA_VISIBLE_DEVICES;
const request = (): RequestContext => new RequestContext({ deadline: clock.now() + 1e9, record: createRecord("v2", "m", clock.now()) });
const outcome = (work: Promise<void>): Promise<string> =>
  work.then(
    () => "answered",
    (error: Error) => error.message,
  );

describe("models on devices", () => {
  it("go where least is left beside them, and their hosts see that device alone", async () => {
    const models = ["a", "b", "c"].map((name) => model(name, ONE));
    await started(...models);
    expect(models.map((each) => each.status(true).devices)).toEqual([["device 0 (Fake)"], ["device 1 (Fake)"], ["device 1 (Fake)"]]);
    expect(models.map(visible)).toEqual(["GPU-0", "GPU-1", "GPU-1"]);
    expect([hosts.ledger.reserved("device 0"), hosts.ledger.reserved("device 1")]).toEqual([1.5 * GIBIBYTE, 3 * GIBIBYTE]);
    expect(hosts.environments.get(models[0]?.hostPid as number)).toMatchObject({ TF_FORCE_GPU_ALLOW_GROWTH: "true" });
  });

  it("take several devices when they ask for several, and the one that they name", async () => {
    const both = model("both", TWO);
    const named = model("named", { kind: "index", index: 1, asked: 'nitrous/device: "1"' });
    await started(both, named);
    expect([both, named].map(visible)).toEqual(["GPU-0,GPU-1", "GPU-1"]);
    const half = Math.ceil((ARTEFACT * 1.5) / 2) + 600 * 2 ** 20;
    expect([hosts.ledger.reserved("device 0"), hosts.ledger.reserved("device 1")]).toEqual([half, half + 1.5 * GIBIBYTE]);
    await hosts.manager.remove(both);
    expect(hosts.ledger.reserved("device 0")).toBe(0);
  });

  it("get one when their framework would take it, unless they are to do without, and others see none", async () => {
    const torch = model("torch", undefined, { format: "pytorch" });
    const cpu = model("cpu", { kind: "cpu" }, { format: "pytorch" });
    const forest = model("forest", undefined, { format: "sklearn" });
    const cuda = model("cuda", undefined, { settings: { execution_providers: "cuda,cpu" } });
    const large = model("large", undefined, { format: "pytorch", bytes: 10 * GIBIBYTE });
    const models = [torch, cpu, forest, cuda, large];
    await started(...models);
    expect(models.map(visible)).toEqual(["GPU-0", "", "", "GPU-1", ""]);
  });

  it("are refused at once when they ask for what the machine has not, also on demand", async () => {
    const three = model("three", { kind: "count", count: 3, asked: "nvidia.com/gpu: 3" });
    const fifth = model("fifth", { kind: "index", index: 5, asked: 'nitrous/device: "5"' });
    await started(three);
    hosts.manager.standBy(fifth);
    expect(three.failure?.message).toBe(
      'it asks for nvidia.com/gpu: 3, and this machine has device 0 (Fake), device 1 (Fake); ask for less, or have it run without a GPU with nitrous/device: "cpu"',
    );
    expect([three, fifth].map(({ state, failure }) => [state, failure?.code])).toEqual([
      ["failed", "FAILED_PRECONDITION"],
      ["failed", "FAILED_PRECONDITION"],
    ]);
    begin({ devices: [] });
    const one = model("one", ONE);
    await started(one);
    expect(one.failure?.message).toContain("it asks for nvidia.com/gpu: 1, and this machine has no GPU (");
  });

  it("are refused with the arithmetic when no device could hold them, and when those there may not go", async () => {
    const huge = model("huge", ONE, { bytes: 4 * GIBIBYTE });
    await started(huge);
    expect(huge.failure).toMatchObject({ code: "RESOURCE_EXHAUSTED" });
    expect(huge.reason).toContain(
      "it needs about 6.6 GiB on a GPU; device 0 has 2.0 GiB of 2.0 GiB free, device 1 has 4.0 GiB of 4.0 GiB free",
    );
    begin({ devices: [2 * GIBIBYTE] });
    const pinned = model("pinned", ONE, { residency: { kind: "pinned" } });
    const other = model("other", ONE);
    await started(pinned, other);
    expect(other.state).toBe("standby");
    expect(await outcome(other.activate(request(), clock))).toContain(
      "it needs about 1.5 GiB on a GPU; device 0 has 0.5 GiB of 2.0 GiB free, and evicting what may go is not enough; stop other models",
    );
    expect(pinned.state).toBe("ready");
  });

  it("have others go from the device where that costs least, and nobody from elsewhere", async () => {
    begin({ devices: [2 * GIBIBYTE, 2 * GIBIBYTE] });
    const [first, second, third] = ["a", "b", "c"].map((name) => model(name, ONE)) as [ModelVersion, ModelVersion, ModelVersion];
    const forest = model("forest", { kind: "cpu" });
    await started(forest, first, second, third);
    expect(third.state).toBe("standby");
    await clock.advance(1_000);
    // The first is worth more now.
    await first.activate(request(), clock);
    await clock.advance(1_000);
    expect(await outcome(third.activate(request(), clock))).toBe("answered");
    expect([forest, first, second, third].map(({ state }) => state)).toEqual(["ready", "ready", "standby", "ready"]);
    expect(second.reason).toMatch(/^evicted: default\/c needed \d+ MiB of device 1 more, and default\/b costs least/);
    expect(third.status(true).devices).toEqual(["device 1 (Fake)"]);
  });

  it("count for what the driver says of them, after their load and at each look, and go when they grow too large", async () => {
    begin({ devices: [4 * GIBIBYTE] });
    const first = model("a", ONE);
    const second = model("b", ONE, { residency: { kind: "pinned" } });
    const forest = model("forest", { kind: "cpu" });
    await started(first, second, forest);
    hosts.deviceMemory.set(first.hostPid as number, new Map([[0, 1 * GIBIBYTE]]));
    await clock.advance(5_000);
    await rest();
    expect(hosts.ledger.reserved("device 0")).toBe(2.5 * GIBIBYTE);
    await second.activate(request(), clock);
    await clock.advance(1_000);
    hosts.deviceMemory.set(second.hostPid as number, new Map([[0, 6 * GIBIBYTE]]));
    for (let look = 0; look < 3; look++) {
      await clock.advance(5_000);
      await rest();
    }
    expect([first.state, second.state, forest.state]).toEqual(["standby", "ready", "ready"]);
    expect(first.reason).toMatch(/hosts use \d+ MiB of device 0 more than there is/);
  });
});
