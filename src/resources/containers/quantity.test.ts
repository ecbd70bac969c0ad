import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { amountOf } from "./quantity.ts";

describe("amountOf", () => {
  it.each([
    [1, 1],
    [1n, 1],
    ["500m", 0.5],
    ["1.5", 1.5],
    [".5", 0.5],
    ["2Gi", 2 ** 31],
    ["128974848", 128974848],
    ["129e6", 129e6],
    ["129M", 129e6],
    ["123Mi", 123 * 2 ** 20],
    ["100k", 100_000],
    ["1E", 1e18],
    ["1e3", 1000],
    ["1Ki", 1024],
    ["+2", 2],
    ["0", 0],
  ])("reads %s as %d", (quantity, amount) => {
    expect(amountOf(quantity)).toBe(amount);
  });

  it("reads nothing from what is no quantity", () => {
    for (const text of ["", "x", "-1", "1.2.3", "1KiB", "1 Gi", undefined, null, true]) expect(amountOf(text)).toBeUndefined();
  });

  it("agrees with itself in all units", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1 << 20 }), (count) => {
        expect(amountOf(`${count}Ki`)).toBe(amountOf(String(count * 1024)));
        expect(amountOf(`${count}k`)).toBe(amountOf(`${count}e3`));
      }),
    );
  });
});
