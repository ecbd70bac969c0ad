import { describe, expect, it } from "vitest";
import { parseFieldSelector, parseLabelSelector } from "./selectors.ts";

describe("a label selector", () => {
  const labels = { team: "a", "kserve.io/tier": "gold", empty: "" };

  it.each([
    ["", true],
    ["team=a", true],
    ["team==b", false],
    ["team != b, kserve.io/tier = gold", true],
    ["other!=b", true],
    ["empty=", true],
    ["team", true],
    ["other", false],
    ["!other", true],
    ["!team", false],
    ["team in (a,b)", true],
    ["team in (b, c),team", false],
    ["team notin (b, c),!other", true],
    ["other notin (b)", true],
    ["other in (b)", false],
    ["other in ()", false],
    ["toString", false],
  ])("%s", (text, expected) => {
    expect(parseLabelSelector(text)(labels)).toBe(expected);
  });

  it.each(["=a", "team in a", "team=a b", "a,,b", "team>1", "team in (a", "-a", `team in (${", ".repeat(60)}!)`, "team in (a(b))"])(
    "%s is refused",
    (text) => {
      expect(() => parseLabelSelector(text)).toThrow("unable to parse the label selector");
    },
  );
});

it("refuses a label selector that is longer than anybody's", () => {
  expect(() => parseLabelSelector(",".repeat(5000))).toThrow("5000 characters; at most 4096");
});

describe("a field selector", () => {
  const fields = { "metadata.name": ({ name }: { name: string }) => name };

  it.each([
    ["", true],
    ["metadata.name=iris", true],
    ["metadata.name==iris,metadata.name!=wine", true],
    ["metadata.name!=iris", false],
  ])("%s", (text, expected) => {
    expect(parseFieldSelector(text, fields)({ name: "iris" })).toBe(expected);
  });

  it.each(["status.url=a", "metadata.name", "toString=a"])("%s is refused", (text) => {
    expect(() => parseFieldSelector(text, fields)).toThrow("compare one of metadata.name");
  });
});
