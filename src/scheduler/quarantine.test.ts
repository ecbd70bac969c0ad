import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ServeError } from "../core/errors.ts";
import type { JsonValue, Parameters } from "../core/inference.ts";
import type { ReplicaCall } from "../core/replica.ts";
import type { Tensor } from "../core/tensor.ts";
import { Quarantine } from "./quarantine.ts";

function json(value: JsonValue, parameters?: Parameters): ReplicaCall {
  return { method: "predict", payload: { kind: "json", value }, ...(parameters === undefined ? {} : { parameters }) };
}

function isRefused(quarantine: Quarantine, call: ReplicaCall): boolean {
  try {
    quarantine.check(call);
    return false;
  } catch (error) {
    expect(error).toMatchObject({ code: "FAILED_PRECONDITION" });
    expect((error as ServeError).message).toContain("ended the model's host 2 times");
    return true;
  }
}

/** A copy that shares nothing with the original, with its objects' keys in the opposite order. */
function copyOf(call: ReplicaCall): ReplicaCall {
  const { parameters, ...rest } = structuredClone(call);
  return { ...rest, ...(parameters === undefined ? {} : { parameters: Object.fromEntries(Object.entries(parameters).reverse()) }) };
}

const name = fc.constantFrom("x", "y", "x1");
const tensor: fc.Arbitrary<Tensor> = fc.oneof(
  fc
    .record({ name, data: fc.uint8Array({ maxLength: 3, max: 2 }) })
    .map((given): Tensor => ({ ...given, datatype: "UINT8", shape: [given.data.length] })),
  fc
    .record({ name, data: fc.array(fc.uint8Array({ maxLength: 2, max: 2 }), { maxLength: 2 }) })
    .map((given): Tensor => ({ ...given, datatype: "BYTES", shape: [given.data.length] })),
);
const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.bigInt()) as fc.Arbitrary<JsonValue>;
const payload = fc.oneof(
  fc.array(tensor, { maxLength: 2 }).map((tensors) => ({ kind: "tensors", tensors }) as const),
  fc.array(value, { maxLength: 2 }).map((rows) => ({ kind: "rows", rows }) as const),
  value.map((value) => ({ kind: "json", value }) as const),
);
const parameters = fc.option(
  fc.dictionary(fc.constantFrom("a", "b"), fc.oneof(fc.boolean(), fc.integer({ max: 2, min: 0 }), fc.constantFrom("1", "true"))),
  {
    nil: undefined,
  },
);
const call: fc.Arbitrary<ReplicaCall> = fc
  .record({ method: fc.constantFrom("predict", "other"), payload, parameters })
  .map(({ parameters, ...rest }) => ({ ...rest, ...(parameters === undefined ? {} : { parameters }) }));

/** What makes two calls one, written independently of any hash. */
function identity({ method, payload, parameters = {} }: ReplicaCall): string {
  const sorted = (given: unknown): unknown => {
    if (typeof given === "bigint") return { long: String(given) };
    if (Array.isArray(given) || ArrayBuffer.isView(given)) return Array.from(given as Iterable<unknown>, sorted);
    if (typeof given !== "object" || given === null) return given;
    return {
      of: Object.entries(given)
        .map(([key, item]) => [key, sorted(item)])
        .sort(),
    };
  };
  return JSON.stringify(sorted([method, payload, parameters]));
}

describe("quarantine", () => {
  it("refuses what was alone in a host at two of its deaths, and nothing before that", () => {
    const quarantine = new Quarantine();
    expect(quarantine.recordDeath(json(1))).toBe(false);
    expect(isRefused(quarantine, json(1))).toBe(false);
    expect(quarantine.recordDeath(json(1))).toBe(true);
    expect(isRefused(quarantine, json(1))).toBe(true);
    expect(quarantine.size).toBe(1);
  });

  it("knows a request again by method, payload and parameters, and takes no other for it", () => {
    fc.assert(
      fc.property(call, call, (killer, other) => {
        const quarantine = new Quarantine();
        quarantine.recordDeath(killer);
        quarantine.recordDeath(copyOf(killer));
        expect(isRefused(quarantine, copyOf(killer))).toBe(true);
        expect(isRefused(quarantine, other)).toBe(identity(killer) === identity(other));
      }),
      { numRuns: 1000 },
    );
  });

  it("tells long integers from text and from other parameters", () => {
    const quarantine = new Quarantine();
    for (const death of [json(12345678901234567890n, { scale: 1 }), json(12345678901234567890n, { scale: 1 })])
      quarantine.recordDeath(death);
    expect(isRefused(quarantine, json("12345678901234567890n", { scale: 1 }))).toBe(false);
    expect(isRefused(quarantine, json(12345678901234567890n, { scale: "1" }))).toBe(false);
    expect(isRefused(quarantine, json(12345678901234567890n))).toBe(false);
    expect(isRefused(quarantine, json(12345678901234567890n, { scale: 1 }))).toBe(true);
  });

  it("is bounded, forgets what was not seen for longest, and never because of those that died once", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.nat({ max: 12 }), { maxLength: 60 }), (limit, deaths) => {
        const quarantine = new Quarantine(limit);
        const suspects: number[] = [];
        const refused: number[] = [];
        for (const death of deaths) {
          const [wasRefused, wasSuspect] = [refused.includes(death), suspects.includes(death)];
          expect(quarantine.recordDeath(json(death))).toBe(wasRefused || wasSuspect);
          if (wasSuspect) suspects.splice(suspects.indexOf(death), 1);
          if (wasRefused) continue;
          const list = wasSuspect ? refused : suspects;
          list.push(death);
          if (list.length > limit) list.shift();
        }
        expect(quarantine.size).toBe(refused.length);
        for (let death = 0; death <= 12; death++) expect(isRefused(quarantine, json(death))).toBe(refused.includes(death));
      }),
    );
  });

  it("keeps a request that is sent again and again over one that is not", () => {
    const quarantine = new Quarantine(2);
    for (const killer of [1, 1, 2, 2]) quarantine.recordDeath(json(killer));
    expect(isRefused(quarantine, json(1))).toBe(true);
    for (const killer of [3, 3]) quarantine.recordDeath(json(killer));
    expect([1, 2, 3].map((killer) => isRefused(quarantine, json(killer)))).toEqual([true, false, true]);
  });
});
