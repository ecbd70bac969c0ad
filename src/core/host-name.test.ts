import { expect, it } from "vitest";
import { hostName, isHostOf } from "./host-name.ts";

it("finds the hosts of a model by their names, also when a namespace is called like a model", () => {
  const own = hostName({ namespace: "default", name: "iris", version: "2" });
  const other = hostName({ namespace: "iris", name: "default", version: "2" });
  expect([own, other].map(isHostOf("default", "iris"))).toEqual([true, false]);
  expect([own, other].map(isHostOf("iris", "default"))).toEqual([false, true]);
});
