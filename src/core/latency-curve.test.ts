import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LatencyCurve } from "./latency-curve.ts";

describe("latency curve", () => {
  it("finds the fixed cost and the cost of a row", () => {
    const curve = new LatencyCurve();
    for (let turn = 0; turn < 50; turn++) for (const rows of [1, 4, 16, 64]) curve.observe(rows, 10 + 0.5 * rows);
    expect(curve.fixed).toBeCloseTo(10, 3);
    expect(curve.perRow).toBeCloseTo(0.5, 3);
    expect(curve.predict(32)).toBeCloseTo(26, 3);
    expect(curve.rowsWithin(20)).toBeGreaterThanOrEqual(19);
    expect(curve.rowsWithin(20)).toBeLessThanOrEqual(20);
    expect(curve.rowsWithin(5)).toBe(0);
  });

  it("follows a model that has become slower", () => {
    const curve = new LatencyCurve();
    for (let turn = 0; turn < 50; turn++) for (const rows of [1, 8]) curve.observe(rows, 1 + rows);
    for (let turn = 0; turn < 100; turn++) for (const rows of [1, 8]) curve.observe(rows, 5 + 2 * rows);
    expect(curve.predict(8)).toBeCloseTo(21, 1);
  });

  it("says nothing before it has seen anything, and takes the cost as fixed while all calls have one size", () => {
    const curve = new LatencyCurve();
    expect(curve.predict(1)).toBeUndefined();
    expect(curve.rowsWithin(0)).toBe(Number.POSITIVE_INFINITY);
    for (let turn = 0; turn < 5; turn++) curve.observe(1, 7);
    expect(curve.predict(1)).toBeCloseTo(7);
    expect(curve.perRow).toBeCloseTo(0);
  });

  it("forgets a first call that took long when two others did not", () => {
    const curve = new LatencyCurve();
    for (const cost of [60_000, 10, 11]) curve.observe(1, cost);
    expect(curve.predict(1)).toBeCloseTo(11);
  });

  it("takes little notice of one call that stalls, and is right soon when all have become that slow", () => {
    const curve = new LatencyCurve();
    for (let count = 0; count < 50; count++) curve.observe(1, 10);
    curve.observe(1, 60_000);
    expect(curve.predict(1)).toBeLessThan(20);
    for (let count = 0; count < 30; count++) curve.observe(1, 5000);
    expect(curve.predict(1)).toBeGreaterThan(4000);
  });

  it("is surprised by neither of two kinds of calls that come in turn", () => {
    const curve = new LatencyCurve();
    for (let count = 0; count < 100; count++) curve.observe(1, count % 10 === 0 ? 100 : 1);
    expect(curve.predict(1)).toBeGreaterThan(5);
  });

  it("never predicts less than nothing, nor less for more rows", () => {
    const observation = fc.tuple(fc.integer({ min: 1, max: 512 }), fc.double({ min: 0, max: 1000, noNaN: true }));
    fc.assert(
      fc.property(fc.array(observation, { minLength: 1, maxLength: 100 }), fc.integer({ min: 1, max: 512 }), (observations, rows) => {
        const curve = new LatencyCurve();
        for (const [size, cost] of observations) curve.observe(size, cost);
        const cost = curve.predict(rows) as number;
        expect(cost).toBeGreaterThanOrEqual(0);
        expect(curve.predict(rows + 1)).toBeGreaterThanOrEqual(cost);
        const within = curve.rowsWithin(cost);
        if (Number.isFinite(within)) expect(curve.predict(within)).toBeLessThanOrEqual(cost + 1e-6);
      }),
    );
  });
});
