import { expect, it } from "vitest";
import { callOrigin } from "../test/call-origin.ts";
import { FakeClock } from "../test/fake-clock.ts";
import type { NestedControl } from "./core/nested-control.ts";
import { createNestedControl, withoutChanges } from "./nested-control.ts";

it("lets a model that nobody trusts see what is ready, and change nothing", async () => {
  const never = (): Promise<never> => Promise.reject(new Error("it was asked"));
  const control: NestedControl = { ready: async ({ name }) => name === "there", load: never, unload: never };
  const { ready, load, unload } = withoutChanges(control, "m");
  const target = (name: string) => ({ namespace: "default", name });
  expect([await ready(target("there")), await ready(target("other"))]).toEqual([true, false]);
  const refused = { code: "PERMISSION_DENIED", message: expect.stringContaining("model 'm' may not load or unload models") };
  await expect(load(target("there"), { configuration: undefined, files: new Map() }, callOrigin({}))).rejects.toMatchObject(refused);
  await expect(unload(target("there"), false)).rejects.toMatchObject(refused);
});

it("takes no name that leads out of a folder", async () => {
  const loaded: string[] = [];
  const repository = {
    assertChangeable: () => undefined,
    holds: async () => true,
    load: async ({ name }: { name: string }) => void loaded.push(name),
    unload: async () => undefined,
  };
  const readiness = (): never => {
    throw new Error("nobody asks");
  };
  const { load } = createNestedControl({ readiness, repository }, new FakeClock());
  const named = (name: string) => load({ namespace: "default", name }, { configuration: undefined, files: new Map() }, callOrigin({}));
  await named("other");
  for (const name of ["../other", "a/b", ""]) await expect(named(name)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  expect(loaded).toEqual(["other"]);
});
