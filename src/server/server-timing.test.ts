import fc from "fast-check";
import { expect, it } from "vitest";
import { createRecord } from "../core/context.ts";
import { serverTiming } from "./server-timing.ts";

it("says where the time of an answered request went, and with how many it shared the call", () => {
  const record = { ...createRecord("oip", "iris", 1000), queuedAt: 1000.5, queueMs: 0.25, computeMs: 1.3, batchSize: 7 };
  expect(serverTiming(record, 1002.0049)).toBe('total;dur=2.005, queue;dur=0.250, compute;dur=1.300, batch;desc="7"');
  expect(serverTiming({ ...record, batchSize: 1 }, 1002)).toBe("total;dur=2, queue;dur=0.250, compute;dur=1.300");
});

it("says why a request was refused, and how long one waited that never got its turn", () => {
  const record = createRecord("oip", "iris", 1000);
  expect(serverTiming({ ...record, refusal: "queue_full" }, 1000.06)).toBe('total;dur=0.060, refused;desc="queue_full"');
  expect(serverTiming({ ...record, queuedAt: 1001, stage: "queued" }, 1251)).toBe("total;dur=251, queue;dur=250");
});

it("does not count as waiting what a replica worked on a request that was given up there", () => {
  const record = { ...createRecord("oip", "iris", 1000), queuedAt: 1001, queueMs: 4, stage: "running" as const };
  expect(serverTiming(record, 1051)).toBe("total;dur=51, queue;dur=4");
});

it("rounds to microseconds like toFixed, and is never negative", () => {
  const micros = fc.integer({ min: -5, max: 1e12 });
  fc.assert(
    fc.property(micros, (value) => {
      const [, text = ""] = serverTiming(createRecord("oip", "iris", 0), value / 1000).split("=");
      expect(Number(text)).toBeCloseTo(Math.max(0, value / 1000), 6);
      expect(text).toMatch(/^\d+(\.\d{3})?$/);
    }),
  );
});
