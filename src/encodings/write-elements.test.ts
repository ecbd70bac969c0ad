import fc from "fast-check";
import { expect, it } from "vitest";
import { elementWriter } from "./write-elements.ts";

const rules = { nonFinite: () => "null", notText: () => "!" };

function written(elements: readonly Uint8Array[]): string {
  return elementWriter({ name: "x", datatype: "BYTES", shape: [elements.length], data: elements }, rules)(0, elements.length);
}

it("writes texts as JSON.stringify does, short and long ones", () => {
  const text = fc.oneof(
    fc.string(),
    fc.integer({ min: 126, max: 130 }).map((length) => "a".repeat(length)),
    fc
      .array(fc.constantFrom("a", '"', "\\", "\0", "\u001f", " ", "~", "\u007f", "\u0080", "ä", "日", "\ud800"))
      .map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(fc.array(text), fc.boolean(), (texts, areBuffers) => {
      const data = texts.map((each) => (areBuffers ? Buffer.from(each) : new TextEncoder().encode(each)));
      // A lone surrogate has no UTF-8, so what is written is what has replaced it.
      expect(`[${written(data)}]`).toBe(JSON.stringify(texts.map((each) => Buffer.from(each).toString())));
    }),
  );
});

it("asks what to write for bytes that are no UTF-8", () => {
  expect(written([Buffer.from("a"), Buffer.from([0x61, 0xff])])).toBe('"a",!');
});
