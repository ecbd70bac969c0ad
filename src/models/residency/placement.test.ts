import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { choices, type DeviceNeed, place } from "./placement.ts";

const devices = (...free: number[]): Map<number, number> => new Map(free.map((bytes, index) => [index, bytes]));
const one = (bytes: number, only?: readonly number[]): DeviceNeed => ({ count: 1, bytes, ...(only === undefined ? {} : { only }) });

describe("placement among devices", () => {
  it.each<[DeviceNeed[], number[], number[][] | undefined]>([
    [[one(5)], [10, 6, 20], [[1]]],
    // In this order first fit would leave no room for the last.
    [
      [one(4), one(6), one(10)],
      [10, 10],
      [[1], [1], [0]],
    ],
    [[{ count: 2, bytes: 5 }], [5, 20, 6], [[0, 2]]],
    [[{ count: 2, bytes: 5 }], [10, 4], undefined],
    [[one(5, [2])], [5, 5, 4], undefined],
    [[one(5, [2])], [5, 5, 9], [[2]]],
    [[one(1)], [], undefined],
    [[], [], []],
  ])("of %j in %j is %j", (needs, free, expected) => {
    expect(place(needs, devices(...free))).toEqual(expected);
  });

  const need: fc.Arbitrary<DeviceNeed> = fc.oneof(
    fc.record({ count: fc.integer({ min: 1, max: 3 }), bytes: fc.integer({ min: 1, max: 50 }) }),
    fc.record({ count: fc.constant(1), bytes: fc.integer({ min: 1, max: 50 }), only: fc.uniqueArray(fc.nat(4), { minLength: 1 }) }),
  );
  const free = fc.array(fc.nat(100), { maxLength: 5 }).map((list) => devices(...list));

  it("never gives more than there is, gives each need different devices of those it may have, and all of it or nothing", () => {
    fc.assert(
      fc.property(fc.array(need, { maxLength: 6 }), free, (needs, there) => {
        const placed = place(needs, there);
        if (placed === undefined) return;
        const left = new Map(there);
        for (const [index, given] of placed.entries()) {
          const { count, bytes, only } = needs[index] as DeviceNeed;
          expect(new Set(given).size).toBe(count);
          for (const device of given) {
            if (only !== undefined) expect(only).toContain(device);
            left.set(device, (left.get(device) ?? Number.NaN) - bytes);
          }
        }
        for (const bytes of left.values()) expect(bytes).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it("finds a place for a single need wherever there is one, and takes the tightest", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), free, (bytes, there) => {
        const fits = [...there.values()].filter((each) => each >= bytes);
        const placed = place([one(bytes)], there)?.[0]?.[0];
        if (fits.length === 0) expect(placed).toBeUndefined();
        else expect(there.get(placed as number)).toBe(Math.min(...fits));
      }),
    );
  });

  it("offers only sets that an empty machine could hold, each once, the one that is free first", () => {
    fc.assert(
      fc.property(need, free, (wanted, there) => {
        const budgets = new Map([...there].map(([device, bytes]) => [device, bytes + 20]));
        const offered = choices(wanted, there, budgets);
        expect(new Set(offered.map((set) => set.join())).size).toBe(offered.length);
        for (const set of offered) {
          expect(new Set(set).size).toBe(wanted.count);
          for (const device of set) expect(budgets.get(device)).toBeGreaterThanOrEqual(wanted.bytes);
        }
        const fitting = place([wanted], there)?.[0];
        if (fitting !== undefined) expect(offered[0]).toEqual(fitting);
        const possible = place([wanted], budgets) !== undefined;
        expect(offered.length > 0).toBe(possible);
      }),
    );
  });
});
