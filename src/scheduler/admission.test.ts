import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LatencyCurve } from "../core/latency-curve.ts";
import { admit, isInTime, predictWait, tooLate } from "./admission.ts";

const LIMITS = { maxRequests: 100, maxBytes: 1000, maxStreams: 1 };

/** A model that takes `fixed` milliseconds and one more for each row. */
function curveOf(fixed: number): LatencyCurve {
  const curve = new LatencyCurve();
  for (let turn = 0; turn < 100; turn++) for (const rows of [1, 10]) curve.observe(rows, fixed + rows);
  return curve;
}

describe("a full queue", () => {
  it("refuses one more, and says that it is full", () => {
    const waiting = { requests: 100, bytes: 0, own: 100, principals: 1 };
    expect(() => admit({ ...waiting, requests: 99, own: 99 }, 1, LIMITS)).not.toThrow();
    expect(() => admit(waiting, 1, LIMITS)).toThrow("queue is full: 100 requests");
    expect(() => admit({ ...waiting, requests: 1, bytes: 990 }, 11, LIMITS)).toThrow("990 bytes are waiting, and 11 more");
  });

  it("has room for who has less than an equal part of it", () => {
    expect(() => admit({ requests: 100, bytes: 0, own: 0, principals: 2 }, 1, LIMITS)).not.toThrow();
    expect(() => admit({ requests: 120, bytes: 0, own: 49, principals: 2 }, 1, LIMITS)).not.toThrow();
    expect(() => admit({ requests: 120, bytes: 0, own: 50, principals: 2 }, 1, LIMITS)).toThrow("full");
  });

  it("never holds more than twice its limit, whoever sends how much", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 600 }), (senders) => {
        const own = new Map<number, number>();
        let requests = 0;
        for (const sender of senders) {
          const principals = new Set([...own.keys(), sender]).size;
          try {
            admit({ requests, bytes: 0, own: own.get(sender) ?? 0, principals }, 1, LIMITS);
          } catch {
            continue;
          }
          own.set(sender, (own.get(sender) ?? 0) + 1);
          requests++;
        }
        expect(requests).toBeLessThanOrEqual(2 * LIMITS.maxRequests);
      }),
    );
  });
});

describe("a request that would be answered too late", () => {
  const outlook = { curve: curveOf(10), slots: 1, underWay: 20, callsAhead: 2, costAhead: 16 };

  it("waits for what is under way and before it, on all slots", () => {
    expect(predictWait(outlook)).toBeCloseTo(20 + 2 * 10 + 16, 1);
    expect(predictWait({ ...outlook, slots: 4 })).toBeCloseTo(56 / 4, 1);
  });

  it("is refused with the estimate and when to come back", () => {
    expect(isInTime(outlook, 1, 70)).toBe(true);
    expect(isInTime(outlook, 1, 50)).toBe(false);
    expect(tooLate(outlook, 1, 50).message).toContain("the request would wait 56 ms and take 11 ms, and it has 50 ms;");
    expect(tooLate(outlook, 1, -3).message).toContain("and it has no time left;");
    const late = { ...outlook, underWay: 5000 };
    expect(tooLate(late, 1, 1000)).toMatchObject({ code: "RESOURCE_EXHAUSTED", retryAfter: 5 });
  });

  it("is tried when nothing is before it, or nothing is known of the model", () => {
    expect(isInTime({ ...outlook, underWay: 0, callsAhead: 0, costAhead: 0 }, 1, 0)).toBe(true);
    expect(isInTime({ ...outlook, curve: new LatencyCurve() }, 1, 0)).toBe(true);
  });
});
