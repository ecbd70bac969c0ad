import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LatencyCurve } from "../core/latency-curve.ts";
import { type Sizing, sizingOf } from "../core/sizing.ts";
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

  it("is bounded by what its owner lets it add, in the unit of its cost", () => {
    const waiting = Array.from({ length: 50 }, () => item(1, { cost: 5 }));
    expect(batchOf(waiting, { maxAddedMs: 20 })).toHaveLength(5);
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

const tokens = (cost?: string): Sizing =>
  sizingOf({
    batchable: true,
    inputs: [{ name: "tokens", datatype: "INT32", shape: [-1, -1] }],
    sizing: { padding: { tokens: 0 }, ...(cost === undefined ? {} : { cost }) },
  }) as Sizing;

/** A request of so many rows of so many tokens. */
function padded(sizing: Sizing, rows: number, length: number, cost = rows): Batchable {
  return item(rows, { cost, bytes: 4 * rows * length, padded: { sizing, sizes: [length] } });
}

function lengthsOf(waiting: readonly Batchable[], limits: Partial<BatchLimits> = {}, known = new LatencyCurve()) {
  const sum = (of: (each: Batchable) => number): number => waiting.reduce((total, each) => total + of(each), 0);
  const moment = { now: 0, curve: known, rowsWaiting: sum(({ rows }) => rows), costWaiting: sum(({ cost }) => cost) };
  const { batch, cut } = batchWhileBusy(waiting, { maxRows: 100, maxBytes: 1e6, ...limits }, moment);
  return { lengths: batch.map(({ padded: own }) => own?.sizes[0]), cut };
}

describe("a batch of requests that are padded", () => {
  it("passes over what would make it mostly padding, and tells", () => {
    const sizing = tokens();
    const short = Array.from({ length: 5 }, () => padded(sizing, 1, 8));
    expect(lengthsOf([...short, padded(sizing, 1, 4096), padded(sizing, 1, 9)])).toEqual({ lengths: [8, 8, 8, 8, 8, 9], cut: "padding" });
    expect(lengthsOf([padded(sizing, 1, 4096), ...short])).toEqual({ lengths: [4096], cut: "padding" });
    expect(lengthsOf([padded(sizing, 1, 10), padded(sizing, 1, 5), padded(sizing, 1, 15)]).lengths).toEqual([10, 5, 15]);
  });

  it("counts its padding among its bytes", () => {
    const sizing = tokens();
    const waiting = [padded(sizing, 1, 10), padded(sizing, 1, 10), padded(sizing, 1, 14)];
    expect(lengthsOf(waiting, { maxBytes: 4 * 3 * 14 }).lengths).toEqual([10, 10, 14]);
    expect(lengthsOf(waiting, { maxBytes: 4 * 3 * 14 - 1 })).toEqual({ lengths: [10, 10], cut: "bytes" });
  });

  it("has no padding that takes longer than a call of its own, where its cost is known", () => {
    const sizing = tokens("tokens");
    // 10 ms and one more for each token: ten tokens of padding are worth a call.
    const waiting = [20, 20, 25, 26].map((length) => padded(sizing, 1, length, length));
    expect(lengthsOf(waiting, {}, curve)).toEqual({ lengths: [20, 20, 25], cut: "padding" });
    expect(lengthsOf(waiting).lengths).toEqual([20, 20, 25, 26]);
  });

  it("counts its padding against a deadline", () => {
    const sizing = tokens("tokens");
    const waiting = [10, 10, 12, 10, 10, 10, 10, 10, 10].map((length) => ({ ...padded(sizing, 1, length, length), deadline: 10 + 61 }));
    // Six rows of ten tokens take 70 ms; a twelve among them makes it 72 for five, which is more than half of what waits.
    expect(lengthsOf(waiting, {}, curve).lengths).toEqual([10, 10, 12, 10, 10]);
  });

  it("keeps its bounds, whatever comes", () => {
    const sizing = tokens("tokens");
    const requests = fc.array(fc.record({ rows: fc.integer({ min: 1, max: 9 }), length: fc.integer({ min: 1, max: 60 }) }), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(requests, fc.integer({ min: 1, max: 4000 }), (given, maxBytes) => {
        const waiting = given.map(({ rows, length }) => padded(sizing, rows, length, rows * length));
        const moment = { now: 0, curve: new LatencyCurve(), rowsWaiting: 1, costWaiting: 1 };
        const { batch } = batchWhileBusy(waiting, { maxRows: 50, maxBytes }, moment);
        expect(batch[0]).toBe(waiting[0]);
        if (batch.length === 1) return;
        const rows = batch.reduce((sum, each) => sum + each.rows, 0);
        const whole = 4 * rows * Math.max(...batch.map((each) => each.padded?.sizes[0] as number));
        expect(whole).toBeLessThanOrEqual(maxBytes);
        expect(whole).toBeLessThanOrEqual(1.5 * batch.reduce((sum, each) => sum + each.bytes, 0));
        expect(rows).toBeLessThanOrEqual(50);
      }),
    );
  });
});
