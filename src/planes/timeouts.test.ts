import { expect, it } from "vitest";
import { createRecord, RequestContext } from "../core/context.ts";
import type { SchedulingSpec } from "../core/scheduling.ts";
import { heedTimeout } from "./timeouts.ts";

it.each<[string, number | undefined, SchedulingSpec | undefined, number]>([
  ["is all the time that a request has", 250, undefined, 1250],
  ["is so for a model with a time of its own", 250, { timeoutMs: 100 }, 1250],
  ["gives it no more than it has", 120_000, undefined, 61_000],
  ["is nothing when it is not there", undefined, {}, 61_000],
  ["is left to the queue of a model that has rules about waiting", 250, { maxWaitMs: 100 }, 61_000],
  ["is so when they are those of one priority", 250, { byPriority: { 2: { maxWaitMs: 100 } } }, 61_000],
  ["is not when they are about something else", 250, { maxQueueRequests: 5, byPriority: { 2: {} } }, 1250],
])("a time that is asked for in the body %s", (_, timeoutMs, scheduling, deadline) => {
  const context = new RequestContext({ deadline: 61_000, record: createRecord("v2", "m", 1000) });
  context.timeoutMs = timeoutMs;
  heedTimeout(scheduling === undefined ? {} : { scheduling }, context);
  expect(context.deadline).toBe(deadline);
});
