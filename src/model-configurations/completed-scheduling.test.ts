import { expect, it } from "vitest";
import type { ModelConfiguration } from "../core/model-configuration.ts";
import { completedScheduling } from "./completed-scheduling.ts";
import { readModelConfigurationJson } from "./read-configuration.ts";
import { specFieldsOf } from "./spec-fields.ts";

const configuration = (json: object): ModelConfiguration =>
  readModelConfigurationJson({ name: "m", backend: "python", ...json }, { file: "", name: "m" });
const GIVEN = configuration({ max_batch_size: 8 });
const BATCHING = {
  max_queue_delay_microseconds: 5000,
  preferred_batch_size: [2, 4],
  default_queue_policy: { max_queue_size: 3, default_timeout_microseconds: 1000 },
};

it("is what the model has completed, as if its file said it", () => {
  const completed = configuration({ max_batch_size: 8, dynamic_batching: BATCHING });
  expect(completedScheduling(GIVEN, completed, specFieldsOf(GIVEN).scheduling)).toEqual({
    scheduling: specFieldsOf(completed).scheduling,
    notes: [],
  });
  expect(specFieldsOf(completed).scheduling).toMatchObject({ maxBatchLatencyMs: 5, preferredBatchRows: [2, 4], maxWaitMs: 1 });
});

it("leaves what others have said", () => {
  const completed = configuration({ max_batch_size: 8, dynamic_batching: BATCHING });
  const said = { ...specFieldsOf(GIVEN).scheduling, maxBatchLatencyMs: 1, timeoutMs: 70 };
  expect(completedScheduling(GIVEN, completed, said)?.scheduling).toMatchObject({
    maxBatchRows: 8,
    maxBatchLatencyMs: 1,
    timeoutMs: 70,
    maxQueueRequests: 3,
  });
});

it("is nothing where the model changes nothing of it", () => {
  const completed = configuration({ max_batch_size: 8, input: [{ name: "a", data_type: "TYPE_INT32", dims: [1] }] });
  expect(completedScheduling(GIVEN, completed, specFieldsOf(GIVEN).scheduling)).toBeUndefined();
});

it("tells of what has no effect", () => {
  const completed = configuration({ max_batch_size: 8, dynamic_batching: { priority_levels: 9, default_priority_level: 1 } });
  expect(completedScheduling(GIVEN, completed)?.notes).toEqual([expect.stringContaining("9 levels share the 5 priorities")]);
});
