import { expect, it } from "vitest";
import { OwnIds } from "./own-ids.ts";

it("are the last ones that a model can take, and no client's", () => {
  const ids = new OwnIds(31);
  const first = 2n ** 31n - 2n ** 20n;
  expect([ids.take(() => false), ids.take(() => false)]).toEqual([first, first + 1n]);
  expect([first - 1n, first, 2n ** 31n - 1n, 2n ** 31n].map((id) => ids.has(id))).toEqual([false, true, true, false]);
  expect([String(first), `0${first}`, "text", "1"].map((id) => ids.has(id))).toEqual([true, false, false, false]);
  expect(ids.range).toBe("2146435072 to 2147483647");
});

it("begin again after the last one, without those that are open", () => {
  const ids = new OwnIds(64);
  const first = ids.take(() => false);
  for (let count = 1; count < 2 ** 20; count++) ids.take(() => false);
  expect(ids.take((id) => id === first)).toBe(first + 1n);
});
