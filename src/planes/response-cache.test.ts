import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Payload } from "../core/inference.ts";
import type { ReplicaCall } from "../core/replica.ts";
import { ResponseCache } from "./response-cache.ts";

const bytes = (name: string, shape: number[], ...data: number[]): Payload => ({
  kind: "tensors",
  tensors: [{ name, datatype: "UINT8", shape, data: Uint8Array.from(data) }],
});
const call = (payload: Payload, others: Partial<ReplicaCall> = {}): ReplicaCall => ({ method: "predict", payload, ...others });

describe("the response cache", () => {
  it("knows calls by the loaded version and all of what they are", () => {
    const cache = new ResponseCache(1e6);
    const calls: Array<[string, ReplicaCall]> = [
      ["a", call(bytes("x", [2], 1, 2))],
      ["b", call(bytes("x", [2], 1, 2))],
      ["a", call(bytes("y", [2], 1, 2))],
      ["a", call(bytes("x", [1, 2], 1, 2))],
      ["a", call(bytes("x", [2], 1, 3))],
      ["a", call(bytes("x", [2], 1, 2), { method: "encode" })],
      ["a", call(bytes("x", [2], 1, 2), { outputs: ["y"] })],
      ["a", call(bytes("x", [2], 1, 2), { parameters: { k: 1 } })],
      ["a", call(bytes("x", [2], 1, 2), { parameters: { k: "1" } })],
    ];
    const keys = calls.map(([model, each]) => cache.keyOf(model, each));
    expect(new Set(keys).size).toBe(calls.length);
    expect(keys[0]).toBe(cache.keyOf("a", call(bytes("x", [2], 1, 2))));
    expect(cache.keyOf("a", call({ kind: "rows", rows: [1] }))).toBeUndefined();
    expect(
      cache.keyOf("a", call({ kind: "tensors", tensors: [{ name: "x", datatype: "UINT8", shape: [9e6], data: new Uint8Array(9e6) }] })),
    ).toBe(undefined);
  });

  it("tells lists of texts apart, whatever they are when they are joined", () => {
    const cache = new ResponseCache(1e6);
    const key = (texts: readonly string[]): string | undefined =>
      cache.keyOf(
        "a",
        call({
          kind: "tensors",
          tensors: [{ name: "x", datatype: "BYTES", shape: [texts.length], data: texts.map((text) => Buffer.from(text)) }],
        }),
      );
    fc.assert(
      fc.property(
        fc.array(fc.string({ maxLength: 3 }), { maxLength: 4 }),
        fc.array(fc.string({ maxLength: 3 }), { maxLength: 4 }),
        (one, other) => {
          expect(key(one) === key(other)).toBe(JSON.stringify(one) === JSON.stringify(other));
        },
      ),
    );
  });

  it("keeps a copy, and lets go what was asked for longest ago", () => {
    const cache = new ResponseCache(2000);
    const memory = Uint8Array.of(1, 2, 3, 4);
    cache.put("a", { kind: "tensors", tensors: [{ name: "y", datatype: "UINT8", shape: [2], data: memory.subarray(1, 3) }] });
    memory.fill(9);
    expect(cache.get("a")).toEqual(bytes("y", [2], 2, 3));
    cache.put("b", bytes("y", [1], 1));
    cache.put("c", bytes("y", [1], 1));
    expect(cache.get("a")).toBeDefined();
    cache.put("d", bytes("y", [1], 1));
    expect(["a", "b", "c", "d"].map((key) => cache.get(key) !== undefined)).toEqual([true, false, true, true]);
    expect([cache.entries, cache.evictions, cache.bytes <= 2000]).toEqual([3, 1, true]);
    cache.put("large", bytes("y", [1000], ...new Uint8Array(1000)));
    expect([cache.get("large"), cache.entries]).toEqual([undefined, 3]);
  });
});
