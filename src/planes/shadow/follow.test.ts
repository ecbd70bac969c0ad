import { afterAll, beforeAll, expect, it } from "vitest";
import { makeArtefacts, Reconciled, removeArtefacts } from "../../../test/reconciled.ts";
import { followShadows } from "./follow.ts";
import { Shadows } from "./shadows.ts";

let root: string;
beforeAll(() => {
  root = makeArtefacts(["a"]);
});
afterAll(() => removeArtefacts(root));

it("has the shadows that annotations say, from before it began and as they change, until the end", async () => {
  const world = new Reconciled(root);
  const shadows = new Shadows({ plane: {} as never, registry: world.registry, clock: world.clock, onDifference: () => undefined });
  const names = (): string[] => shadows.reports().map(({ model, shadow, percent }) => `${model} ${shadow} ${percent}`);
  await world.apply("iris", "a", { annotations: { "nitrous/shadow": "service/next" } });
  await world.rest();
  const ending = new AbortController();
  const followed = followShadows(world.table, shadows, ending.signal);
  await world.rest();
  expect(names()).toEqual(["iris service/next 100"]);
  await world.apply("iris", "a", { annotations: { "nitrous/shadow": "revision/prev", "nitrous/shadow-percent": "5" } });
  await world.apply("tea", "a", { annotations: { "nitrous/shadow": "service/iris" } });
  await world.rest();
  expect(names()).toEqual(["iris revision/prev 5", "tea service/iris 100"]);
  await world.apply("iris", "a");
  await world.delete("tea");
  await world.rest();
  expect(names()).toEqual([]);
  expect(world.hosts.loads.filter((file) => file === world.file("a"))).toHaveLength(2);
  ending.abort();
  await followed;
  await world.reconciler.close();
});
