import { beforeEach, describe, expect, it, vi } from "vitest";
import { FakeClock, settle } from "../../test/fake-clock.ts";
import { FakeHosts, modelSpec } from "../../test/fake-hosts.ts";
import { ServeError } from "../core/errors.ts";
import { Registry } from "../models/index.ts";
import { PlanError, type Revision } from "./course.ts";
import { Rollout } from "./rollout.ts";

const TARGET = { namespace: "default", name: "iris" };

let clock: FakeClock;
let hosts: FakeHosts;
let registry: Registry;
let rollout: Rollout;
let served: number[];

beforeEach(() => {
  clock = new FakeClock();
  hosts = new FakeHosts(clock);
  registry = new Registry();
  served = [];
  rollout = new Rollout({
    ...TARGET,
    registry,
    manager: hosts.manager,
    clock,
    createModel: hosts.createModel,
    onChange: () => undefined,
    onServing: ({ generation }) => served.push(generation),
  });
  hosts.events.on("model-state-changed", () => rollout.modelChanged());
});

function named(generation: number): Pick<Revision, "name" | "generation" | "key" | "tags"> {
  return { name: `iris-0000${generation}`, generation, key: String(generation), tags: [] };
}

function revision(generation: number, file: string, minReplicas = 1): Revision {
  return { ...named(generation), minReplicas, plan: async () => [modelSpec("iris", file)] };
}

async function rest(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await settle();
}

/** The file of the model that a request would reach, or what the client would hear. */
function answers(): string {
  try {
    const model = registry.find(TARGET);
    model.assertReady();
    return model.spec.file;
  } catch (error) {
    return (error as Error).message;
  }
}

describe("a rollout", () => {
  it("serves a revision when it is ready, and says so once", async () => {
    hosts.held.add("a");
    rollout.desire(revision(1, "a"));
    await rest();
    expect(answers()).toContain("is not ready");
    hosts.release("a");
    await rest();
    expect(answers()).toBe("a");
    rollout.modelChanged();
    expect(served).toEqual([1]);
    expect(rollout.active).toBe(rollout.target);
  });

  it("keeps the old revision until the new one answers, and ends the old one then", async () => {
    rollout.desire(revision(1, "a"));
    await rest();
    hosts.held.add("b");
    rollout.desire(revision(2, "b"));
    await rest();
    expect(answers()).toBe("a");
    hosts.release("b");
    await rest();
    expect(answers()).toBe("b");
    expect([...hosts.running.keys()]).toEqual(["b"]);
    expect(served).toEqual([1, 2]);
  });

  it("keeps the old revision when the new one fails, with the reason", async () => {
    rollout.desire(revision(1, "a"));
    await rest();
    hosts.failures.set("b", [new ServeError("FAILED_PRECONDITION", "it is corrupt")]);
    rollout.desire(revision(2, "b"));
    await rest();
    expect(answers()).toBe("a");
    expect(rollout.target?.phase).toBe("failed");
    expect(rollout.target?.failure?.message).toBe("it is corrupt\n  last words");
    expect(rollout.target?.failure?.retryDelay).toBeUndefined();
    expect(clock.timers).toBe(0);
  });

  it("gives up a revision that is still on its way when another one is wanted", async () => {
    hosts.held.add("a");
    rollout.desire(revision(1, "a"));
    await rest();
    rollout.desire(revision(2, "b"));
    await rest();
    expect(answers()).toBe("b");
    hosts.release("a");
    await rest();
    expect(answers()).toBe("b");
    expect([...hosts.running.keys()]).toEqual(["b"]);
    expect(served).toEqual([2]);
  });

  it("tries again with back-off what may go away by itself, in the plan", async () => {
    let attempts = 0;
    const plan = async () => {
      attempts++;
      if (attempts < 3) throw new ServeError("UNAVAILABLE", "the server is down");
      return [modelSpec("iris", "a")];
    };
    rollout.desire({ ...named(1), minReplicas: 1, plan });
    await rest();
    expect(rollout.target?.failure?.retryDelay).toBe(1_000);
    await clock.advance(1_000);
    await rest();
    expect(attempts).toBe(2);
    expect(rollout.target?.failure?.retryDelay).toBe(2_000);
    await clock.advance(2_000);
    await rest();
    expect(answers()).toBe("a");
    expect(rollout.target?.failure).toBeUndefined();
  });

  it("tries again a model whose host died while it loaded, but not for ever", async () => {
    hosts.failures.set(
      "a",
      [1, 2, 3, 4].map(() => new ServeError("ABORTED", "its host was killed by SIGKILL while it loaded the model")),
    );
    rollout.desire(revision(1, "a"));
    await rest();
    for (const delay of [1_000, 2_000]) {
      expect(rollout.target?.failure?.retryDelay).toBe(delay);
      await clock.advance(delay);
      await rest();
    }
    expect(rollout.target?.failure?.attempts).toBe(3);
    expect(rollout.target?.failure?.retryDelay).toBeUndefined();
    expect(clock.timers).toBe(0);
  });

  it("does not try again what only a change of the resource can help, until it is applied once more", async () => {
    let possible = false;
    const plan = async () => {
      if (!possible) throw new PlanError("NoSupportingRuntime", "no runtime");
      return [modelSpec("iris", "a")];
    };
    rollout.desire({ ...named(1), minReplicas: 1, plan });
    await rest();
    expect(rollout.target?.failure?.reason).toBe("NoSupportingRuntime");
    expect(answers()).toContain("no runtime");
    expect(clock.timers).toBe(0);
    possible = true;
    rollout.retry();
    await rest();
    expect(answers()).toBe("a");
  });

  it("loads nothing before the first request when no replica is wanted", async () => {
    rollout.desire(revision(1, "a", 0));
    await rest();
    expect(hosts.loads).toEqual([]);
    expect(registry.find(TARGET).state).toBe("standby");
    expect(served).toEqual([1]);
  });

  it("proves a revision without replicas before it replaces one that answers", async () => {
    rollout.desire(revision(1, "a"));
    await rest();
    hosts.failures.set("b", [new ServeError("FAILED_PRECONDITION", "it is corrupt")]);
    rollout.desire(revision(2, "b", 0));
    await rest();
    expect(answers()).toBe("a");
    expect(rollout.target?.failure?.message).toContain("it is corrupt");
  });

  it("keeps saying why a plan failed when the model that serves meanwhile changes its state", async () => {
    rollout.desire(revision(1, "a"));
    await rest();
    rollout.desire({ ...named(2), minReplicas: 1, plan: () => Promise.reject(new PlanError("NoSupportingRuntime", "no runtime")) });
    await rest();
    hosts.running.get("a")?.kill("was killed by SIGKILL");
    await rest();
    await clock.advance(0);
    await rest();
    expect(answers()).toBe("a");
    expect(rollout.target?.failure?.message).toBe("no runtime");
  });

  it("counts each failure once, whatever else happens, also when several versions fail", async () => {
    const corrupt = (): Error[] => [new ServeError("FAILED_PRECONDITION", "it is corrupt")];
    hosts.failures.set("a", corrupt());
    hosts.failures.set("b", corrupt());
    rollout.desire({ ...named(1), minReplicas: 1, plan: async () => [modelSpec("iris", "a"), modelSpec("iris", "b", "2")] });
    await rest();
    for (let times = 0; times < 3; times++) rollout.modelChanged();
    expect(rollout.target?.failure).toMatchObject({ attempts: 1, retryDelay: undefined });
    expect(rollout.target?.failure?.message).toContain("version 2: it is corrupt");
  });

  it("counts failures that come within one millisecond", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    hosts.failures.set(
      "a",
      [1, 2].map(() => new ServeError("UNAVAILABLE", "later")),
    );
    rollout.desire(revision(1, "a"));
    await rest();
    await clock.advance(1_000);
    await rest();
    vi.useRealTimers();
    expect(rollout.target?.failure).toMatchObject({ attempts: 2, retryDelay: 2_000 });
    expect(clock.timers).toBe(1);
  });

  it("tries a restored revision again until it or a newer one serves", async () => {
    hosts.failures.set("a", [new ServeError("UNAVAILABLE", "the disk is not mounted yet")]);
    hosts.failures.set("b", [new ServeError("FAILED_PRECONDITION", "it is corrupt")]);
    rollout.restore(revision(1, "a"));
    await rollout.tried;
    rollout.desire(revision(2, "b"));
    await rest();
    expect(answers()).toContain("not mounted");
    await clock.advance(1_000);
    await rest();
    expect(answers()).toBe("a");
    expect(rollout.target?.failure?.message).toContain("it is corrupt");
    rollout.desire(revision(3, "c"));
    await rest();
    expect(answers()).toBe("c");
    expect([...hosts.running.keys()]).toEqual(["c"]);
    expect(served).toEqual([3]);
    expect(clock.timers).toBe(0);
  });

  it("proves a revision without replicas before it replaces one that stands by", async () => {
    rollout.restore(revision(1, "a", 0));
    await rest();
    hosts.failures.set("b", [new ServeError("FAILED_PRECONDITION", "it is corrupt")]);
    rollout.desire(revision(2, "b", 0));
    await rest();
    expect(registry.find(TARGET).spec.file).toBe("a");
    expect(registry.find(TARGET).state).toBe("standby");
    expect(served).toEqual([]);
  });

  it("ends everything when it stops, also what is on its way and what waits for another attempt", async () => {
    rollout.desire(revision(1, "a"));
    await rest();
    hosts.failures.set("b", [new ServeError("UNAVAILABLE", "later")]);
    rollout.desire(revision(2, "b"));
    await rest();
    expect(clock.timers).toBe(1);
    await rollout.stop();
    expect(clock.timers).toBe(0);
    expect(hosts.running.size).toBe(0);
    expect(answers()).toContain("does not exist");
    rollout.desire(revision(3, "c"));
    await rest();
    expect(hosts.loads).not.toContain("c");
  });
});
