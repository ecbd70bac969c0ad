import fc from "fast-check";
import { expect, it } from "vitest";
import { LatencyCurve } from "../src/core/latency-curve.ts";
import { fixedWindow } from "./fixed-window.ts";

const limits = { maxRows: 4, maxBytes: 1000 };
const item = (enqueuedAt: number, key: string | undefined = "same") => ({
  key,
  rows: 1,
  cost: 1,
  bytes: 1,
  padded: undefined,
  enqueuedAt,
  deadline: 1e9,
});
const at = (now: number) => ({ now, curve: new LatencyCurve(), rowsWaiting: 0, costWaiting: 0 });

it("holds the first request until its window is over, and then sends all that share its key", () => {
  const policy = fixedWindow(50);
  const waiting = [item(100), item(120, "other"), item(140)];
  expect(policy(waiting, limits, at(149))).toEqual({ holdUntil: 150 });
  expect(policy(waiting, limits, at(150))).toMatchObject({ batch: [waiting[0], waiting[2]] });
});

it("sends a full batch at once, and so a request that meets nobody", () => {
  const policy = fixedWindow(50);
  const full = Array.from({ length: 5 }, () => item(100));
  expect(policy(full, limits, at(100))).toMatchObject({ batch: full.slice(0, 4) });
  const alone = { ...item(100), key: undefined };
  expect(policy([alone, item(100)], limits, at(100))).toMatchObject({ batch: [alone] });
  expect(policy([], limits, at(100))).toMatchObject({ batch: [] });
});

it("never holds anybody beyond the window", () => {
  const items = fc.array(
    fc.record({
      key: fc.constantFrom("a", "b"),
      rows: fc.nat(5),
      cost: fc.nat(5),
      bytes: fc.nat(500),
      padded: fc.constant(undefined),
      enqueuedAt: fc.nat(100),
      deadline: fc.constant(1e9),
    }),
    {
      minLength: 1,
    },
  );
  fc.assert(
    fc.property(items, fc.nat(200), (unordered, now) => {
      const waiting = unordered.sort((left, right) => left.enqueuedAt - right.enqueuedAt);
      const decision = fixedWindow(20)(waiting, limits, at(now));
      if ("batch" in decision) expect(decision.batch[0]).toBe(waiting[0]);
      else expect(decision.holdUntil).toBeGreaterThan(now);
      expect("batch" in decision || now < (waiting[0]?.enqueuedAt ?? 0) + 20).toBe(true);
    }),
  );
});
