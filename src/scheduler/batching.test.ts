import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LatencyCurve } from "../core/latency-curve.ts";
import { type Batchable, type BatchLimits, batchWhileBusy } from "./batching.ts";

function item(rows: number, given: Partial<Batchable> = {}): Batchable {
  return { key: "k", rows, cost: rows, bytes: rows, padded: undefined, enqueuedAt: 0, deadline: 1e6, ...given };
}

/** 10 ms and one more for each row. */
const curve = new LatencyCurve();
for (let turn = 0; turn < 100; turn++) for (const rows of [1, 10, 50]) curve.observe(rows, 10 + rows);

function batchOf(waiting: readonly Batchable[], limits: Partial<BatchLimits> = {}): number[] {
  const rowsWaiting = waiting.reduce((sum, { rows }) => sum + rows, 0);
  const moment = { now: 0, curve, rowsWaiting, costWaiting: rowsWaiting };
  return batchWhileBusy(waiting, { maxRows: 100, maxBytes: 1e6, ...limits }, moment).batch.map(({ rows }) => rows);
}

describe("a batch", () => {
  it("is all that waits and fits, in order", () => {
    expect(batchOf([item(1), item(2), item(3)])).toEqual([1, 2, 3]);
    expect(batchOf([item(2), item(3), item(1)], { maxRows: 3 })).toEqual([2, 1]);
    expect(batchOf([item(500), item(1)])).toEqual([500]);
    expect(batchOf([item(1), item(2), item(1)], { maxBytes: 2 })).toEqual([1, 1]);
  });

  it("has one key, and only one request when that has none", () => {
    expect(batchOf([item(1), item(2, { key: "other" }), item(3)])).toEqual([1, 3]);
    expect(batchOf([item(1, { key: undefined }), item(2, { key: undefined })])).toEqual([1]);
  });

  it("is looked for among many of other keys, but not among all that may wait", () => {
    let looks = 0;
    function* waiting(others: number): Generator<Batchable> {
      for (const rows of [1, 2]) {
        yield item(rows);
        for (looks = 0; looks < others; looks++) yield item(1, { key: `other ${looks}` });
      }
    }
    const moment = { now: 0, curve, rowsWaiting: 10_000, costWaiting: 10_000 };
    const limits = { maxRows: 100, maxBytes: 1e6 };
    expect(batchWhileBusy(waiting(500), limits, moment).batch.map(({ rows }) => rows)).toEqual([1, 2]);
    expect(batchWhileBusy(waiting(10_000), limits, moment).batch).toHaveLength(1);
    expect(looks).toBeLessThan(2000);
  });

  it("is small enough for the deadlines of all in it", () => {
    const waiting = [item(1, { deadline: 31 }), ...Array.from({ length: 29 }, () => item(1))];
    expect(batchOf(waiting).length).toBeGreaterThanOrEqual(19);
    expect(batchOf(waiting).length).toBeLessThanOrEqual(21);
    const tightLast = [...Array.from({ length: 20 }, () => item(1)), item(1, { deadline: 15 })];
    expect(batchOf(tightLast)).toHaveLength(20);
  });

  it("is not cut below half of what waits for one deadline: that would make all behind it late", () => {
    const waiting = [item(1, { deadline: 12 }), ...Array.from({ length: 39 }, () => item(1))];
    expect(batchOf(waiting)).toHaveLength(20);
  });

  it("adds no more to the first one's time than its owner allows", () => {
    const waiting = Array.from({ length: 50 }, () => item(1));
    const size = batchOf(waiting, { maxAddedMs: 5 }).length;
    expect(size).toBeGreaterThanOrEqual(5);
    expect(size).toBeLessThanOrEqual(6);
    expect(batchOf(waiting, { maxAddedMs: 0 })).toHaveLength(1);
  });

  it("is cut to the largest preferred number of rows that it reaches", () => {
    const waiting = Array.from({ length: 21 }, () => item(1));
    expect(batchOf(waiting, { preferredRows: [4, 16] })).toHaveLength(16);
    expect(batchOf(waiting.slice(0, 7), { preferredRows: [4, 16] })).toHaveLength(4);
    expect(batchOf(waiting.slice(0, 3), { preferredRows: [4, 16] })).toHaveLength(3);
  });

  it("always begins with the first that waits, and keeps its bounds, whatever comes", () => {
    const any = fc.record({
      rows: fc.integer({ min: 1, max: 40 }),
      deadline: fc.integer({ min: 0, max: 200 }),
      key: fc.constantFrom("a", "b", undefined),
    });
    fc.assert(
      fc.property(fc.array(any, { minLength: 1, maxLength: 50 }), fc.integer({ min: 1, max: 64 }), (given, maxRows) => {
        const waiting = given.map(({ rows, deadline, key }) => item(rows, { deadline, key }));
        const rowsWaiting = waiting.reduce((sum, { rows }) => sum + rows, 0);
        const { batch } = batchWhileBusy(waiting, { maxRows, maxBytes: 1e6 }, { now: 0, curve, rowsWaiting, costWaiting: rowsWaiting });
        expect(batch[0]).toBe(waiting[0]);
        expect(new Set(batch).size).toBe(batch.length);
        expect(new Set(batch.map(({ key }) => key)).size).toBe(1);
        if (batch.length > 1) expect(batch.reduce((sum, { rows }) => sum + rows, 0)).toBeLessThanOrEqual(maxRows);
      }),
    );
  });
});
