import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expandReferences, fillReferences } from "./container-references.ts";

const VALUES: Readonly<Record<string, string>> = { VAR_A: "A", VAR_B: "B", VAR_C: "C", VAR_REF: "$(VAR_A)", VAR_EMPTY: "" };
const expand = (text: string): string => expandReferences(text, (name) => VALUES[name]);

describe("expandReferences", () => {
  it.each([
    // Of Kubernetes' expand_test.go.
    ["$(VAR_A)", "A"],
    ["___$(VAR_B)___", "___B___"],
    ["___$(VAR_C)", "___C"],
    ["$(VAR_A)-$(VAR_A)", "A-A"],
    ["$(VAR_A)-1", "A-1"],
    ["f000-$$VAR_A", "f000-$VAR_A"],
    ["foo\\$(VAR_C)bar", "foo\\Cbar"],
    ["foo$$(VAR_B)", "foo$(VAR_B)"],
    ["$$$(VAR_A)", "$A"],
    ["$$$$$$(VAR_A)", "$$$(VAR_A)"],
    ["$(VAR_DNE)", "$(VAR_DNE)"],
    ["$VAR_A)", "$VAR_A)"],
    ["$[VAR_A]", "$[VAR_A]"],
    ["$(VAR_A", "$(VAR_A"],
    ["$(VAR_EMPTY)", ""],
    ["$(VAR_REF)", "$(VAR_A)"],
    ["$", "$"],
    ["$()", "$()"],
  ])("makes %s %s", (text, expanded) => {
    expect(expand(text)).toBe(expanded);
  });

  it("leaves a text without references as it is", () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => !text.includes("$")),
        (text) => expand(text) === text,
      ),
    );
  });
});

describe("fillReferences", () => {
  it("fills in what was left, once, and nothing else", () => {
    const left = expand("http://$(USER):$(PASSWORD)@host/$(VAR_A)/$$");
    expect(left).toBe("http://$(USER):$(PASSWORD)@host/A/$");
    expect(fillReferences(left, { PASSWORD: "$(USER)", toString: "x" })).toBe("http://$(USER):$(USER)@host/A/$");
    expect(fillReferences("$(toString)", {})).toBe("$(toString)");
  });
});
