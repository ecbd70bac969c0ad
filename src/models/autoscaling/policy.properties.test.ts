import { type Arbitrary, assert, constant, double, integer, oneof, property, record } from "fast-check";
import { describe, expect, it } from "vitest";
import type { ScalingSpec } from "../../core/scaling.ts";
import { decide, type Memory, NO_MEMORY, type Observation } from "./policy.ts";

const load = double({ min: 0, max: 10_000, noNaN: true });

const spec: Arbitrary<ScalingSpec> = record({
  least: integer({ min: 0, max: 10 }),
  more: integer({ min: 0, max: 40 }),
  target: double({ min: 0.01, max: 200, noNaN: true }),
  utilization: double({ min: 0.01, max: 1, noNaN: true }),
  windowMs: integer({ min: 6_000, max: 120_000 }),
  panicThreshold: double({ min: 1.1, max: 10, noNaN: true }),
  scaleDownDelayMs: oneof(constant(0), integer({ min: 1, max: 100_000 })),
}).map(({ more, ...rest }) => ({
  ...rest,
  most: Math.max(1, rest.least + more),
  metric: "concurrency",
  panicWindowMs: rest.windowMs / 10,
}));

const observation: Arbitrary<Observation> = record({
  now: integer({ min: 0, max: 1_000_000 }),
  load,
  recentLoad: load,
  ready: integer({ min: 0, max: 50 }),
  wanted: integer({ min: 0, max: 50 }),
});

const memory = (now: number, panicAge: number | undefined): Memory => ({
  ...NO_MEMORY,
  panicAt: panicAge === undefined ? undefined : now - panicAge,
});
const panicAge = oneof(constant(undefined), integer({ min: 0, max: 200_000 }));

describe("the number of replicas", () => {
  it("is never outside of its bounds", () => {
    assert(
      property(spec, observation, panicAge, (bounds, seen, age) => {
        const { wanted } = decide(bounds, seen, memory(seen.now, age));
        expect(wanted).toBeGreaterThanOrEqual(Math.max(1, bounds.least));
        expect(wanted).toBeLessThanOrEqual(bounds.most);
        expect(Number.isInteger(wanted)).toBe(true);
      }),
    );
  });

  it("is never smaller for more load", () => {
    assert(
      property(spec, observation, panicAge, load, load, (bounds, seen, age, more, moreRecent) => {
        const before = memory(seen.now, age);
        const busier = { ...seen, load: seen.load + more, recentLoad: seen.recentLoad + moreRecent };
        expect(decide(bounds, busier, before).wanted).toBeGreaterThanOrEqual(decide(bounds, seen, before).wanted);
      }),
    );
  });

  it("never falls in panic", () => {
    assert(
      property(spec, observation, panicAge, (bounds, seen, age) => {
        const { wanted, mode } = decide(bounds, seen, memory(seen.now, age));
        if (mode === "panic") expect(wanted).toBeGreaterThanOrEqual(Math.min(seen.wanted, bounds.most));
      }),
    );
  });

  it("never falls by more than half of the present ones in one step", () => {
    assert(
      property(spec, observation, (bounds, seen) => {
        const { wanted } = decide(bounds, seen, NO_MEMORY);
        expect(wanted).toBeGreaterThanOrEqual(Math.min(bounds.most, Math.floor(seen.ready / 2)));
      }),
    );
  });
});

describe("Knative's way", () => {
  const bounds: ScalingSpec = {
    least: 1,
    most: 20,
    metric: "concurrency",
    target: 10,
    utilization: 0.7,
    windowMs: 60_000,
    panicWindowMs: 6_000,
    panicThreshold: 2,
    scaleDownDelayMs: 0,
  };
  const calm = { now: 100_000, load: 7, recentLoad: 7, ready: 1, wanted: 1 };

  it("is one replica for each target, of which a part is aimed at", () => {
    expect(decide(bounds, calm, NO_MEMORY)).toMatchObject({ wanted: 1, mode: "stable" });
    expect(decide(bounds, { ...calm, load: 7.1 }, NO_MEMORY)).toMatchObject({ wanted: 2, mode: "stable" });
    expect(decide({ ...bounds, utilization: 1 }, { ...calm, load: 10 }, NO_MEMORY)).toMatchObject({ wanted: 1 });
  });

  it("is what the last seconds ask for from twice the present ones on, and nothing less until they have not for a window", () => {
    const burst = decide(bounds, { ...calm, recentLoad: 50 }, NO_MEMORY);
    expect(burst).toMatchObject({ wanted: 8, mode: "panic", memory: { panicAt: 100_000 } });
    const quiet = { load: 1, recentLoad: 0, ready: 8, wanted: 8 };
    expect(decide(bounds, { ...quiet, now: 160_000 }, burst.memory)).toMatchObject({ wanted: 8, mode: "panic" });
    expect(decide(bounds, { ...quiet, now: 160_001 }, burst.memory)).toMatchObject({ wanted: 4, mode: "stable" });
  });

  it("lets none go that were enough within the delay", () => {
    const patient = { ...bounds, scaleDownDelayMs: 30_000 };
    const four = decide(patient, { ...calm, load: 28, ready: 4, wanted: 4 }, NO_MEMORY);
    expect(four.wanted).toBe(4);
    const later = decide(patient, { ...calm, now: 129_999, load: 1, recentLoad: 1, ready: 4, wanted: 4 }, four.memory);
    expect(later.wanted).toBe(4);
    expect(decide(patient, { ...calm, now: 130_000, load: 1, recentLoad: 1, ready: 4, wanted: 4 }, four.memory).wanted).toBe(2);
  });
});
