import { describe, expect, it } from "vitest";
import { MetadataReader } from "./metadata-reader.ts";

const TENSORS = [{ name: "y", datatype: "FP32", shape: [1, 2], bytes: 8 }];

describe("metadata", () => {
  it("is what its text says, however often the same tensors come", () => {
    const reader = new MetadataReader();
    for (const computeMs of [1, 0.25, 1, 1e21]) {
      const meta = { answers: [{ tensors: 1 }], tensors: TENSORS, computeMs };
      expect(reader.read(`${JSON.stringify(meta)}   `)).toEqual(meta);
    }
    expect(reader.read(JSON.stringify({ answers: [], tensors: TENSORS, computeMs: 1 }))).toEqual({
      answers: [],
      tensors: TENSORS,
      computeMs: 1,
    });
  });

  it("is read once for all answers with the same tensors", () => {
    const reader = new MetadataReader();
    const [first, second] = [1, 2].map((computeMs) => reader.read(JSON.stringify({ tensors: TENSORS, computeMs })) as { tensors: unknown });
    expect(second?.tensors).toBe(first?.tensors);
  });

  it.each([
    { tensors: TENSORS, parameters: { computeMs: 3 } },
    { tensors: TENSORS, parameters: { text: ',"computeMs":3}' } },
    { tensors: [{ name: ',"computeMs":3}' }], computeMs: 4 },
    { json: { value: 1 }, computeMs: 2 },
    [1, { a: 1, computeMs: 2 }],
  ])("is told from what only looks like it: %j", (meta) => {
    const reader = new MetadataReader();
    for (let time = 0; time < 2; time++) expect(reader.read(JSON.stringify(meta))).toEqual(meta);
  });

  it.each(['{"tensors":[],"computeMs":01}', '{"tensors":[,"computeMs":1}', '{"tensors":[],"computeMs":1}}'])(
    "is JSON or nothing: %s",
    (text) => {
      const reader = new MetadataReader();
      reader.read('{"tensors":[],"computeMs":1}');
      expect(() => reader.read(text)).toThrow(SyntaxError);
    },
  );
});
