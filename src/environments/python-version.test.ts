import { describe, expect, it } from "vitest";
import { interpretersFor, satisfies } from "./python-version.ts";

const python = (version: string) => ({ path: `/python${version}`, version });
const here = [python("3.11"), python("3.13")];

describe("a model's wish for a version of Python", () => {
  it.each([
    ["3.11", ">=3.10", true],
    ["3.11", ">=3.10,<3.12", true],
    ["3.12", ">=3.10, <3.12", false],
    ["3.11", "==3.11.*", true],
    ["3.11", "==3.11.7", true],
    ["3.10", "==3.11.*", false],
    ["3.12", "~=3.10", true],
    ["3.12", "~=3.11.2", false],
    ["3.11", "!=3.11.3", true],
    ["3.11", "!=3.11", false],
    ["3.11", ">3.11", false],
    ["3.11", ">=3", true],
    ["3.11", "<4", true],
    ["3.11", "", true],
  ])("%s satisfies %s: %s", (version, specifier, expected) => {
    expect(satisfies(version, specifier)).toBe(expected);
  });

  it("chooses among the interpreters that are there", () => {
    expect(interpretersFor(undefined, here).interpreters).toEqual(here);
    expect(interpretersFor({ specifier: ">=3.12", required: true }, here)).toEqual({ interpreters: [python("3.13")] });
    expect(() => interpretersFor({ specifier: ">=3.14", required: true }, here)).toThrow(
      "it asks for Python >=3.14, and here is only 3.11, 3.13",
    );
    expect(interpretersFor({ specifier: "==3.9.*", required: false }, here)).toEqual({
      interpreters: here,
      warning: "it was made with Python 3.9, and is served with 3.11",
    });
    expect(() => interpretersFor({ specifier: "newest", required: true }, here)).toThrow("'newest' is no version of Python");
  });
});
