import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { expect, it } from "vitest";
import { InvalidResourceError, type Problem } from "../core/resource.ts";
import { type FieldPath, formatPath } from "./field-path.ts";
import { isMap } from "./json-fields.ts";
import { readDocuments } from "./read-documents.ts";
import { validateDocument } from "./validate-document.ts";

const folder = fileURLToPath(new URL("../../testdata/resources/valid", import.meta.url));
const documents = readdirSync(folder).flatMap((file) => readDocuments(readFileSync(join(folder, file), "utf8"), file));

/** Maps whose keys the user chooses, and what an API server owns. */
const FREE = ["labels", "annotations", "nodeSelector", "limits", "requests", "status"];

function keysOf(value: unknown, path: FieldPath = []): FieldPath[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => keysOf(item, [...path, index]));
  if (!isMap(value)) return [];
  return Object.entries(value).flatMap(([key, field]) => [[...path, key], ...(FREE.includes(key) ? [] : keysOf(field, [...path, key]))]);
}

/** A copy with the last key of the path called otherwise, in its old place. */
function rename(value: unknown, [head, ...rest]: FieldPath, name: string): unknown {
  if (Array.isArray(value)) return value.map((item, index) => (index === head ? rename(item, rest, name) : item));
  return Object.fromEntries(
    Object.entries(value as object).map(([key, field]) => {
      if (key !== head) return [key, field];
      return rest.length === 0 ? [name, field] : [key, rename(field, rest, name)];
    }),
  );
}

function problemsOf(document: unknown): readonly Problem[] {
  try {
    validateDocument(document);
  } catch (error) {
    if (error instanceof InvalidResourceError) return error.problems;
    throw error;
  }
  return [];
}

const place = fc
  .constantFrom(...documents)
  .chain(({ value }) => fc.record({ document: fc.constant(value), path: fc.constantFrom(...keysOf(value)) }));

/** What a key becomes: another word, or a slip of the finger. */
const slip = fc.oneof(
  fc.string({ minLength: 1, unit: "grapheme" }).map((word) => () => `${word}?`),
  fc.nat(30).map((index) => (key: string) => `${key.slice(0, index)}${key.slice(index + 1)}~`),
  fc.constant((key: string) => `${key}s_`),
);

it("says of a key that is called otherwise that it is unknown, at exactly its place", () => {
  fc.assert(
    fc.property(place, slip, ({ document, path }, change) => {
      const name = change(String(path.at(-1)));
      const expected = formatPath([...path.slice(0, -1), name]);
      const found = problemsOf(rename(document, path, name)).find((problem) => problem.path === expected);
      expect(found?.message, expected).toMatch(/^unknown field/);
    }),
    { numRuns: 500 },
  );
});

it("never fails in any other way, and never changes what it is given", () => {
  fc.assert(
    fc.property(place, fc.jsonValue({ maxDepth: 3 }), ({ document, path }, value) => {
      const changed = structuredClone(document);
      let parent = changed as Record<string | number, unknown>;
      for (const segment of path.slice(0, -1)) parent = parent[segment] as Record<string | number, unknown>;
      parent[path.at(-1) ?? ""] = value;
      const before = structuredClone(changed);
      problemsOf(changed);
      expect(changed).toEqual(before);
    }),
    { numRuns: 500 },
  );
});
