import { describe, expect, it } from "vitest";
import { FakeClock } from "../../test/fake-clock.ts";
import { FakeHosts, modelSpec } from "../../test/fake-hosts.ts";
import { Registry } from "../models/index.ts";
import type { ReplicaHost } from "../models/model-replicas.ts";
import { type ControlPlaneOptions, createControlPlane } from "./control-plane.ts";

describe("the server's readiness", () => {
  const registry = new Registry();
  const hosts = new FakeHosts(new FakeClock());
  const ready = (strictReadiness: boolean): boolean => {
    const parts = { registry, rejections: () => [], tried: () => true, strictReadiness } as Partial<ControlPlaneOptions>;
    return createControlPlane(parts as ControlPlaneOptions).ready();
  };
  const models = ["one", "other"].map((name) => {
    const model = hosts.createModel(modelSpec(name, name));
    registry.set({ namespace: "default", name }, [model]);
    return model;
  });

  it("is that of its first model, or of all models that somebody wants", () => {
    const [one, other] = models;
    expect([ready(false), ready(true)]).toEqual([false, false]);
    one?.become("ready", "");
    expect([ready(false), ready(true)]).toEqual([true, false]);
    other?.become("ready", "");
    expect([ready(false), ready(true)]).toEqual([true, true]);
    other?.fail("failed", "INTERNAL", "no graph in it");
    expect([ready(false), ready(true)]).toEqual([true, false]);
    // As one that has been unloaded.
    other?.standBy(() => Promise.resolve());
    if (other !== undefined) other.drained = true;
    expect([ready(false), ready(true)]).toEqual([true, true]);
  });
});

describe("whether a model is ready", () => {
  const registry = new Registry();
  const model = new FakeHosts(new FakeClock()).createModel(modelSpec("m", "m"));
  registry.set({ namespace: "default", name: "m" }, [model]);
  const { readiness } = createControlPlane({ registry } as unknown as ControlPlaneOptions);
  const answers = async (): Promise<unknown> => {
    const status = await readiness({ namespace: "default", name: "m" });
    return status.answers ? true : status.reason;
  };
  const host = (checkReadiness?: () => Promise<string | undefined>, serves = true): ReplicaHost => {
    return { pid: 1, bytes: 0, deviceBytes: 0, devices: [], serves, checkReadiness };
  };

  it("is for its own code to say in each replica that serves", async () => {
    expect(await answers()).toBe("waiting for its turn to load");
    model.become("ready", "");
    expect(await answers()).toBe(true);
    for (const each of [host(), host(async () => undefined), host(async () => "still loading", false)]) model.replicas.hosts.add(each);
    expect(await answers()).toBe(true);
    model.replicas.hosts.add(host(async () => "no database"));
    expect(await answers()).toBe("no database");
    await expect(readiness({ namespace: "default", name: "other" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("what models have printed", () => {
  const registry = new Registry();
  const lines = new Map([
    ["add_sub/1", "from add_sub"],
    ["add/1", "from add"],
  ]);
  const list = (isWanted: (host: string) => boolean): string[] => [...lines].flatMap(([host, line]) => (isWanted(host) ? [line] : []));
  const logs: Pick<ControlPlaneOptions["logs"], "list"> = { list };
  const hosts = new FakeHosts(new FakeClock());
  for (const name of ["add_sub", "add"]) registry.set({ namespace: "default", name }, [hosts.createModel(modelSpec(name, name))]);
  const ownerOf = ({ name }: { name: string }): string => name.replaceAll("_", "-");
  const resources = { list: () => ({ items: [] }) } as unknown as ControlPlaneOptions["resources"];
  const { activity } = createControlPlane({ registry, logs, resources, ownerOf } as unknown as ControlPlaneOptions);

  it("is found by the name of a model, and by that of its service", () => {
    for (const name of ["add_sub", "add-sub"]) expect(activity.logs("default", name)).toEqual(["from add_sub"]);
    expect(activity.logs("default", "add")).toEqual(["from add"]);
    expect(() => activity.logs("default", "sub")).toThrow("there is no model sub in the namespace default");
  });
});
