import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJson } from "./parse-json.ts";
import { PlainJson } from "./plain-json.ts";

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** A number that is all of the text; NaN for what is not read, or not to its end. */
function read(text: string, precision: "number" | "single"): number {
  const json = new PlainJson(Buffer.from(text));
  const value = json[precision]();
  return json.ends() ? value : Number.NaN;
}

const digits = (most: number) => fc.stringMatching(new RegExp(`^\\d{1,${most}}$`));
const decimal = fc
  .tuple(fc.constantFrom("", "-"), digits(12), digits(24), fc.constantFrom("", "e5", "E-7", "e+30", "e-300"))
  .map(([sign, whole, fraction, exponent]) => `${sign}${Number(whole)}.${fraction}${exponent}`);
const written = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  decimal,
  fc.constantFrom("0", "-0", "-0.0", "0.1", "9007199254740993", "9007199254740993.5", "1e999", "123456789012345", "1234567890123456"),
);

describe("a number read in place", () => {
  it("is what JSON.parse makes of it, or none where it is an integer of many digits", () => {
    fc.assert(
      fc.property(written, (text) => {
        const value = read(text, "number");
        if (Number.isNaN(value)) expect(text).toMatch(/^-?\d{16,}$/);
        else expect(value).toBe(JSON.parse(text));
      }),
      { numRuns: 1000 },
    );
  });

  it("is the same in single precision", () => {
    // Halfway between two of them, and as close to there as a decimal of 19 digits or a double can be.
    const halves = fc.float({ min: 2 ** -20, max: 2 ** 20, noNaN: true }).chain((value) => {
      const half = value * (1 + 2 ** -24);
      return fc.constantFrom(half, half * (1 + 2 ** -52), half * (1 - 2 ** -53)).map((near) => near.toPrecision(19));
    });
    fc.assert(
      fc.property(fc.oneof(written, halves), (text) => {
        const value = read(text, "single");
        if (Number.isNaN(value)) expect(text).toMatch(/^-?\d{16,}$/);
        else expect(Math.fround(value)).toBe(Math.fround(JSON.parse(text) as number));
      }),
      { numRuns: 2000 },
    );
  });

  it("is nothing that JSON has no number for", () => {
    const alike = fc.array(fc.constantFrom("0", "1", "9", "-", "+", ".", "e", "E"), { maxLength: 8 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(alike, (text) => {
        expect(read(text, "number")).toBe(parsed(text) ?? Number.NaN);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("a string read in place", () => {
  const texts = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" })).map((text) => JSON.stringify(text));

  it("has the UTF-8 that it has when it is parsed", () => {
    fc.assert(
      fc.property(texts, (text) => {
        const json = new PlainJson(Buffer.from(text));
        expect(json.utf8()).toEqual(new TextEncoder().encode(JSON.parse(text) as string));
        expect(json.ends()).toBe(true);
      }),
    );
  });

  it("is none that JSON does not have", () => {
    const alike = fc.array(fc.constantFrom('"', "\\", "n", "u00e9", "\n", "\0", "é", " "), { maxLength: 8 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(alike, (text) => {
        const json = new PlainJson(Buffer.from(text));
        const bytes = json.utf8();
        const value = bytes === undefined || !json.ends() ? undefined : Buffer.from(bytes).toString();
        expect(value).toBe(parsed(text));
      }),
      { numRuns: 1000 },
    );
  });

  it("that is not UTF-8 is told of at the end", () => {
    const json = new PlainJson(Buffer.from([0x22, 0xff, 0x22]));
    json.utf8();
    expect(json.ends()).toBe(false);
  });
});

it("reads a list or an object with the parser", () => {
  fc.assert(
    fc.property(fc.oneof(fc.array(fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }))), (value) => {
      const text = JSON.stringify(value);
      const json = new PlainJson(Buffer.from(text));
      expect(json.container()).toEqual(parseJson(Buffer.from(text)));
      expect(json.ends()).toBe(true);
    }),
  );
});
