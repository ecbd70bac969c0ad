import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Ledger } from "./ledger.ts";
import { cost, EVICTION_POLICIES, type EvictionPolicyName, fifo, lfu, lru, type Resident } from "./policies.ts";
import { Usage } from "./usage.ts";
import { chooseVictims, type Evictable } from "./victims.ts";

const resident: Resident = { bytes: 100, loadedAt: 0, usedAt: 0, uses: 0, rate: 0, loadMs: 1_000, priority: 3 };
const evictable = (name: string, bytes: number, rest: Partial<Resident> = {}): Evictable & { name: string } => ({
  ...resident,
  bytes,
  name,
  ...rest,
  holds: { memory: bytes, models: 1 },
});
const names = (models: ReadonlyArray<{ name: string }> | undefined): string[] | undefined => models?.map(({ name }) => name);

describe("policies", () => {
  it("value what they are named for", () => {
    expect(fifo({ ...resident, loadedAt: 5 })).toBe(5);
    expect(lru({ ...resident, usedAt: 6 })).toBe(6);
    expect(lfu({ ...resident, uses: 7 })).toBe(7);
    // Twice the rate, twice the load time or half the bytes: twice as dear to lose.
    const base = cost({ ...resident, rate: 1 });
    expect(cost({ ...resident, rate: 2 })).toBe(2 * base);
    expect(cost({ ...resident, rate: 1, loadMs: 2_000 })).toBe(2 * base);
    expect(cost({ ...resident, rate: 1, bytes: 50 })).toBe(2 * base);
  });
});

describe("victims", () => {
  it("are the least valuable that are enough, the lowest priority first, and none for nothing", () => {
    const models = [evictable("a", 10, { usedAt: 3 }), evictable("b", 10, { usedAt: 1 }), evictable("c", 10, { usedAt: 2, priority: 5 })];
    expect(names(chooseVictims({ memory: 15 }, models, lru))).toEqual(["c", "b"]);
    expect(names(chooseVictims({ memory: 31 }, models, lru))).toBeUndefined();
    expect(names(chooseVictims({}, models, lru))).toEqual([]);
    const large = [evictable("small", 5, { usedAt: 1 }), evictable("large", 50, { usedAt: 2 })];
    expect(names(chooseVictims({ memory: 40 }, large, lru))).toEqual(["large"]);
  });

  it("hold something of what is lacking", () => {
    const other = { ...evictable("other", 10, { usedAt: 0 }), holds: { "namespace b": 10 } };
    const own = { ...evictable("own", 10, { usedAt: 9 }), holds: { "namespace a": 10 } };
    expect(names(chooseVictims({ "namespace a": 5 }, [other, own], lru))).toEqual(["own"]);
  });

  const models = fc.array(
    fc.record({
      bytes: fc.integer({ min: 1, max: 100 }),
      usedAt: fc.nat(),
      loadedAt: fc.nat(),
      uses: fc.nat(),
      rate: fc.double({ min: 0, max: 100, noNaN: true }),
      loadMs: fc.nat(),
      priority: fc.constantFrom(1, 2, 3, 4, 5) as fc.Arbitrary<1 | 2 | 3 | 4 | 5>,
    }),
  );

  it.each(Object.keys(EVICTION_POLICIES) as EvictionPolicyName[])("free enough, and without any one of them too little: %s", (policy) => {
    fc.assert(
      fc.property(models, fc.integer({ min: 1, max: 500 }), (list, lacking) => {
        const all = list.map((each, index) => ({ ...evictable(String(index), each.bytes), ...each }));
        const chosen = chooseVictims({ memory: lacking }, all, EVICTION_POLICIES[policy]);
        const sum = (some: readonly Evictable[]): number => some.reduce((total, { bytes }) => total + bytes, 0);
        if (chosen === undefined) {
          expect(sum(all)).toBeLessThan(lacking);
          return;
        }
        expect(sum(chosen)).toBeGreaterThanOrEqual(lacking);
        for (const victim of chosen) expect(sum(chosen) - victim.bytes).toBeLessThan(lacking);
      }),
    );
  });
});

describe("the ledger", () => {
  it("says what is lacking, and what no eviction could give", () => {
    const ledger = new Ledger({ memory: 100, models: 2 });
    const first = ledger.reserve({ memory: 60, models: 1, "namespace a": 60 });
    expect(ledger.lacking({ memory: 60, models: 1 })).toEqual({ memory: 20 });
    expect(ledger.reserve({ memory: 60, models: 1 })).toBeUndefined();
    expect(ledger.excess({ memory: 120, models: 1 })).toEqual({ memory: 20 });
    first?.resize("memory", 110);
    expect(ledger.free("memory")).toBe(-10);
    first?.release();
    first?.release();
    expect([ledger.reserved("memory"), ledger.reserved("models"), ledger.reserved("namespace a")]).toEqual([0, 0, 0]);
  });

  it("never reserves more than its budgets, whatever is reserved and released", () => {
    const command = fc.record({ memory: fc.nat(50), models: fc.constant(1), release: fc.nat(20) });
    fc.assert(
      fc.property(fc.array(command), (commands) => {
        const ledger = new Ledger({ memory: 100, models: 5 });
        const held: Array<NonNullable<ReturnType<Ledger["reserve"]>>> = [];
        for (const { memory, models: count, release } of commands) {
          const reservation = ledger.reserve({ memory, models: count });
          if (reservation !== undefined) held.push(reservation);
          held.splice(release, 1)[0]?.release();
          expect(ledger.reserved("memory")).toBeLessThanOrEqual(100);
          expect(ledger.reserved("models")).toBe(held.length);
          expect(ledger.reserved("memory")).toBe(held.reduce((sum, { amounts }) => sum + (amounts.memory ?? 0), 0));
        }
      }),
    );
  });
});

describe("usage", () => {
  it("is a rate that fades by half in ten minutes", () => {
    const usage = new Usage();
    expect([usage.rate(1), usage.usedAt, usage.uses]).toEqual([0, undefined, 0]);
    for (let second = 0; second < 36_000; second++) usage.note(second * 1_000);
    const now = 35_999_000;
    expect(usage.rate(now)).toBeCloseTo(1, 1);
    expect(usage.rate(now + 600_000)).toBeCloseTo(usage.rate(now) / 2, 6);
    expect(usage.uses).toBe(36_000);
  });
});
