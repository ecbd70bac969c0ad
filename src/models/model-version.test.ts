import { expect, it } from "vitest";
import { FakeClock } from "../../test/fake-clock.ts";
import { FakeHosts, modelSpec } from "../../test/fake-hosts.ts";
import type { ModelSpec } from "../core/model.ts";
import type { ModelDescription } from "../core/replica.ts";
import { Scheduler } from "../scheduler/index.ts";
import { ModelVersion } from "./model-version.ts";

const DESCRIPTION: ModelDescription = { framework: "fake", frameworkVersion: "0", warnings: [], methods: {} };
const LIMITS = { queueLimits: { maxRequests: 10, maxBytes: 1e6, maxStreams: 1 }, batchLimits: { maxRows: 1, maxBytes: 1e6 } };

it("is scheduled as its own code has completed what its spec says", () => {
  const clock = new FakeClock();
  const made: ModelSpec[] = [];
  const createScheduler = (spec: ModelSpec): Scheduler => {
    made.push(spec);
    return new Scheduler({ clock, ...LIMITS });
  };
  const spec = { ...modelSpec("m", "m"), scheduling: { maxBatchRows: 1 } };
  const model = new ModelVersion(spec, createScheduler, new FakeHosts(clock).events);
  const first = model.scheduler;
  model.describe(DESCRIPTION);
  expect(model.scheduler).toBe(first);

  const scheduling = { maxBatchRows: 8, maxQueueRequests: 2 };
  model.describe({ ...DESCRIPTION, scheduling });
  const second = model.scheduler;
  expect([made.at(-1)?.scheduling, model.status(true).scheduling]).toEqual([scheduling, scheduling]);
  expect(second).not.toBe(first);
  // What is found in its files is still what was found.
  expect(model.spec).toEqual(spec);

  // Another replica, and the next host of the same model.
  model.describe({ ...DESCRIPTION, scheduling: { ...scheduling } });
  expect(model.scheduler).toBe(second);
});
