import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type SequenceId, Sequences } from "./sequences.ts";

const START = { start: true, end: false };
const GO_ON = { start: false, end: false };
const END = { start: false, end: true };

const create = (maxSequences = 10): Sequences => new Sequences({ maxSequences, idleMs: 1000 });

describe("sequences", () => {
  it("start where the fewest are, and stay there", () => {
    const sequences = create();
    expect(["a", "b", "c", "d"].map((id) => sequences.assign(id, START, { replicas: ["r1", "r2"] }, 0))).toEqual(["r1", "r2", "r1", "r2"]);
    expect(sequences.assign("a", END, { replicas: ["r2", "r1"] }, 1)).toBe("r1");
    expect(sequences.assign("c", END, { replicas: ["r2", "r1"] }, 1)).toBe("r1");
    expect(sequences.assign("e", START, { replicas: ["r2", "r1"] }, 1)).toBe("r1");
    expect(sequences.assign("b", GO_ON, { replicas: ["r1", "r2"] }, 1)).toBe("r2");
  });

  it("begin anew where they are", () => {
    const sequences = create();
    sequences.assign("a", START, { replicas: ["r1", "r2"] }, 0);
    sequences.assign("b", START, { replicas: ["r1", "r2"] }, 0);
    expect(sequences.assign("b", START, { replicas: ["r1", "r2"] }, 0)).toBe("r2");
    expect(sequences.size).toBe(2);
  });

  it("tell a number from its text, and not 1 from 1n", () => {
    const sequences = create();
    sequences.assign(1, START, { replicas: ["r1", "r2"] }, 0);
    expect(() => sequences.assign("1", GO_ON, { replicas: ["r1", "r2"] }, 0)).toThrow('sequence "1" is not open');
    expect(sequences.assign("1", START, { replicas: ["r1", "r2"] }, 0)).toBe("r2");
    expect(sequences.assign(1n, GO_ON, { replicas: ["r1", "r2"] }, 0)).toBe("r1");
  });

  it.each<[SequenceId]>([[0], [-1], [1.5], [2 ** 53], [0n], [-1n], [2n ** 64n], [Number.NaN], [""], ["x".repeat(129)]])(
    "do not take %s for an id",
    (id) => {
      expect(() => create().assign(id, START, { replicas: ["r"] }, 0)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    },
  );

  it("take the largest integer of 64 bits", () => {
    expect(create().assign(2n ** 64n - 1n, START, { replicas: ["r"] }, 0)).toBe("r");
  });

  it("end when their last request has come, and after a while without any", () => {
    const sequences = create();
    sequences.assign("a", START, { replicas: ["r"] }, 0);
    sequences.assign("b", START, { replicas: ["r"] }, 500);
    sequences.assign("a", END, { replicas: ["r"] }, 600);
    expect(() => sequences.assign("a", GO_ON, { replicas: ["r"] }, 601)).toThrow(expect.objectContaining({ code: "FAILED_PRECONDITION" }));
    sequences.assign("b", GO_ON, { replicas: ["r"] }, 1400);
    expect(sequences.expire(2399)).toEqual([]);
    expect(sequences.expire(2400)).toEqual(["b"]);
    expect(() => sequences.assign("b", GO_ON, { replicas: ["r"] }, 2401)).toThrow("idle for 1000 ms");
  });

  it("stay open while they are used, whichever began first", () => {
    const sequences = create();
    sequences.assign("a", START, { replicas: ["r"] }, 0);
    sequences.assign("b", START, { replicas: ["r"] }, 100);
    sequences.assign("a", GO_ON, { replicas: ["r"] }, 900);
    expect(sequences.expire(1100)).toEqual(["b"]);
    expect(sequences.size).toBe(1);
  });

  it("may consist of one request", () => {
    const sequences = create();
    expect(sequences.assign("a", { start: true, end: true }, { replicas: ["r"] }, 0)).toBe("r");
    expect(sequences.size).toBe(0);
  });

  it("end with their replica", () => {
    const sequences = create();
    for (const id of [1, "b", 3]) sequences.assign(id, START, { replicas: ["r1", "r2"] }, 0);
    expect(sequences.lose("r1")).toEqual([1n, 3n]);
    expect(sequences.lose("r1")).toEqual([]);
    expect(() => sequences.assign(1, GO_ON, { replicas: ["r2"] }, 0)).toThrow(expect.objectContaining({ code: "FAILED_PRECONDITION" }));
    expect(() => sequences.assign("b", GO_ON, { replicas: ["r3"] }, 0)).toThrow(expect.objectContaining({ code: "ABORTED" }));
    sequences.assign("c", START, { replicas: ["r3"] }, 0);
    expect(sequences.assign("c", START, { replicas: ["r4"] }, 0)).toBe("r4");
    expect(() => sequences.assign("d", START, { replicas: [] }, 0)).toThrow(expect.objectContaining({ code: "UNAVAILABLE" }));
  });

  it("are bounded in number; idle ones make room", () => {
    const sequences = create(2);
    sequences.assign("a", START, { replicas: ["r"] }, 0);
    sequences.assign("b", START, { replicas: ["r"] }, 500);
    expect(() => sequences.assign("c", START, { replicas: ["r"] }, 900)).toThrow(
      expect.objectContaining({ code: "RESOURCE_EXHAUSTED", retryAfter: 1 }),
    );
    expect(sequences.assign("c", START, { replicas: ["r"] }, 1000)).toBe("r");
  });

  it("keep to their replica and their limits whatever comes", () => {
    const step = fc.record({
      id: fc.constantFrom<SequenceId>("1", 1, 1n, 2n, "x", "y"),
      start: fc.boolean(),
      end: fc.boolean(),
      wait: fc.integer({ min: 0, max: 400 }),
      lost: fc.option(fc.constantFrom("r1", "r2"), { freq: 8 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const sequences = create(3);
        const model = new Map<string | bigint, { replica: string; usedAt: number }>();
        let now = 0;
        for (const { id, start, end, wait, lost } of steps) {
          now += wait;
          const key = typeof id === "number" ? BigInt(id) : id;
          const idle = [...model].filter(([, { usedAt }]) => now - usedAt >= 1000).map(([open]) => open);
          expect(new Set(sequences.expire(now))).toEqual(new Set(idle));
          for (const open of idle) model.delete(open);
          if (lost !== null) {
            const ended = [...model].filter(([, { replica }]) => replica === lost).map(([open]) => open);
            expect(new Set(sequences.lose(lost))).toEqual(new Set(ended));
            for (const open of ended) model.delete(open);
          }
          const known = model.get(key);
          const loads = ["r1", "r2"].map((replica) => [...model.values()].filter((each) => each.replica === replica).length);
          let replica: string | undefined;
          try {
            replica = sequences.assign(id, { start, end }, { replicas: ["r1", "r2"] }, now);
          } catch {
            expect(known).toBeUndefined();
            expect(!start || model.size === 3).toBe(true);
          }
          if (replica !== undefined) {
            if (known !== undefined) expect(replica).toBe(known.replica);
            else expect(loads[replica === "r1" ? 0 : 1]).toBe(Math.min(...loads));
            if (end) model.delete(key);
            else model.set(key, { replica, usedAt: now });
          }
          expect(sequences.size).toBe(model.size);
        }
      }),
    );
  });
});
