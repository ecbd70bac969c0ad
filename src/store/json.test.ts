import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../core/inference.ts";
import { parseJson, stringifyJson } from "./json.ts";

const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.string({ unit: "binary" }),
    fc.constantFrom("", "\0", "\0\0", "\x005", "__proto__", "\ud800", 2 ** 53, -(2 ** 60), 1e300, null, true, false),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((number) => !Object.is(number, -0)),
    fc.bigInt(),
    fc.array(tie("value")),
    fc.dictionary(fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("__proto__", "toString", "\0")), tie("value")),
  ),
}));

describe("the stored JSON", () => {
  it("is what was given, with the kinds of its numbers", () => {
    fc.assert(
      fc.property(value, (any) => {
        const object = { any } as JsonObject;
        expect(parseJson(stringifyJson(object))).toStrictEqual(withPlainPrototypes(object));
      }),
      { numRuns: 500 },
    );
  });

  it("is plain JSON but for bigints", () => {
    expect(stringifyJson({ a: [1, "é", null], b: 2 ** 53 })).toBe('{"a":[1,"é",null],"b":9007199254740992}');
    expect(stringifyJson({ a: 2n ** 64n })).toBe('{"a":"\\u000018446744073709551616"}');
  });

  it("refuses numbers that JSON has not", () => {
    for (const number of [Number.NaN, Number.POSITIVE_INFINITY]) expect(() => stringifyJson({ number })).toThrow(TypeError);
  });
});

/** fast-check also makes objects without a prototype. */
function withPlainPrototypes(object: unknown): unknown {
  if (Array.isArray(object)) return object.map(withPlainPrototypes);
  if (typeof object !== "object" || object === null) return object;
  return Object.fromEntries(Object.entries(object).map(([key, inner]) => [key, withPlainPrototypes(inner)]));
}
