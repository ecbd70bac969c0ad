import { beforeEach, expect, it } from "vitest";
import { FakeClock } from "../../test/fake-clock.ts";
import { FakeHosts, modelSpec } from "../../test/fake-hosts.ts";
import type { ModelSpec } from "../core/model.ts";
import { BlockedHosts } from "./blocked-hosts.ts";
import type { ModelVersion } from "./model-version.ts";

let blocked: BlockedHosts;

beforeEach(() => {
  blocked = new BlockedHosts();
});

function wait(pid: number, on: ModelVersion, deadline = Number.POSITIVE_INFINITY): () => void {
  return blocked.begin(pid, { model: on, deadline });
}

function model(name: string, pids: readonly number[], more: Partial<ModelSpec> = {}): ModelVersion {
  const made = new FakeHosts(new FakeClock()).createModel({ ...modelSpec(name, name), ...more });
  for (const pid of pids) made.replicas.hosts.add({ pid, bytes: 0, deviceBytes: 0, devices: [], serves: true });
  made.replicas.bounds = { least: pids.length, most: pids.length };
  return made;
}

it("notices a model that waits for itself, and none that another replica can answer", () => {
  const alone = model("alone", [1]);
  expect(() => wait(1, alone)).toThrow("model 'alone' asks itself, and every replica waits for this answer");
  const two = model("two", [2, 3]);
  const end = wait(2, two);
  expect(() => wait(3, two)).toThrow("model 'two' asks itself");
  end();
  wait(3, two)();
});

it("notices models that wait for each other", () => {
  const [one, other] = [model("one", [1]), model("other", [2, 3])];
  const first = wait(1, other);
  const second = wait(2, one);
  expect(() => wait(3, one)).toThrow("the models 'one' and 'other' ask each other, and");
  second();
  first();
  wait(3, one)();
});

it("counts as free whatever may still answer", () => {
  wait(1, model("asked", [9]))();
  const cached = model("cached", [1], { responseCache: true });
  wait(1, cached)();
  const growing = model("growing", [1]);
  growing.replicas.bounds = { least: 1, most: 2 };
  wait(1, growing)();
  growing.replicas.fixed = 1;
  expect(() => wait(1, growing)).toThrow("asks itself");
  wait(1, model("gone", []))();
});

it("leaves it to the first one whose time is over", () => {
  const [one, other] = [model("one", [1]), model("other", [2])];
  const end = wait(1, other, 50);
  wait(2, one, 60)();
  expect(() => wait(2, one, 50)).toThrow("ask each other");
  end();
});
