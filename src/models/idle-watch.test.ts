import { expect, it } from "vitest";
import { FakeClock } from "../../test/fake-clock.ts";
import { IdleWatch } from "./idle-watch.ts";
import type { ModelVersion } from "./model-version.ts";

it("lets a model go once, however many replicas it has had, and never one that has gone", async () => {
  const clock = new FakeClock();
  const idle: string[] = [];
  const watch = new IdleWatch(
    clock,
    () => false,
    (_, reason) => idle.push(reason),
  );
  const model = { spec: { residency: { kind: "on-demand", idleMs: 1_000 } }, usage: {} } as unknown as ModelVersion;
  for (let replicas = 0; replicas < 3; replicas++) watch.add(model);
  watch.delete(model);
  await clock.advance(5_000);
  expect(idle).toEqual([]);
  for (let replicas = 0; replicas < 3; replicas++) watch.add(model);
  await clock.advance(5_000);
  expect(idle).toEqual(["nobody has asked for it for 1 s"]);
});
