import { expect, it } from "vitest";
import { ServeError } from "../../core/errors.ts";
import type { ModelDescription } from "../../core/replica.ts";
import { CallCredit, canQueue } from "./call-credit.ts";

const answers = (computeMs: number): [{ payload: { kind: "tensors"; tensors: [] }; computeMs: number }] => [
  { payload: { kind: "tensors", tensors: [] }, computeMs },
];

it("lets short calls wait in the host, and takes that back at the first one that is not", () => {
  const credit = new CallCredit(1, true);
  expect(credit.calls).toBe(1);
  credit.observe(answers(0.1));
  expect(credit.calls).toBe(8);
  credit.observe([new ServeError("INTERNAL", "says nothing of how long it took")]);
  expect(credit.calls).toBe(8);
  credit.observe(answers(20));
  expect(credit.calls).toBe(1);
  for (let call = 0; call < 10; call++) credit.observe(answers(0.1));
  expect(credit.calls).toBe(1);
  for (let call = 0; call < 20; call++) credit.observe(answers(0.1));
  expect(credit.calls).toBe(8);
});

it("is for calls that share nothing", () => {
  const described = (method: object): ModelDescription => ({
    framework: "f",
    frameworkVersion: "0",
    warnings: [],
    methods: { predict: { accepts: "tensors", inputs: [], outputs: [], ...method } },
  });
  expect(canQueue({}, described({ together: true }))).toBe(true);
  expect(canQueue({}, described({ together: true, batchable: true }))).toBe(false);
  expect(canQueue({}, described({}))).toBe(false);
  expect(canQueue({ configuration: { sequence_batching: {} } }, described({ together: true }))).toBe(false);
  const credit = new CallCredit(2, false);
  credit.observe(answers(0.1));
  expect(credit.calls).toBe(2);
});
