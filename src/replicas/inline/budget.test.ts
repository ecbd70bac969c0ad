import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../../../test/fake-clock.ts";
import { InlineBudget } from "./budget.ts";
import { InlineCost } from "./cost.ts";

describe("InlineBudget", () => {
  it("is whole again in the next turn, except for what has not run yet", async () => {
    const clock = new FakeClock();
    const budget = new InlineBudget(clock, 1);
    budget.book(0.25);
    budget.book(0.5);
    expect(budget.left).toBe(0.25);
    budget.ended(0.25);
    expect(budget.left).toBe(0.25);
    await clock.turn();
    expect(budget.left).toBe(0.5);
    budget.ended(0.5);
    await clock.turn();
    expect(budget.left).toBe(1);
  });

  it("lets the event loop rest when nothing is booked, whatever the fractions add up to", async () => {
    const clock = new FakeClock();
    const budget = new InlineBudget(clock, 1);
    const booked = [0.1, 0.2, 0.3];
    for (const each of booked) budget.book(each);
    for (const each of booked) budget.ended(each);
    await clock.turn();
    expect(clock.waiting).toBe(0);
    expect(budget.left).toBe(1);
  });

  it("never has less than nothing, and asks for a turn only when something was booked", async () => {
    const clock = new FakeClock();
    const budget = new InlineBudget(clock, 1);
    budget.book(3);
    expect(budget.left).toBe(0);
    budget.ended(3);
    await clock.turn();
    expect(budget.left).toBe(1);
  });
});

describe("InlineCost", () => {
  const proven = (fixed = 0.01, perRow = 0.002): InlineCost => {
    const cost = new InlineCost();
    for (const rows of [1, 4, 16, 64, 256]) cost.prove(rows, fixed + perRow * rows);
    return cost;
  };

  it("knows nothing and takes nothing before it is proven", () => {
    expect(new InlineCost().rowsWithin(1)).toBe(0);
  });

  it("does not forget what rows cost while all calls have one", () => {
    const cost = proven();
    for (let call = 0; call < 10_000; call++) cost.observe(1, 0.012);
    expect(cost.predict(101)).toBeCloseTo(0.212, 3);
    expect(cost.rowsWithin(0.212)).toBeGreaterThanOrEqual(100);
    expect(cost.rowsWithin(0.212)).toBeLessThanOrEqual(101);
  });

  it("never takes more rows than were proven", () => {
    const cost = proven(0.01, 0);
    expect(cost.rowsWithin(1)).toBe(256);
  });

  it("hardly minds one run that was interrupted, and learns that all have become slow", () => {
    const cost = proven();
    cost.observe(1, 100);
    expect(cost.predict(1)).toBeLessThan(0.02);
    for (let call = 0; call < 200; call++) cost.observe(1, 1.2);
    expect(cost.predict(1)).toBeGreaterThan(1);
    expect(cost.rowsWithin(1)).toBe(0);
  });

  it("takes rows whose predicted cost fits, and not one more than that", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 0.5, noNaN: true }),
        fc.double({ min: 0.001, max: 0.5, noNaN: true }),
        fc.array(fc.double({ min: 0, max: 2, noNaN: true }), { maxLength: 20 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (fixed, perRow, runs, room) => {
          const cost = proven(fixed, perRow);
          for (const run of runs) cost.observe(1, run);
          const rows = cost.rowsWithin(room);
          if (rows > 0) expect(cost.predict(rows)).toBeLessThanOrEqual(room * 1.0001);
          if (rows < 256) expect(cost.predict(rows + 1)).toBeGreaterThan(room * 0.9999);
        },
      ),
    );
  });
});
