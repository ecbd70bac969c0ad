import fc from "fast-check";
import { stringify } from "lossless-json";
import { describe, expect, it } from "vitest";
import { parseExactly } from "./exact-json.ts";

describe("parseExactly", () => {
  it.each([
    ["9007199254740993", 9007199254740993n],
    ["-9223372036854775808", -9223372036854775808n],
    ["9007199254740991", 9007199254740991],
    ['["9007199254740993",9007199254740993.0,1e400]', ["9007199254740993", 9007199254740992, Number.POSITIVE_INFINITY]],
    ['{"a":9007199254740993,"a":[18446744073709551615]}', { a: [18446744073709551615n] }],
    ['"\\"9007199254740993"', '"9007199254740993'],
  ])("%s", (text, value) => {
    expect(parseExactly(text)).toStrictEqual(value);
  });

  it("leaves integers that are longer than asked for to doubles", () => {
    expect(parseExactly("[123456789012345678901,-1234567890123456789]", 20)).toStrictEqual([123456789012345680000, -1234567890123456789n]);
  });

  it("keeps __proto__ a key like others", () => {
    const value = parseExactly('{"__proto__":{"inputs":9007199254740993}}') as Record<string, unknown>;
    expect([Object.keys(value), Object.getPrototypeOf(value)]).toEqual([["__proto__"], Object.prototype]);
    expect(value.inputs).toBeUndefined();
  });

  it.each(["{9007199254740993:1}", "[09007199254740993]", "[+9007199254740993]", "[9007199254740993x]", '["a"9007199254740993]'])(
    "refuses %s, and shows nothing but the text",
    (text) => {
      expect(() => parseExactly(text)).toThrow(SyntaxError);
      expect(() => parseExactly(text)).not.toThrow(/[\w-]{8}\d{16}/);
    },
  );

  it("reads what lossless-json writes", () => {
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: "small" },
        fc.string(),
        fc.boolean(),
        fc.constant(null),
        fc.integer(),
        fc.bigInt({ min: 2n ** 53n, max: 2n ** 80n }),
        fc.array(tie("tree")),
        fc.dictionary(fc.string(), tie("tree"), { noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        expect(parseExactly(stringify(value) as string)).toStrictEqual(value);
      }),
    );
  });
});
