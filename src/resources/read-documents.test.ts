import { describe, expect, it } from "vitest";
import { InvalidResourceError, type Problem } from "../core/resource.ts";
import { readDocuments } from "./read-documents.ts";

function problemsOf(text: string): readonly Problem[] {
  try {
    readDocuments(text, "test.yaml");
  } catch (error) {
    if (error instanceof InvalidResourceError) return error.problems;
    throw error;
  }
  return [];
}

function valuesOf(text: string): unknown[] {
  return readDocuments(text, "test.yaml").map(({ value }) => value);
}

describe("readDocuments", () => {
  it("reads each document with its lines, and skips empty ones", () => {
    const documents = readDocuments("# first\na: 1\nb:\n  - c: {d: x}\n---\n---\n# nothing\n---\nnull\n---\ne: yes\n", "two.yaml");
    expect(documents.map(({ value, source, line }) => ({ value, source, line }))).toEqual([
      { value: { a: 1, b: [{ c: { d: "x" } }] }, source: "two.yaml", line: 2 },
      { value: { e: "yes" }, source: "two.yaml", line: 11 },
    ]);
    const [first, second] = documents;
    expect(first?.lineOf(["b", 0, "c", "d"])).toBe(4);
    expect(first?.lineOf(["b"])).toBe(3);
    // The nearest that is there.
    expect(first?.lineOf(["b", 7, "x"])).toBe(3);
    expect(first?.lineOf(["z"])).toBe(2);
    expect(second?.lineOf(["e"])).toBe(11);
  });

  it("reads nothing from nothing", () => {
    for (const text of ["", "\n", "# only a comment", "---", "\uFEFF"]) expect(valuesOf(text)).toEqual([]);
  });

  it("reads JSON, with tabs too", () => {
    const [document] = readDocuments('{\n\t"a": [1, 2.5, "x"],\n\t"b": {"c": null}\n}', "test.json");
    expect(document?.value).toEqual({ a: [1, 2.5, "x"], b: { c: null } });
    expect(document?.lineOf(["b", "c"])).toBe(3);
  });

  it("refuses integers that would lose digits, and reads what only YAML 1.1 calls numbers, dates or flags as text", () => {
    expect(valuesOf("b: 9007199254740991\nc: -3\nd: 0x10\ne: 2026-01-01\nf: on\ng: 1_000\n1: x")).toEqual([
      { b: 9007199254740991, c: -3, d: 16, e: "2026-01-01", f: "on", g: "1_000", "1": "x" },
    ]);
    expect(() => valuesOf("a: 12345678901234567890")).toThrow("too many digits");
  });

  it("follows aliases and merges, which have the lines of what they name", () => {
    const [document] = readDocuments("a: &a\n  x: 1\nb:\n  <<: *a\n  y: 2\nc: *a\n", "test.yaml");
    expect(document?.value).toEqual({ a: { x: 1 }, b: { x: 1, y: 2 }, c: { x: 1 } });
    expect(document?.lineOf(["c", "x"])).toBe(2);
    expect(document?.lineOf(["b", "x"])).toBe(3);
  });

  it("takes lists of Kubernetes apart", () => {
    const documents = readDocuments("kind: List\nitems:\n- a: 1\n- kind: ServingRuntimeList\n  items:\n  - b:\n      c: 1\n", "test.yaml");
    expect(documents.map(({ value, line }) => ({ value, line }))).toEqual([
      { value: { a: 1 }, line: 3 },
      { value: { b: { c: 1 } }, line: 6 },
    ]);
    expect(documents[1]?.lineOf(["b", "c"])).toBe(7);
  });

  it.each([
    ["a:\n\tb: 1", 2, "", "no valid YAML: YAML is indented with spaces, found a tab; replace it"],
    [
      "a: b: c",
      1,
      "",
      "no valid YAML: two 'key: value' on one line; quote a value that contains ': ', or put each field on a line of its own",
    ],
    [
      "a:\n  b: 1\n c: 2",
      3,
      "",
      "no valid YAML: this line is indented differently from its neighbours; lines of one map or list begin in the same column",
    ],
    ["a:\n  b: [c\nd: 1", 3, "", "no valid YAML: a [ before this is not closed; add ]"],
    ["a:\n  b: {c: 1\nd: 1", 3, "", "no valid YAML: a { before this is not closed; add }"],
    ["a: 1\nb\n  c", 2, "", "no valid YAML: expected 'key: value' on this line; a colon is missing, or the indentation is wrong"],
    ["a: 1\nb: {{ .Name }} x", 2, "", "no valid YAML: found {{ outside quotes; quote the value, or fill the template in first"],
    [
      "a: {{ .Name }}",
      1,
      "a",
      "found a map or a list in place of a name; quote the value, or fill the template in first when it has {{ }}",
    ],
    ["~: 1", 1, "", "expected a name before the colon; quote it when it is meant as text"],
    ["a: 1\nb:\n- c: 1\n  c: 2", 4, "b[0].c", "is given twice, first in line 3; keep one"],
    ["a: 1\n'a': 2", 2, "a", "is given twice, first in line 1; keep one"],
    ["a: 1\n---\nb: !secret x", 3, "", "no valid YAML: Unresolved tag: !secret"],
    ["a: 1\nb:\n  <<: text", 1, "", "a merge key (<<) cannot be followed: Merge sources must be maps or map aliases"],
    ["a: *b", 1, "", "aliases cannot be followed: Unresolved alias (the anchor must be set before the alias): b"],
    ["}", 1, "", "no valid YAML: Unexpected flow-map-end token in YAML document"],
    ["a: 1\nb: .inf", 2, "b", "infinity and 'not a number' are no JSON; quote it when it is meant as text"],
    ["a:\n  __proto__: {x: 1}", 2, "a.__proto__", "this key is not allowed"],
    ["a: &a [*a]", 1, "a[0][0]", "nested more than 64 levels deep"],
  ])("says what is wrong with %j, and where", (text, line, path, message) => {
    expect(problemsOf(text)[0]).toEqual({ path, message, line });
  });

  it("says everything that is wrong with the keys", () => {
    expect(problemsOf("a: 1\na: 2\nb:\n  c: 1\n  c: 2\n---\nd: 1\nd: 2").map(({ path, line }) => `${path} ${line}`)).toEqual([
      "a 2",
      "b.c 5",
      "d 8",
    ]);
  });
});

describe("hostile text", () => {
  const bomb = [
    "a0: &a0 [x,x,x,x,x,x,x,x,x,x]",
    ...Array.from({ length: 12 }, (_, index) => `a${index + 1}: &a${index + 1} [${Array(10).fill(`*a${index}`).join()}]`),
  ].join("\n");

  // Each of these takes minutes, all memory or the process when it is not stopped early.
  it.each([
    ["a million characters", `a: "${"x".repeat(1_000_000)}"`, /more than 500000 characters/],
    ["an alias bomb", bomb, /Excessive alias count/],
    ["open lists", "[".repeat(400_000), /nested too deeply/],
    ["lists in lists", `${"[".repeat(10_000)}${"]".repeat(10_000)}`, /nested too deeply/],
    ["open maps", "a: {".repeat(100_000), /nested too deeply/],
    ["lists in block form", "- ".repeat(200_000), /nested too deeply/],
    ["maps in block form", Array.from({ length: 900 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n"), /nested too deeply/],
    ["keys in keys", "? ".repeat(200_000), /nested too deeply/],
    ["closing brackets", "}{".repeat(200_000), /Unexpected flow-map-end/],
    ["one key many times", "a: 1\n".repeat(20_000), /given twice/],
    ["tags without end", "!a ".repeat(20_000), /at most one tag/],
    ["a template without end", "{{".repeat(200_000), /nested too deeply/],
  ])("is rejected: %s", (_name, text, message) => {
    const problems = problemsOf(text);
    expect(problems[0]?.message).toMatch(message);
    expect(problems.length).toBeLessThanOrEqual(100);
  });
});
